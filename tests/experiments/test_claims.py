"""What docs/results.md says is borne out holds for a seed that is not in its table; run afresh, in minutes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from course.experiments.common import Outcome
from course.experiments.registry import EXPERIMENTS

ROOT = Path(__file__).parents[2]
RESULTS = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
UNSEEN_SEED = 11


def borne_out() -> dict[str, float]:
    """The claims with a yes, and their thresholds."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in RESULTS.splitlines() if line.startswith("| ")]
    return {row[0]: float(row[1]) for row in rows if row[-1] == "yes"}


def test_the_page_is_of_these_experiments():
    for experiment in EXPERIMENTS.values():
        assert f"## {experiment.title}\n" in RESULTS
        for claim in experiment.claims:
            assert f"| {claim.text} |" in RESULTS
        for row in experiment.rows:
            assert f"| {row.label} | " in RESULTS


def run(name: str, variant: str) -> Outcome:
    """In a process of its own, without the checks that slow the tests' process down."""
    command = [sys.executable, "-m", "course.experiments", "--one", name, variant, str(UNSEEN_SEED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["translation", "pretraining", "minilm", "heads", "assistant"])
def test_claims_hold_for_another_seed(name: str):
    experiment = EXPERIMENTS[name]
    outcomes = {variant: run(name, variant) for variant in experiment.variants}
    thresholds = borne_out()
    for claim in experiment.claims:
        if claim.text in thresholds:
            larger, smaller = (outcomes[v].test[metric] for v, metric in (claim.larger, claim.smaller))
            assert larger > thresholds[claim.text] > smaller, claim.text
    assert max(outcome.cpu_seconds for outcome in outcomes.values()) < 120  # 90 on a quiet machine
