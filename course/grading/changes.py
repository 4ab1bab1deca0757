"""Whose points changed since a test, or the grader, did: as a file, and as a table to print."""

from collections.abc import Iterable, Iterator

from course.grading.feedback import STATUS, which_attempt
from course.grading.output import line, number
from course.grading.safe_csv import csv_text, safe
from course.grading.verdict import Change, Verdict

CHANGES_HEADER = ("student", "assignment", "exercise", "before", "after", "why")
# What is printed at the end of a run; the file has all.
MAX_ROWS = 40
MAX_WHY = 90


def changes_csv(verdicts: Iterable[Verdict]) -> str:
    """A row per student and exercise whose points changed since the tests did; the header alone if there are none."""
    rows = (
        (*map(safe, (v.student, v.assignment, c.exercise)), number(c.before), number(c.after), safe(why(v, c)))
        for v in sorted(verdicts, key=lambda verdict: (verdict.student, verdict.assignment))
        for c in v.changes
    )
    return csv_text(CHANGES_HEADER, rows)


def changes_table(verdicts: Iterable[Verdict]) -> str:
    """The same as a table for a terminal, in lines that end; "" if no points changed."""
    rows = list(_rows(verdicts))
    if not rows:
        return ""
    students = len({row[0] for row in rows})
    cells = [("student", "exercise", "before", "after", "why"), *rows[:MAX_ROWS]]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    lines = [f"points changed: {students} student{'' if students == 1 else 's'}"]
    for student, exercise, before, after, reason in cells:
        texts = (student.ljust(widths[0]), exercise.ljust(widths[1]), before.rjust(widths[2]), after.rjust(widths[3]))
        lines.append("  ".join(("", *texts, reason)).rstrip())
    if len(rows) > MAX_ROWS:
        lines.append(f"  and {len(rows) - MAX_ROWS} more in reports/changes.csv")
    return "\n".join(lines) + "\n"


def why(verdict: Verdict, change: Change) -> str:
    """What is said of the exercise now: its status, and the message."""
    exercise = next((e for e in verdict.exercises if e.exercise == change.exercise), None)
    if exercise is None:
        return "the exercise is gone"
    words = STATUS[exercise.status][1]
    said = f"{words}: {exercise.message}" if exercise.message not in ("", words) else words
    return f"attempt {attempt} counts: {said}" if (attempt := which_attempt(verdict)) else said


def _rows(verdicts: Iterable[Verdict]) -> Iterator[tuple[str, ...]]:
    for verdict in sorted(verdicts, key=lambda verdict: (verdict.assignment, verdict.student)):
        for change in verdict.changes:
            texts = (line(verdict.student, 40), line(change.exercise), number(change.before), number(change.after))
            yield (*texts, line(why(verdict, change), MAX_WHY))
