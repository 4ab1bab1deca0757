"""Each experiment runs from end to end with few steps, and the command keeps what it has done."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from course.data import dialogues
from course.data.splits import split
from course.experiments import __main__ as command
from course.experiments import (
    assistant,
    captioning,
    heads,
    minilm,
    pretraining,
    proteins,
    toy,
    translation,
)
from course.experiments import digest as digests
from course.experiments.common import Experiment, Outcome, decay, plateau, rows_of, timed
from course.experiments.digest import digest
from course.experiments.language import power_law
from course.experiments.registry import EXPERIMENTS, MODULES
from course.experiments.report import page, sections_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch):
    """Minutes become seconds; what is learned is not looked at."""
    small = translation.Corpus(n=200, held_out=30)
    monkeypatch.setattr(translation, "corpus", lambda: small)
    monkeypatch.setattr(translation, "STEPS", dict.fromkeys(translation.STEPS, 3))
    for module in MODULES:
        for name in [name for name, value in vars(module).items() if name.endswith("STEPS") and isinstance(value, int)]:
            monkeypatch.setattr(module, name, 3)
    monkeypatch.setattr(heads, "TRAINED_ON", 300)
    monkeypatch.setattr(heads, "split", lambda items, valid, test, seed: split(items[::9], 20, 20, seed))
    monkeypatch.setattr(pretraining, "PAIRS", 100)
    monkeypatch.setattr(assistant, "LINES", 200)
    monkeypatch.setattr(minilm, "sample", lambda items, n: items[: n // 10])
    canvases = {name: type(part)(*(field[:30] for field in part)) for name, part in captioning.drawn().items()}
    monkeypatch.setattr(captioning, "drawn", lambda: canvases)
    crops = tuple(part[::15] for part in proteins.crops())
    monkeypatch.setattr(proteins, "crops", lambda: crops)
    ends = dialogues.Dialogues(*(part[:2] + part[-2:] for part in dialogues.dialogues()))  # known facts, invented names
    monkeypatch.setattr(dialogues, "dialogues", lambda seed, careless: ends)


CASES = [(name, variant) for name, experiment in EXPERIMENTS.items() for variant in experiment.variants]


@pytest.mark.parametrize(("name", "variant"), CASES)
@pytest.mark.usefixtures("few_steps")
def test_every_variant_gives_the_numbers_that_its_table_needs(name: str, variant: str):
    experiment = EXPERIMENTS[name]
    outcome = timed(lambda: experiment.run(variant, 0))
    assert outcome.cpu_seconds > 0
    assert outcome.valid.keys() == outcome.test.keys()
    assert all(math.isfinite(value) for value in [*outcome.valid.values(), *outcome.test.values()])
    wanted = {
        metric + row.suffix
        for row in experiment.rows
        if row.variant == variant
        for metric in experiment.columns.values()
    }
    assert wanted & outcome.test.keys(), "no cell of its rows has a number"
    claimed = {m for claim in experiment.claims for v, m in (claim.larger, claim.smaller) if v == variant}
    assert claimed <= outcome.test.keys()
    json.dumps(outcome.as_dict())


def test_claims_speak_of_rows_that_there_are():
    for experiment in EXPERIMENTS.values():
        for claim in experiment.claims:
            assert {claim.larger[0], claim.smaller[0]} <= set(experiment.variants)


def test_the_rate_climbs_and_falls_to_nothing():
    rate = decay(2.0, steps=100, warm_up=10)
    assert rate(5) == pytest.approx(1.0)
    assert rate(11) == pytest.approx(2.0, rel=0.02)
    assert rate(100) < 0.05
    assert all(rate(n) > rate(n + 1) > 0 for n in range(11, 99))


def test_the_plateau_is_flat_up_to_the_last_quarter():
    rate = plateau(2.0, steps=100, warm_up=10)
    assert rate(5) == pytest.approx(1.0)
    assert {rate(n) for n in range(10, 77)} == {2.0}
    assert all(rate(n) > rate(n + 1) > 0 for n in range(77, 100))


def test_the_power_law_is_found_where_there_is_one():
    sizes = [10, 200, 3000, 50_000]
    assert power_law(sizes, [5.0 * n**-0.08 for n in sizes]) == pytest.approx((5.0, 0.08))


def test_kinds_are_read_off_a_clean_signal():
    target = torch.tensor([0, 2.0, 2, 2, 0, 1, 3, 1, 0])
    assert toy.kinds_of(target).tolist() == [0, 1, 1, 1, 0, 2, 2, 2, 0]


def test_labels_are_drawn_in_equal_shares():
    chosen = minilm.balanced([0, 1] * 20 + [1] * 10, 8)
    assert len(set(chosen)) == 8
    assert sum(([0, 1] * 20 + [1] * 10)[i] for i in chosen) == 4


# --- the command


def test_what_is_finished_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def run_one(job: command.Job) -> float:
        asked.append((job.variant, job.seed))
        job.file.write_text(json.dumps(Outcome({}, {"x": 1.0 + job.seed}).as_dict()))
        return 0.0

    monkeypatch.setattr(command, "KEPT", tmp_path)
    monkeypatch.setattr(command, "run_one", run_one)
    one = Experiment("one", "One", "", translation.run, rows_of(("a", "b/c")), {"x": "x"})
    ((_, first),) = command.run_all([one], seeds=2, jobs=1, again=False)
    assert asked == [("a", 0), ("a", 1), ("b/c", 0), ("b/c", 1)]
    assert [outcome.test["x"] for outcome in first["b/c"]] == [1.0, 2.0]
    command.run_all([one], seeds=3, jobs=1, again=False)
    assert asked[4:] == [("a", 2), ("b/c", 2)]
    command.run_all([one], seeds=1, jobs=1, again=True)
    assert len(asked) == 8


def test_changed_code_has_new_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = digest(EXPERIMENTS["toy"])
    assert before == digest(EXPERIMENTS["toy"]) != digest(EXPERIMENTS["language"])
    changed = tmp_path / "attention.py"
    changed.write_text("# another attention\n")
    known = digests.module_file
    monkeypatch.setattr(
        digests, "module_file", lambda name: changed if name == "course.models.attention" else known(name)
    )
    assert digest(EXPERIMENTS["toy"]) != before


def test_the_code_of_an_experiment_is_what_it_imports_near_and_far():
    found = {path.relative_to(ROOT).with_suffix("").as_posix() for path in digests.files(EXPERIMENTS["heads"])}
    near = {"course/experiments/heads", "course/experiments/translation", "course/experiments/common"}
    far = {"course/models/attention", "course/data/lexicon", "course/training/loop", "course/device"}
    assert near | far <= found
    assert not found & {"course/experiments/toy", "course/models/toy", "course/data/toy", "course/data/reviews"}


def test_tables_that_were_not_asked_for_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "results.md"
    out.write_text(page([f"## {e.title}\n\nOld {name}." for name, e in EXPERIMENTS.items() if name != "language"]))
    monkeypatch.setattr(command, "run_all", lambda chosen, *options: [(chosen[0], {})])
    monkeypatch.setattr(command, "section", lambda e, outcomes, machine: f"## {e.title}\n\nNew {e.name}.")
    monkeypatch.setattr(sys, "argv", ["experiments", "language", "--out", str(out)])
    command.main()
    words = [text.split()[-2:] for text in sections_of(out.read_text()).values()]
    assert words == [["New" if name == "language" else "Old", f"{name}."] for name in EXPERIMENTS]


def test_an_unknown_name_is_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "course.experiments", "tyo"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("no experiment is called tyo; there are translation, toy,")
