"""The journal: one verdict a submission, kept beside the gradebook, so that a run can go on where another stopped."""

import hashlib
import os
import platform
import secrets
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import course
from course.errors import CourseError
from course.grading.notebook import Source
from course.grading.output import write_atomically
from course.grading.program import given_path
from course.grading.submissions import Submission
from course.grading.verdict import Verdict, changes_between


class Journal:
    """The verdicts under OUT/.grading, and the secret from which the inputs of the tests are drawn."""

    def __init__(self, out: Path):
        self._folder = out / ".grading"
        try:
            (self._folder / "verdicts").mkdir(parents=True, exist_ok=True)
            self.secret = self._secret()
        except OSError as error:
            raise CourseError(f"can't write to {out}: {error.strerror}; choose another folder with --out", 1) from None

    def _secret(self) -> str:
        path = self._folder / "secret"
        if not path.exists():
            write_atomically(path, secrets.token_hex(16))
            path.chmod(0o600)
        return path.read_text().strip()

    def get(self, assignment: str, student: str) -> Verdict | None:
        """The verdict of a student's last graded submission, or None."""
        return _read(self._path(assignment, student))

    def put(self, verdict: Verdict) -> None:
        write_atomically(self._path(verdict.assignment, verdict.student), verdict.to_json())

    def attempt(self, assignment: str, student: str, submitted: str) -> Verdict | None:
        """The verdict on one of a student's attempts, whether it counts or not.

        Args:
            submitted: the attempt's digest (`submission_digest`).
        """
        found = _read(self._attempt_path(assignment, student, submitted))
        if found is None:
            counts = self.get(assignment, student)
            found = counts if counts is not None and counts.submitted == submitted else None
        return found

    def put_attempt(self, verdict: Verdict, submitted: str) -> None:
        """Keep the verdict on one of several attempts."""
        path = self._attempt_path(verdict.assignment, verdict.student, submitted)
        write_atomically(path, replace(verdict, submitted=submitted).to_json())

    def set_aside(self, verdict: Verdict, submitted: str) -> None:
        """Keep the verdict that `put` is about to replace by one on another attempt: it would be judged again."""
        old = self.get(verdict.assignment, verdict.student)
        if old is None or old.submitted in ("", submitted):
            return
        if _read(self._attempt_path(old.assignment, old.student, old.submitted)) is None:
            self.put_attempt(old, old.submitted)

    def drop_attempt(self, verdict: Verdict) -> None:
        """Forget what was kept of an attempt (`put_attempt`), for a newer verdict is `put` in its place."""
        self._attempt_path(verdict.assignment, verdict.student, verdict.submitted).unlink(missing_ok=True)

    def compared(self, verdict: Verdict, submitted: str) -> Verdict:
        """The verdict with whose points it changes: call it before `put`, which replaces what it compares with.

        Only a submission that was judged before, under another key, has changes: its own text is the same, so it is
        the tests, the grader or their surroundings that differ. Under the same key it keeps those it had, so that
        a run that was stopped and goes on writes what it would have written in one go. Where the best attempt counts,
        the attempts must be the same, and another of them may count now.

        Args:
            submitted: the submission's digest (`submission_digest`).
        """
        old = self.get(verdict.assignment, verdict.student)
        changes = []
        if old is not None and (old.submitted == submitted or _same_attempts(old, verdict)):
            changes = old.changes if old.key == verdict.key else changes_between(old, verdict)
        return replace(verdict, submitted=submitted, changes=changes)

    def all(self) -> list[Verdict]:
        """Every verdict, by assignment and student."""
        paths = sorted((self._folder / "verdicts").glob("*/*.json"))
        return [verdict for path in paths if (verdict := self.get(path.parent.name, path.stem))]

    def _path(self, assignment: str, student: str) -> Path:
        return self._folder / "verdicts" / assignment / f"{student}.json"

    def _attempt_path(self, assignment: str, student: str, submitted: str) -> Path:
        return self._folder / "attempts" / assignment / student / f"{submitted[:32]}.json"


def _read(path: Path) -> Verdict | None:
    try:
        return Verdict.read(path)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or cut short by a crash: it is graded anew


def _same_attempts(old: Verdict, new: Verdict) -> bool:
    return bool(new.attempts) and [a.handed_in for a in old.attempts] == [a.handed_in for a in new.attempts]


def submission_digest(submission: Submission) -> str:
    """Names what was handed in, whatever it is graded with: the file's name and content, as 64 hex digits."""
    return digest_of([os.fsencode(submission.path.name) if submission.path else b"", submission.content])


def verdict_key(source: Source, submission: Submission, secret: str, setting: str = "") -> str:
    """Names what is graded with what: the submission, the tests, the library, the versions, as 64 hex digits.

    setting: how it is graded, where that may change a verdict (the device, the sandbox).
    """
    around = surroundings(source.assignment, submission.student, secret, setting)
    return digest_of([submission_digest(submission).encode(), source.digest.encode(), around.encode()])


def surroundings(assignment: str, student: str, secret: str, setting: str = "") -> str:
    """Names what a verdict rests on beside submission and tests: the student, the library, the versions, the secret."""
    return digest_of(
        [
            os.fsencode(student),
            _digest_of_files(_library(assignment)).encode(),
            _versions().encode(),
            setting.encode(),
            secret.encode(),
        ]
    )


def _library(assignment: str) -> tuple[tuple[Path, int, int], ...]:
    """What decides a verdict beside the tests: (path, time of last change, size) of the library's files."""
    package = Path(course.__file__).parent
    folders = [path for part in ("check", "grading") for path in package.glob(f"{part}/*.py")]
    data = [path for path in package.glob("data/**/*") if path.is_file() and "__pycache__" not in path.parts]
    alone = [path for path in (package / "device.py", given_path(assignment)) if path.exists()]
    return tuple(
        (path, facts.st_mtime_ns, facts.st_size)
        for path in sorted([*folders, *data, *alone])
        for facts in [path.stat()]
    )


@lru_cache(maxsize=64)
def _digest_of_files(files: tuple[tuple[Path, int, int], ...]) -> str:
    """Read once for all submissions: a file that is changed meanwhile has another time, and is read again."""
    return digest_of([part for path, _, _ in files for part in (path.name.encode(), path.read_bytes())])


@lru_cache(maxsize=1)
def _versions() -> str:
    """What computes: Python, torch, numpy, and the kind of processor."""
    return " ".join((platform.python_version(), version("torch"), version("numpy"), platform.machine()))


def digest_of(parts: Iterable[bytes]) -> str:
    """SHA-256 of byte strings, each with its length, so that none runs into the next."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()
