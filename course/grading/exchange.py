"""nbgrader's exchange, from the teacher's side: collecting without believing what submissions say of themselves.

Whoever may write into nbgrader's `inbound` folder can put there a submission under another's name, a link to a file
that only the teacher may read (a solution, say, which would then be graded, and shown in the feedback), or a time in
the past. nbgrader warns of the first, and follows the links. Here only ordinary files are copied, the time is the
kernel's, and where each student has an account (docs/classroom.md) only what belongs to it is collected.
"""

import glob
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from nbgrader.exchange import ExchangeError
from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseFeedback
from traitlets import Bool

from course.grading.untrusted import (
    SECRET,
    TIMESTAMP,
    agreed_time,
    copy_files,
    last_change,
    owner_of,
    secret_of,
    settle_time,
)  # fmt: skip


class GenuineCollect(ExchangeCollect):
    """nbgrader's collecting, of ordinary files only; the kernel is asked whose they are, if told so."""

    distrust = Bool(
        False,
        help="where each student has an account: collect only what belongs to the account that it is named after, "
        "and note when it was last changed where it claims another time",
    ).tag(config=True)

    def init_src(self) -> None:
        super().init_src()
        self.check_owner = self.check_owner and not self.distrust  # nbgrader's own check; the stricter one is below
        self.found = list(self.genuine())
        by_student: dict[str, list[dict]] = {}
        for record in self.found:
            by_student.setdefault(record["username"], []).append(record)
        self.src_records = [self._counting(records) for records in by_student.values()]

    def genuine(self) -> Iterator[dict]:
        """All submissions of the assignment that may be collected, as nbgrader's records; it warns of the others."""
        for name in sorted(os.listdir(self.inbound_path)):
            if f"+{self.coursedir.assignment_id}+" in name:
                record = self._path_to_record(name)
                try:
                    reason = self._refusal(record, Path(self.inbound_path, name))
                except OSError as error:  # closed, or gone again
                    reason = f"can't be read ({error.strerror})"
                if reason:
                    self.log.warning(f"left out: {name!r} {reason}")
                elif self.coursedir.student_id in ("", "*", record["username"]):
                    yield record

    def _refusal(self, record: dict, path: Path) -> str:
        """Why a submission is left out, or ""; then its record has the time that counts."""
        student, owner = record["username"], owner_of(path)
        if not student or student.startswith(".") or owner is None:
            return "is no submission"
        if self.distrust and owner != student:
            return f"is named after {student!r} and belongs to {owner!r}"
        os.listdir(path)
        if self.distrust:
            record["timestamp"] = agreed_time(record["timestamp"], last_change(path))
        return ""

    def do_copy(self, src: str, dest: str, log: object = None) -> None:
        """Copy a submission; if what its owner did makes that impossible there is no DEST, and the log says why."""
        source, copy = Path(src), Path(dest)
        try:
            for name in copy_files(source, copy):
                self.log.warning(f"left out of {source.name!r}: {name!r} is no ordinary file, or one too many")
            if changed := settle_time(copy, last_change(source) if self.distrust else None):
                self.log.warning(f"{source.name!r}: {changed}")
        except OSError as error:
            shutil.rmtree(copy, ignore_errors=True)
            self.log.error(f"not collected: {source.name!r} can't be copied ({error.strerror})")

    def _path_to_record(self, path: str) -> dict:
        """nbgrader's record of a submission; one of nobody's where a name was made up that nbgrader would stop at."""
        try:
            return super()._path_to_record(path)
        except (ExchangeError, ValueError, ArithmeticError, OSError):
            return {"username": "", "filename": Path(path).name, "timestamp": datetime.min}

    def _counting(self, records: list[dict]) -> dict:
        """Of one student's, the one that counts: as in nbgrader, the last, or the last that was in time."""
        ordered = self._sort_by_timestamp(records)
        in_time = [record for record in ordered if self.duedate is None or record["timestamp"] <= self.duedate]
        return (in_time if self.before_duedate and in_time else ordered)[0]


class ReleaseFeedback(ExchangeReleaseFeedback):
    """nbgrader's releasing of feedback, which needs the secret that came with a submission.

    nbgrader carries it along from step to step, and the grader of this course takes nothing along: here it is fetched
    from where it was collected. Who handed in none is left out, and stops nobody else's feedback.
    """

    def copy_files(self) -> None:
        without = []
        for folder in map(Path, glob.glob(self.src_path)):
            student = folder.parent.name
            submission = self.coursedir.format_path(
                self.coursedir.submitted_directory, student, self.coursedir.assignment_id
            )
            (folder / SECRET).unlink(missing_ok=True)
            if secret := secret_of(Path(submission)):
                (folder / SECRET).write_text(secret)
            if not secret:
                self.log.warning(f"no feedback for {student!r}: it was not handed in through the exchange")
            elif not (folder / TIMESTAMP).is_file():
                self.log.warning(f"no feedback for {student!r}: `nbgrader generate_feedback` must write it first")
            if not secret or not (folder / TIMESTAMP).is_file():
                without.append(student)
        before = self.coursedir.student_id_exclude
        self.coursedir.student_id_exclude = ",".join(filter(None, [before, *without]))
        try:
            super().copy_files()
        finally:
            self.coursedir.student_id_exclude = before
