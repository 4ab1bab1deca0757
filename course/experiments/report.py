"""From outcomes to a page: medians with their spread, claims with their verdict, what a run cost."""

import re
import statistics
from collections.abc import Sequence

from course.experiments.common import Claim, Experiment, Outcome, Row

Outcomes = dict[str, list[Outcome]]  # variant -> one for each seed


HEAD = """# What the models reach

Every number here comes from a run of `make results`, which anybody can repeat. A cell is the median over the seeds,
with the smallest and the largest value below it. All numbers are of the test split. Whatever was chosen, settings
and thresholds alike, was chosen on the validation split. CPU-s: processor seconds of the longest run, on one thread.

A claim names two groups of runs. Its threshold lies halfway between them on the validation split; the claim is
borne out if it parts them on the test split too, every run on its side."""


def page(sections: Sequence[str]) -> str:
    """The whole page, in markdown."""
    return "\n\n".join([HEAD, *sections]) + "\n"


def sections_of(text: str) -> dict[str, str]:
    """The sections of such a page by their titles."""
    found = {}
    for part in re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]:
        title = part.partition("\n")[0].removeprefix("## ")
        found[title] = part.rstrip("\n")
    return found


def section(experiment: Experiment, outcomes: Outcomes, machine: str) -> str:
    """One table with what belongs to it."""
    parts = [f"## {experiment.title}", experiment.setting, table(experiment, outcomes)]
    if experiment.claims:
        parts.append(claims_table(experiment.claims, outcomes))
    remarks = experiment.remarks(outcomes)
    if remarks:
        parts.append(remarks)
    seeds = min(map(len, outcomes.values()))
    return "\n\n".join([*parts, f"*{seeds} seeds; {machine}.*"])


def table(experiment: Experiment, outcomes: Outcomes) -> str:
    headings = ["", *experiment.columns, "parameters", "CPU-s"]
    rows = [table_row(experiment, row, outcomes[row.variant]) for row in experiment.rows]
    return markdown([headings, *rows])


def table_row(experiment: Experiment, row: Row, runs: list[Outcome]) -> list[str]:
    numbers = [spread([run.test.get(metric + row.suffix) for run in runs]) for metric in experiment.columns.values()]
    size = runs[0].facts.get("parameters")
    return [row.label, *numbers, "" if size is None else f"{size:,}", f"{max(run.cpu_seconds for run in runs):.0f}"]


def spread(values: list[float | None]) -> str:
    """Median, with the smallest and the largest; a dash where a row has no such number."""
    if None in values:
        return "–"
    digits = 3 if max(map(abs, values)) < 10 else 1
    middle, low, high = (f"{f(values):.{digits}f}" for f in (statistics.median, min, max))
    return f"**{middle}**<br>{low}–{high}"


def claims_table(claims: Sequence[Claim], outcomes: Outcomes) -> str:
    rows = [["claim", "threshold", "larger side, test", "smaller side, test", "borne out"]]
    for claim in claims:
        threshold, holds = judge(claim, outcomes)
        sides = [numbers(outcomes, side, "test") for side in (claim.larger, claim.smaller)]
        written = "none parts them" if threshold is None else f"{threshold:.3g}"
        rows.append([claim.text, written, *(", ".join(f"{x:.3g}" for x in side) for side in sides), yes_no(holds)])
    return markdown(rows)


def judge(claim: Claim, outcomes: Outcomes) -> tuple[float | None, bool]:
    """The threshold, halfway between the groups on the validation split, and whether it parts them on the test split.

    None if the groups overlap on the validation split: then the claim doesn't show.
    """
    larger, smaller = (numbers(outcomes, side, "valid") for side in (claim.larger, claim.smaller))
    if min(larger) <= max(smaller):
        return None, False
    threshold = (min(larger) + max(smaller)) / 2
    larger, smaller = (numbers(outcomes, side, "test") for side in (claim.larger, claim.smaller))
    return threshold, min(larger) > threshold > max(smaller)


def numbers(outcomes: Outcomes, side: tuple[str, str], split: str) -> list[float]:
    variant, metric = side
    return [getattr(outcome, split)[metric] for outcome in outcomes[variant]]


def yes_no(holds: bool) -> str:
    return "yes" if holds else "**no**"


def markdown(rows: list[list[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])
