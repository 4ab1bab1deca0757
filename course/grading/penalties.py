"""Due dates, extensions and late penalties in nbgrader's own columns, so that formgrader and export agree with us.

nbgrader computes a penalty when it grades automatically and never again, though points that a person gives later are
part of what a share is taken of. So it is computed anew whenever something reads it: by `course grade` at its end, and
by nbgrader's feedback and export (nbgrader_plugins.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from course.grading.extensions import Extensions, read_extensions
from course.grading.gradebook import transaction
from course.grading.late import lateness_of
from course.grading.verdict import Lateness
from course.settings import Settings, read_settings

if TYPE_CHECKING:  # nbgrader takes seconds to import: only the functions that touch the gradebook do it
    from nbgrader.api import Gradebook, SubmittedAssignment
    from sqlalchemy.orm import Session

FORGET = "DELETE FROM course_extended WHERE submission_id = :id"
REMEMBER = "REPLACE INTO course_extended VALUES (:id)"


@dataclass(frozen=True)
class Rules:
    """What holds for lateness and attempts in one run."""

    settings: Settings
    extensions: Extensions

    @classmethod
    def read(cls, root: Path, out: Path) -> "Rules":
        """Read ROOT/course.toml and OUT/extensions.csv. CourseError for what makes no sense in them."""
        return cls(read_settings(root), read_extensions(out))

    def until(self, assignment: str, student: str) -> datetime | None:
        """The end of a student's extension as nbgrader keeps times, naive UTC; None without one."""
        until = self.extensions.get((assignment, student))
        return _naive(until) if until else None


def set_due_dates(gradebook: "Gradebook", rules: Rules) -> None:
    """Enter the due dates of course.toml, and take back those that it named once; what formgrader gave stays."""
    from nbgrader import api
    from sqlalchemy import text

    with transaction(gradebook) as db:
        ours = set(db.execute(text("SELECT assignment_id FROM course_due")).scalars())
        for row in db.query(api.Assignment):
            due = rules.settings.due.get(row.name)
            if due is not None:
                row.duedate = _naive(due)
                db.execute(text("REPLACE INTO course_due VALUES (:id)"), {"id": row.id})
            elif row.id in ours:
                row.duedate = None
                db.execute(text("DELETE FROM course_due WHERE assignment_id = :id"), {"id": row.id})


def due_date(gradebook: "Gradebook", rules: Rules, assignment: str, student: str) -> datetime | None:
    """When an assignment is due for one student, naive UTC; None without a due date."""
    from nbgrader import api

    with transaction(gradebook) as db:
        row = db.query(api.Assignment).filter_by(name=assignment).one()
        if row.duedate is None:
            return None
        submission = db.query(api.SubmittedAssignment).filter_by(assignment_id=row.id, student_id=student).one_or_none()
        if submission is None:
            return max(row.duedate, rules.until(assignment, student) or row.duedate)
        _extend(db, submission, rules, _extended(db))
        return submission.duedate


def assign_penalties(
    gradebook: "Gradebook", rules: Rules, assignments: Collection[str], student: str = ""
) -> dict[tuple[str, str], Lateness]:
    """Enter extensions and penalties of all submissions of these assignments, or of one student's.

    Returns:
        (assignment, student) -> what lateness costs, by the scores that the gradebook has now.
    """
    from nbgrader import api

    found = {}
    with transaction(gradebook) as db:
        rows = (
            db.query(api.SubmittedNotebook, api.SubmittedAssignment, api.Assignment.name, api.SubmittedNotebook.score)
            .join(api.SubmittedAssignment, api.SubmittedNotebook.assignment_id == api.SubmittedAssignment.id)
            .join(api.Assignment, api.SubmittedAssignment.assignment_id == api.Assignment.id)
            .filter(api.Assignment.name.in_(list(assignments)))
        )
        if student:
            rows = rows.filter(api.SubmittedAssignment.student_id == student)
        extended = _extended(db)
        for notebook, submission, name, score in rows:
            _extend(db, submission, rules, extended)
            late = lateness_of(rules.settings.late, seconds_late(submission), score, bool(submission.extension))
            # As nbgrader has it: nothing where nothing is taken.
            notebook.late_submission_penalty = late.points if late.percent else None
            found[name, submission.student_id] = late
    return found


def seconds_late(submission: "SubmittedAssignment") -> int | None:
    """Whole seconds after the due date with its extension; None without a due date or a timestamp."""
    if submission.timestamp is None or submission.assignment.duedate is None:
        return None
    return int(submission.total_seconds_late)


def _extended(db: "Session") -> set[str]:
    """The submissions whose extension is one of ours: what is no more in our file is taken back, and nobody else's."""
    from sqlalchemy import text

    return set(db.execute(text("SELECT submission_id FROM course_extended")).scalars())


def _extend(db: "Session", submission: "SubmittedAssignment", rules: Rules, extended: set[str]) -> None:
    """Bring nbgrader's extension of a submission up to date. The due date counts where it is the later of the two."""
    from sqlalchemy import text

    due = submission.assignment.duedate
    until = rules.until(submission.assignment.name, submission.student_id)
    if until and due:
        submission.extension = until - due if until > due else None
        if submission.id not in extended:
            db.execute(text(REMEMBER), {"id": submission.id})
    elif submission.id in extended:
        submission.extension = None
        db.execute(text(FORGET), {"id": submission.id})


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
