"""Extensions: who may hand in later than the class, and until when.

They are kept in `extensions.csv` beside the gradebook, one line each. The file says something of a person, so it is for
teachers alone: git ignores it, and no student release has it.
"""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from course.errors import CourseError
from course.grading.output import line, write_atomically
from course.grading.submissions import find_assignments
from course.settings import read_settings

FILE = "extensions.csv"
HEADER = ["student", "assignment", "until"]
MOST_DAYS = 366
# (assignment, student) -> until when, with the offset that whoever gave it wrote.
Extensions = dict[tuple[str, str], datetime]


def read_extensions(out: Path) -> Extensions:
    """The extensions in OUT/extensions.csv; none if there is no such file. CourseError names the line that is wrong."""
    path = out / FILE
    if not path.exists():
        return {}
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{path} can't be read: {error}") from None
    if not rows or rows[0] != HEADER:
        raise CourseError(f"{path}: its first line is not {','.join(HEADER)}")
    found: Extensions = {}
    for count, row in enumerate(rows[1:], start=2):
        if row:
            if len(row) != len(HEADER):
                raise CourseError(f"{path}, line {count}: expected {','.join(HEADER)}")
            found[row[1], row[0]] = moment(row[2], f"{path}, line {count}")
    return found


def write_extensions(out: Path, extensions: Extensions) -> None:
    """Write OUT/extensions.csv, as a whole or not at all."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows([student, name, until.isoformat()] for (name, student), until in sorted(extensions.items()))
    write_atomically(out / FILE, buffer.getvalue())


def moment(text: str, where: str) -> datetime:
    """A point in time such as `2026-10-26 23:59+02:00`. CourseError without a full date or an offset from UTC."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise CourseError(f"{where}: {line(text)!r} is no date and time, like 2026-10-26T23:59+02:00") from None
    if found.tzinfo is None:
        raise CourseError(f"{where}: {line(text)!r} has no offset from UTC; write it like 2026-10-26T23:59+02:00")
    if not 2000 <= found.year < 3000:  # the ends of the calendar can't be told in UTC
        raise CourseError(f"{where}: {line(text)!r} is not in this millennium")
    return found


def _days(count: float) -> timedelta:
    if not 0 < count <= MOST_DAYS:
        raise CourseError(f"--days {count:g} is no extension: more than 0 and at most {MOST_DAYS}")
    return timedelta(days=count)


@dataclass(frozen=True)
class Register:
    """Where extensions are entered, and what a name is held to. root, submitted, out: as for `course grade`."""

    root: Path
    submitted: Path
    out: Path

    def give(self, student: str, assignment: str, until: str | float) -> str:
        """Enter an extension, in place of the one that there may be; return what to say of it.

        until: as for `moment`, or so many days of 24 hours after the due date.

        Raises:
            CourseError: there is no such assignment or student, no due date, or the extension is none.
        """
        due = self._due_date(student, assignment)
        asked = moment(until, "--until") if isinstance(until, str) else due + _days(until)
        if asked <= due:
            raise CourseError(f"{asked.isoformat(' ')} is no extension: {assignment} is due {due.isoformat(' ')}")
        write_extensions(self.out, read_extensions(self.out) | {(assignment, student): asked})
        return f"{line(student)} has until {asked.isoformat(' ')} for {assignment}; the next `course grade` counts it"

    def remove(self, student: str, assignment: str) -> str:
        """Take an extension back; return what to say of it. CourseError if there is none."""
        extensions = read_extensions(self.out)
        if extensions.pop((assignment, student), None) is None:
            raise CourseError(f"{line(student)} has no extension of {line(assignment)} in {self.out / FILE}")
        write_extensions(self.out, extensions)
        return f"{line(student)} has no extension of {assignment} any more; the next `course grade` counts it"

    def lines(self, student: str = "", assignment: str = "") -> list[str]:
        """The extensions, of one student or assignment if one is named, as lines to print."""
        found = [
            f"{line(who)}: {name} until {until.isoformat(' ')}"
            for (name, who), until in sorted(read_extensions(self.out).items())
            if student in ("", who) and assignment in ("", name)
        ]
        return found or ["no extensions"]

    def _due_date(self, student: str, assignment: str) -> datetime:
        """When an assignment is due, for everybody. CourseError if a name is unknown or there is no due date."""
        find_assignments(self.root, [assignment])
        due, students = read_settings(self.root).due.get(assignment), {path.name for path in self.submitted.glob("*/")}
        if (self.out / "gradebook.db").exists() and (due is None or student not in students):
            from course.grading.gradebook import open_gradebook

            with open_gradebook(self.out / "gradebook.db") as gradebook:
                students |= {row.id for row in gradebook.students}
                row = next((row for row in gradebook.assignments if row.name == assignment), None)
                if due is None and row is not None and row.duedate is not None:
                    due = row.duedate.replace(tzinfo=UTC)
        if student not in students:
            raise CourseError(
                f"no student {line(student)!r} has handed anything in or is in the gradebook; "
                f"`nbgrader db student add {line(student)}` enters one"
            )
        if due is None:
            raise CourseError(f"{assignment} has no due date to extend: give it one in course.toml, under [due]")
        return due
