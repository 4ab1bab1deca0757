"""How well `course similarity` finds copies: `python -m tests.similarity.measure` prints docs/similarity.md's tables.

The class of an exercise is all its right and wrong answers of tests/answers, each taken as a student's. Into it comes
one copy at a time of a right answer, in one disguise. Found is a copy whose original stands beside it; a false alarm is
any pair of the class before the copy came. The right answers don't count as known here, unlike in real use.
"""

import math
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from random import Random
from statistics import median

from course.similarity.fingerprints import fingerprints
from course.similarity.known_code import given_code
from course.similarity.pairs import Alike, alike_in
from tests.similarity.corpus import ROOT, Written, answers, sources
from tests.similarity.disguises import DISGUISES

BY_HAND = "by hand"
COPY = "copy"
LENGTHS = (20, 40, 80, math.inf)


@dataclass(frozen=True)
class Copy:
    """A right answer in one disguise. length: how many fingerprints of its own the original has."""

    original: Written
    disguise: str
    text: str
    length: int


def band(length: int) -> int:
    """The index of the band of lengths that this one is in."""
    return next(index for index, limit in enumerate(LENGTHS) if length < limit)


@cache
def given(assignment: str) -> frozenset[int]:
    return given_code(ROOT, sources()[assignment])


def own(written: Written, text: str | None = None) -> frozenset[int]:
    """The fingerprints of an answer, or of another text to the same exercise, beyond what was given."""
    return fingerprints(written.text if text is None else text).hashes - given(written.assignment)


@cache
def classes() -> dict[str, dict[Written, frozenset[int]]]:
    """exercise -> the answers of its class, with their fingerprints."""
    found: dict[str, dict[Written, frozenset[int]]] = defaultdict(dict)
    for written in (*answers("right"), *answers("wrong")):
        found[written.exercise][written] = own(written)
    return found


def copies() -> Iterator[Copy]:
    """Each right answer in each disguise, and those made by hand."""
    right = answers("right")
    for written in right:
        for name, disguise in DISGUISES.items():
            text = disguise(written.text, Random(f"{written.exercise} {written.name} {name}"))
            yield Copy(written, name, text, len(own(written)))
    named = {(written.exercise, written.name): written for written in right}
    for entry in tomllib.loads((Path(__file__).parent / "by_hand.toml").read_text(encoding="utf-8"))["copy"]:
        original = named[entry["exercise"], entry["of"]]
        yield Copy(original, BY_HAND, entry["text"], len(own(original)))


def is_found(copy: Copy) -> bool:
    """Does the copy stand beside its original, in the class of the exercise?"""
    original = copy.original
    prints = {_label(written): hashes for written, hashes in classes()[original.exercise].items()}
    prints[COPY] = own(original, copy.text)
    alike = alike_in(original.assignment, original.exercise, prints, {COPY})
    return any(set(pair.students) == {COPY, _label(original)} for pair in alike)


def _label(written: Written) -> str:
    return f"{written.kind}: {written.name}"


def false_alarms(kinds: set[str]) -> dict[str, tuple[int, int]]:
    """exercise -> pairs of answers of these kinds that are shown though nobody copied, and the number of such pairs."""
    found = {}
    for exercise, written in classes().items():
        kind_of = {_label(w): w.kind for w in written}
        shown = [alike for alike in _shown(exercise) if {kind_of[student] for student in alike.students} <= kinds]
        found[exercise] = len(shown), math.comb(sum(kind in kinds for kind in kind_of.values()), 2)
    return found


@cache
def _shown(exercise: str) -> list[Alike]:
    return alike_in("", exercise, {_label(w): hashes for w, hashes in classes()[exercise].items()}, set())


Recall = dict[tuple[int, str, str], list[bool]]


def recall() -> Recall:
    """(length of the original, exercise, disguise) -> for each copy whether it is shown beside its original."""
    found: Recall = defaultdict(list)
    for copy in copies():
        found[copy.length, copy.original.exercise, copy.disguise].append(is_found(copy))
    return found


def recall_table(found: Recall) -> str:
    """By the length of the answer that was copied: of its copies in each disguise, how many are shown."""
    names = [*DISGUISES, BY_HAND]
    lines = [f"| own fingerprints | answers | {' | '.join(names)} |", f"| --- {'| ---: ' * (len(names) + 1)}|"]
    for index in (*range(len(LENGTHS)), None):
        cells = [
            [
                hit
                for (length, _, disguise), hits in found.items()
                if index in (None, band(length)) and disguise == name
                for hit in hits
            ]
            for name in names
        ]
        label = "all" if index is None else band_name(index)
        lines.append(f"| {label} | {len(cells[0])} | {' | '.join(map(percent, cells))} |")
    return "\n".join(lines)


def precision_table(found: Recall) -> str:
    """By the length that right answers to an exercise have: pairs shown that nobody copied, and precision.

    Precision: of the pairs shown in a class into which one copy has come, how many are that copy with its original.
    """
    lines = [
        "| length of right answers | exercises | recall | right × right shown | all pairs shown | precision |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    bands = {exercise: band(int(median(_right_lengths(exercise)))) for exercise in classes()}
    shown = {kinds: false_alarms(set(kinds)) for kinds in (("right",), ("right", "wrong"))}
    for index in (*range(len(LENGTHS)), None):
        exercises = [exercise for exercise, of in bands.items() if index in (None, of)]
        if not exercises:
            continue
        hits = [hit for (_, exercise, _), of_one in found.items() if exercise in exercises for hit in of_one]
        right, every = (_added(shown[kinds], exercises) for kinds in shown)
        copied = sum(hits) / len(hits) * len(exercises)
        lines.append(
            f"| {'any number' if index is None else band_name(index)} | {len(exercises)} | {percent(hits)} "
            f"| {right[0]} of {right[1]:,} | {every[0]} of {every[1]:,} | {copied / (copied + every[0]):.0%} |"
        )
    return "\n".join(lines)


def varied() -> tuple[int, int]:
    """Of all pairs shown that nobody copied: how many have four fifths of their lines in common, and all."""
    text_of = {(exercise, _label(w)): w.text for exercise, written in classes().items() for w in written}
    shown = [pair for exercise in classes() for pair in _shown(exercise)]
    lines = [[text_of[pair.exercise, student].split("\n") for student in pair.students] for pair in shown]
    return sum(SequenceMatcher(None, *pair).ratio() >= 0.8 for pair in lines), len(shown)


def _right_lengths(exercise: str) -> list[int]:
    return [len(hashes) for written, hashes in classes()[exercise].items() if written.kind == "right"]


def _added(shown: dict[str, tuple[int, int]], exercises: list[str]) -> tuple[int, int]:
    return sum(shown[e][0] for e in exercises), sum(shown[e][1] for e in exercises)


def band_name(index: int) -> str:
    low, high = (0, *LENGTHS)[index], LENGTHS[index]
    return f"{low} or more" if high == math.inf else f"{low} to {high - 1}"


def percent(found: list[bool]) -> str:
    return f"{sum(found) / len(found):.0%}" if found else "–"


if __name__ == "__main__":
    start = time.perf_counter()
    found = recall()
    print(recall_table(found), precision_table(found), sep="\n\n")
    print("of the pairs shown, {} of {} have four fifths of their lines in common".format(*varied()), file=sys.stderr)
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
