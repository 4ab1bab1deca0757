"""`python -m tests.exercise_table`: write docs/exercises.md, a row for each exercise of all assignments."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

from nbformat import NotebookNode

from course.grading.notebook import Exercise, Source, role_of
from tests.mutants.survivors import tally
from tests.support.judging import ROOT, SOURCES, answers_of

PAGE = ROOT / "docs" / "exercises.md"
HEAD = """# The exercises

All that a student is asked to build, in order. *Needs* is what an exercise builds on; the grader puts correct versions
in its place. *Difficulty* goes from ● to ●●●●●. *Wrong answers* are those that the suite knows by name: each loses
points and is told why. *Mutants* are slips made by machine (`tests/mutants`): how many of those that change what an
answer does lose points.

`python -m tests.exercise_table` writes this page, and a test holds it.
"""
COLUMNS = "id | title | points | minutes | difficulty | needs | lecture section | wrong answers | mutants".split(" | ")


@cache
def headers() -> dict[str, NotebookNode]:
    """exercise -> the cell that is its header."""
    cells = [cell for source in SOURCES.values() for cell in source.nb.cells if role_of(cell) == "exercise"]
    return {cell.metadata.course.exercise: cell for cell in cells}


def sections() -> dict[str, str]:
    """exercise -> "lecture-file#Section", from the metadata of its header."""
    return {exercise: cell.metadata.course.get("section", "") for exercise, cell in headers().items()}


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(part(source) for source in SOURCES.values())])


def part(source: Source) -> str:
    """An assignment's heading and table."""
    wrong = Counter(answer.exercise for answer in answers_of(source.assignment, "wrong"))
    rows = [row(exercise, wrong[exercise.id]) for exercise in source.exercises]
    minutes = sum(exercise.minutes for exercise in source.exercises)
    points = sum(exercise.points for exercise in source.exercises)
    number, _, name = source.assignment.partition("-")
    link = f"../assignments/{source.assignment}/{source.notebook}.ipynb"
    title = f"## Assignment {number}: [{name.replace('-', ' ')}]({link})"
    facts = f"{points:g} points, {minutes // 60} h {minutes % 60:02} min, {wrong.total()} wrong answers."
    return "\n".join([title, "", facts, "", line(COLUMNS), line(["---"] * len(COLUMNS)), *map(line, rows), ""])


def row(exercise: Exercise, wrong: int) -> list[str]:
    """The cells of an exercise's row."""
    caught, changing = tally(exercise)
    by_person = [f"{exercise.manual_points:g} by a person"] if exercise.manual_points else []
    points = " + ".join([f"{exercise.points - exercise.manual_points:g}"] * bool(exercise.tests) + by_person)
    dots = "●" * exercise.difficulty + "○" * (5 - exercise.difficulty)
    held = [str(wrong), f"{caught} of {changing}"] if exercise.tests else ["–", "–"]
    return [
        exercise.id,
        exercise.title,
        points,
        str(exercise.minutes),
        dots,
        needs(exercise),
        section(exercise),
        *held,
    ]


def needs(exercise: Exercise) -> str:
    """What the exercise's header says that it builds on."""
    found = re.search(r"builds on (.+)", headers()[exercise.id].source)
    return "–" if not found or found[1].startswith("nothing") else found[1]


def section(exercise: Exercise) -> str:
    """A link to the section of a lecture that teaches it."""
    lecture, _, title = sections()[exercise.id].partition("#")
    number = lecture.partition("-")[0]
    return f"{number} [{title}](../lectures/{lecture}.ipynb#{title.replace(' ', '-')})"


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}")
