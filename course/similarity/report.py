"""What `course similarity` writes: a table for the terminal, similarity.csv, and answers side by side in HTML."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markupsafe import Markup

from course.grading.feedback import environment
from course.grading.output import line, number, plain, write_atomically
from course.grading.safe_csv import csv_text, safe
from course.similarity.fingerprints import RUN, fingerprints, tokens
from course.similarity.pairs import (
    COMMON_LEAST,
    COMMON_SHARE,
    LEAST_EVIDENCE,
    LEAST_SHARE,
    Alike,
    Compared,
    Joined,
    PairOfStudents,
)

HEADER = "assignment exercise first second share share_of_first share_of_second evidence group".split()
MAX_PAIRS_IN_TERMINAL = 20
MAX_PAIRS = 200
MAX_SIDE_BY_SIDE = 60
MAX_CHARACTERS = 20_000
# What a passage is: alike in both, given to everybody, or the student's own. Each has a mark that needs no colour.
ALIKE, KNOWN, OWN = "alike", "known", ""


@dataclass(frozen=True)
class Side:
    """One answer on the page: whose it is, and its lines as HTML, each with the mark that stands in its margin."""

    student: str
    share: float
    lines: list[tuple[str, Markup]]
    cut: bool


@dataclass(frozen=True)
class SideBySide:
    """Two answers to one exercise, next to each other."""

    alike: Alike
    title: str
    anchor: str
    sides: tuple[Side, Side]


def write_similarity(out: Path, compared: list[Compared]) -> Path:
    """Write OUT/reports/similarity.csv and similarity.html; returns the path of the page.

    Raises:
        CourseError (exit code 1): the folder cannot be written.
    """
    reports = out / "reports"
    write_atomically(reports / "similarity.csv", similarity_csv(compared))
    write_atomically(reports / "similarity.html", similarity_html(compared))
    return reports / "similarity.html"


def similarity_csv(compared: Iterable[Compared]) -> str:
    """A row for each pair and exercise, the pair with most evidence first; `group` numbers groups of more than two."""
    rows = []
    for one in compared:
        group_of = {student: index for index, group in enumerate(one.groups, 1) for student in group}
        for pair in one.pairs:
            for alike in pair.alike:
                numbers = [f"{value:.2f}" for value in (alike.share, *alike.shares)] + [f"{alike.evidence:.1f}"]
                group = group_of.get(alike.students[0], "")
                rows.append((*map(safe, (alike.assignment, alike.exercise, *alike.students)), *numbers, group))
    return csv_text(tuple(HEADER), rows)


def similarity_table(compared: Iterable[Compared]) -> str:
    """The pairs with most evidence for a terminal, and the groups."""
    return "\n\n".join("\n".join(_table_lines(one)) for one in compared)


def _table_lines(one: Compared) -> Iterator[str]:
    name = one.source.assignment
    for student, reason in one.unread:
        yield f"not read: {line(student)}, {name} ({line(reason)})"
    if not one.pairs:
        yield f"{name}: {_students(one)} compared, no answers alike beyond what all were given"
        return
    yield f"{name}: {_students(one)} compared, {_count(len(one.pairs), 'pair')} to read"
    rows = [("students", "evidence", "alike", "exercises")]
    for pair in one.pairs[:MAX_PAIRS_IN_TERMINAL]:
        names = " · ".join(line(student, 30) for student in pair.students)
        rows.append((names, number(round(pair.evidence)), f"{pair.share:.0%}", _exercises(pair)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for students, evidence, share, exercises in rows:
        yield f"  {students:<{widths[0]}}  {evidence:>{widths[1]}}  {share:>{widths[2]}}  {exercises}"
    if len(one.pairs) > MAX_PAIRS_IN_TERMINAL:
        yield f"  … and {len(one.pairs) - MAX_PAIRS_IN_TERMINAL} more"
    for group in one.groups:
        yield f"  a group of {len(group)}: {', '.join(line(student, 30) for student in group)}"


def _students(one: Compared) -> str:
    return _count(one.students, "student")


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _exercises(pair: PairOfStudents) -> str:
    return ", ".join(alike.exercise for alike in pair.alike)


def similarity_html(compared: list[Compared]) -> str:
    """The page: a section for each assignment with its pairs, groups and comparisons. Nothing is fetched."""
    sections = [
        {
            "name": one.source.assignment,
            "anchor": f"assignment-{index}",
            "students": one.students,
            "pairs": one.pairs[:MAX_PAIRS],
            "more_pairs": max(0, len(one.pairs) - MAX_PAIRS),
            "groups": one.groups,
            "unread": one.unread,
            "shown": (shown := list(side_by_side(one, index))),
            "anchors": {(view.alike.students, view.alike.exercise): view.anchor for view in shown},
        }
        for index, one in enumerate(compared, 1)
    ]
    facts = {
        "run": RUN,
        "least_share": LEAST_SHARE,
        "least_evidence": LEAST_EVIDENCE,
        "common_share": COMMON_SHARE,
        "common_least": COMMON_LEAST,
        "most_shown": MAX_SIDE_BY_SIDE,
    }
    return environment().get_template("similarity.html.j2").render(sections=sections, **facts)


def side_by_side(one: Compared, section: int) -> Iterator[SideBySide]:
    """The comparisons to show, strongest first. Of a group in one exercise, each answer once beside its next of kin.

    The pairs that this leaves out are in the table: two answers that are like a third's are alike, too.
    """
    titles = {exercise.id: exercise.title for exercise in one.source.exercises}
    joined: dict[str, Joined] = {}
    every = sorted((a for pair in one.pairs for a in pair.alike), key=lambda a: (-a.evidence, a.exercise, a.students))
    chosen = [alike for alike in every if joined.setdefault(alike.exercise, Joined()).join(*alike.students)]
    for index, alike in enumerate(chosen[:MAX_SIDE_BY_SIDE], 1):
        yield SideBySide(alike, titles[alike.exercise], f"compare-{section}-{index}", _sides(one, alike))


def _sides(one: Compared, alike: Alike) -> tuple[Side, Side]:
    texts = [one.answers[alike.exercise][student] for student in alike.students]
    prints = [fingerprints(text) for text in texts]
    shared = (prints[0].hashes & prints[1].hashes) - one.known
    first, second = (
        Side(student, share, _lines(text, _marks(text, print_.places, shared, one.known)), len(text) > MAX_CHARACTERS)
        for student, share, text, print_ in zip(alike.students, alike.shares, texts, prints, strict=True)
    )
    return first, second


def _marks(text: str, places: dict, shared: frozenset[int], known: frozenset[int]) -> list[str]:
    """For each character of the text: ALIKE, KNOWN or OWN. What is alike is so, even where it runs into the known."""
    marks = [OWN] * len(text)
    for wanted, mark in ((known, KNOWN), (shared, ALIKE)):
        for fingerprint in places.keys() & wanted:
            for start, end in places[fingerprint]:
                marks[start:end] = [mark] * (end - start)
    for one, after in pairwise(tokens(text)):  # comments and docstrings between two tokens are no part of a run
        if set(text[one.end : after.start]) & set("#\"'\n"):
            marks[one.end : after.start] = [OWN] * (after.start - one.end)
    return marks


def _lines(text: str, marks: list[str]) -> list[tuple[str, Markup]]:
    """Each line's strongest mark, and its text as HTML with the passages wrapped."""
    lines, start = [], 0
    for text_line in text[:MAX_CHARACTERS].split("\n"):
        of_line = marks[start : start + len(text_line)]
        strongest = next((mark for mark in (ALIKE, KNOWN) if mark in of_line), OWN)
        lines.append((strongest, Markup("").join(_wrapped(text_line, of_line))))
        start += len(text_line) + 1
    return lines


def _wrapped(text: str, marks: list[str]) -> Iterator[Markup]:
    """The pieces of a line, escaped. Blanks at its start bear no mark."""
    indent = len(text) - len(text.lstrip())
    marks = [OWN] * indent + marks[indent:]
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or marks[end] != marks[start]:
            piece = Markup.escape(plain(text[start:end]))
            mark = marks[start]
            if mark == ALIKE:
                piece = Markup("<mark>{}</mark>").format(piece)
            elif mark == KNOWN:
                piece = Markup('<span class="known">{}</span>').format(piece)
            yield piece
            start = end
