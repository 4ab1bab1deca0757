"""nbgrader's exchange, from the teacher's side: collecting without believing what submissions say of themselves.

Whoever may write into nbgrader's `inbound` folder can put there a submission under another's name, a link to a file
that only the teacher may read (a solution, say, which would then be graded, and shown in the feedback), or a time in
the past. nbgrader warns of the first, and follows the links. Here only ordinary files are copied, the time is the
kernel's, and where each student has an account (docs/classroom.md) only what belongs to it is collected.
"""

import glob
import os
import pwd
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from nbgrader.exchange import ExchangeError
from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseFeedback
from traitlets import Bool

from course.grading.record import read_timestamp

MOST_FILES, MOST_BYTES = 200, 100 * 2**20
GRACE = 60.0  # seconds between the time that nbgrader writes down and the last change to a file
TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"


class GenuineCollect(ExchangeCollect):
    """nbgrader's collecting, of ordinary files only; the kernel is asked whose they are, if told so."""

    distrust = Bool(
        False,
        help="where each student has an account: collect only what belongs to the account that it is named after, "
        "and note when it was last changed where it claims another time",
    ).tag(config=True)

    def init_src(self) -> None:
        super().init_src()
        found: dict[str, list[dict]] = {}
        for record in self.genuine():
            found.setdefault(record["username"], []).append(record)
        self.src_records = [self._counting(records) for records in found.values()]

    def genuine(self) -> Iterator[dict]:
        """All submissions of the assignment that may be collected, as nbgrader's records; it warns of the others."""
        for name in sorted(os.listdir(self.inbound_path)):
            if f"+{self.coursedir.assignment_id}+" not in name:
                continue
            record, owner = self._path_to_record(name), owner_of(Path(self.inbound_path, name))
            student = record["username"]
            if not student or owner is None:
                self.log.warning(f"left out: {name!r} is no submission")
            elif self.distrust and owner != student:
                self.log.warning(f"left out: {name!r} is named after {student!r} and belongs to {owner!r}")
            elif self.coursedir.student_id in ("", "*", student):
                yield record

    def do_copy(self, src: str, dest: str, log: object = None) -> None:
        for name in copy_files(Path(src), Path(dest)):
            self.log.warning(f"left out of {Path(src).name}: {name!r} is no ordinary file, or one too many")
        if self.distrust and (changed := correct_time(Path(dest), last_change(Path(src)))):
            self.log.warning(f"{Path(src).name}: last changed {changed}, which is the time that counts")

    def _path_to_record(self, path: str) -> dict:
        """nbgrader's record of a submission; one of nobody's where a name was made up that nbgrader would stop at."""
        try:
            return super()._path_to_record(path)
        except (ExchangeError, ValueError, OverflowError):
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
            secret = Path(submission, SECRET)
            if secret.is_file() and not secret.is_symlink():
                (folder / SECRET).write_bytes(secret.read_bytes())
            if not (folder / SECRET).is_file() or not (folder / TIMESTAMP).is_file():
                self.log.warning(f"no feedback for {student!r}: it was not handed in through the exchange")
                without.append(student)
        before = self.coursedir.student_id_exclude
        self.coursedir.student_id_exclude = ",".join(filter(None, [before, *without]))
        try:
            super().copy_files()
        finally:
            self.coursedir.student_id_exclude = before


def owner_of(folder: Path) -> str | None:
    """The account that owns a folder, or its number where the account is gone; None for a link or a file."""
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        return None
    try:
        return pwd.getpwuid(facts.st_uid).pw_name
    except KeyError:
        return str(facts.st_uid)


def copy_files(source: Path, target: Path) -> list[str]:
    """Copy the ordinary files of a folder, none through a link, and return the names of the rest.

    Each is opened as what it is at that moment: a file that becomes a link while this runs is not followed.
    """
    target.mkdir(parents=True)
    skipped, files, size = [], 0, 0
    for folder, folders, names, descriptor in os.fwalk(source, follow_symlinks=False):
        place = target / Path(folder).relative_to(source)
        place.mkdir(exist_ok=True)
        skipped += [name for name in folders if stat.S_ISLNK(os.lstat(name, dir_fd=descriptor).st_mode)]
        for name in sorted(names):
            content = _content(name, descriptor, MOST_BYTES - size) if files < MOST_FILES else None
            if content is None:
                skipped.append(name)
                continue
            (place / name).write_bytes(content)
            files, size = files + 1, size + len(content)
    return skipped


def _content(name: str, folder: int, most: int) -> bytes | None:
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return None
    with os.fdopen(opened, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > most:
            return None
        return file.read(facts.st_size)


def last_change(source: Path) -> float:
    """When something in a folder was last changed, by the kernel's clock: no account but root can set that time."""
    return max(
        os.lstat(name, dir_fd=descriptor).st_ctime
        for _, folders, names, descriptor in os.fwalk(source, follow_symlinks=False)
        for name in (".", *folders, *names)
    )


def correct_time(submission: Path, changed: float) -> str | None:
    """Write the time of the last change into a submission that claims another; return it, or None if all is well."""
    path = submission / TIMESTAMP
    actual = datetime.fromtimestamp(changed, UTC)
    claimed, _ = read_timestamp(submission)
    if claimed and abs((actual - claimed.replace(tzinfo=UTC)).total_seconds()) <= GRACE:
        return None
    path.write_text(actual.strftime("%Y-%m-%d %H:%M:%S.%f UTC"))
    return path.read_text()
