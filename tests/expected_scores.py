"""`python -m tests.expected_scores`: the scores that docs/lecturer.md expects, or with --grades those that were seen.

No class has been taught yet, so these are computed from an assumption, not observed: how often a student in the middle
passes a test cell, by the difficulty of its exercise. A student further up or down differs by the same amount in log
odds everywhere. What is assumed is in three tables below; with a class of your own,

    python -m tests.expected_scores --grades reports/grades.csv

measures success by difficulty in what `course grade` wrote, and prints it beside what is assumed here.
"""

import argparse
import csv
import math
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import NormalDist, quantiles

from course.grading.notebook import Exercise
from tests.support.judging import SOURCES

# Assumed: difficulty -> share of visible and of hidden test cells that a student in the middle passes. The visible
# ones can be run until they pass; the hidden ones look at what one forgets.
VISIBLE = {1: 0.98, 2: 0.96, 3: 0.92, 4: 0.82}
HIDDEN = {1: 0.92, 2: 0.88, 3: 0.80, 4: 0.65}
SPREAD = 1.0  # one standard deviation between students, in log odds
RANKS = (10, 25, 50, 75, 90)  # percentiles of students
OTHERS = ("manual_pending", "missing", "ungraded")  # statuses that tell nothing of an exercise's difficulty


def expected(exercises: Iterable[Exercise], rank: float) -> float:
    """The points out of 90 that a student at this percentile gets on average."""
    ability = SPREAD * NormalDist().inv_cdf(rank / 100)
    return sum(
        test.points * moved((HIDDEN if test.hidden else VISIBLE)[exercise.difficulty], ability)
        for exercise in exercises
        for test in exercise.tests
    )


def moved(share: float, by: float) -> float:
    """A probability, moved in log odds."""
    return 1 / (1 + (1 / share - 1) * math.exp(-by))


def table() -> str:
    """A row for each assignment."""
    lines = [
        "| assignment | " + " | ".join(f"{rank} %" for rank in RANKS) + " |",
        "| --- |" + " --- |" * len(RANKS),
    ]
    for name, source in SOURCES.items():
        scores = " | ".join(f"{expected(source.exercises, rank):.0f}" for rank in RANKS)
        lines.append(f"| {name} | {scores} |")
    return "\n".join(lines)


def observed(grades: Path) -> str:
    """Success by difficulty in a grades.csv, beside what is assumed, and the quartiles of each assignment's scores."""
    difficulty = {e.id: e.difficulty for source in SOURCES.values() for e in source.exercises}
    earned, possible = defaultdict(float), defaultdict(float)
    totals: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    with grades.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["status"] not in OTHERS:
                level = difficulty[row["exercise"]]
                earned[level] += float(row["score"])
                possible[level] += float(row["max_score"])
                totals[row["assignment"]][row["student"]] += float(row["score"])
    lines = ["difficulty: share of points, assumed in the middle"]
    for level, points in sorted(possible.items()):
        lines.append(f"{level}: {earned[level] / points:.2f}, {assumed(level):.2f}")
    lines.append("assignment: 25 %, 50 %, 75 % of those who handed in")
    for name, of_students in totals.items():
        scores = sorted(of_students.values())
        middle = quantiles(scores, n=4, method="inclusive") if len(scores) > 1 else scores * 3
        lines.append(f"{name}: " + ", ".join(f"{score:.0f}" for score in middle))
    return "\n".join(lines)


def assumed(level: int) -> float:
    """The share of an exercise's points that the middle student gets, over all exercises of this difficulty."""
    tests = [t for s in SOURCES.values() for e in s.exercises if e.difficulty == level for t in e.tests]
    share = sum(test.points * (HIDDEN if test.hidden else VISIBLE)[level] for test in tests)
    return share / sum(test.points for test in tests)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.expected_scores")
    parser.add_argument("--grades", type=Path, metavar="FILE", help="reports/grades.csv of a class")
    asked = parser.parse_args()
    if asked.grades and not asked.grades.is_file():
        parser.error(f"there is no {asked.grades}: `course grade` writes reports/grades.csv")
    print(observed(asked.grades) if asked.grades else table())
