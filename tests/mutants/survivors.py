"""The mutants that lose no points, each with the reason: survivors.toml, which the nightly hunt holds.

[[survivors]]
exercise = "A1.9"
same = true        the answer does what it did: no test could tell; false: a test could, and none does
reason = "…"
changes = ["old -> new", …]    as `python -m tests.mutants.hunt A1.9` prints them
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from course.grading.notebook import Exercise
from tests.mutants.hunt import made


class Survivor(NamedTuple):
    """One listed change of an exercise's reference."""

    exercise: str
    change: str
    same: bool
    reason: str


@cache
def listed() -> tuple[Survivor, ...]:
    """All of survivors.toml."""
    text = Path(__file__).with_name("survivors.toml").read_text(encoding="utf-8")
    return tuple(
        Survivor(entry["exercise"], change, entry["same"], entry["reason"])
        for entry in tomllib.loads(text).get("survivors", [])
        for change in entry["changes"]
    )


def of(exercise: Exercise) -> list[Survivor]:
    """Those of one exercise."""
    return [survivor for survivor in listed() if survivor.exercise == exercise.id]


def tally(exercise: Exercise) -> tuple[int, int]:
    """How many mutants are caught, of how many that change what the answer does."""
    survivors = of(exercise)
    changing = len(made(exercise)) - sum(survivor.same for survivor in survivors)
    return changing - sum(not survivor.same for survivor in survivors), changing
