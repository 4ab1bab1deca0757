"""The journal: one verdict a submission, kept beside the gradebook, so that a run can go on where another stopped."""

import hashlib
import platform
import secrets
from pathlib import Path

import course
from course.errors import CourseError
from course.grading.notebook import Source
from course.grading.output import write_atomically
from course.grading.program import given_path
from course.grading.submissions import Submission
from course.grading.verdict import Verdict


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
        path = self._path(assignment, student)
        try:
            return Verdict.read(path)
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not there, or cut short by a crash: it is graded anew

    def put(self, verdict: Verdict) -> None:
        path = self._path(verdict.assignment, verdict.student)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, verdict.to_json())

    def all(self) -> list[Verdict]:
        """Every verdict, by assignment and student."""
        paths = sorted((self._folder / "verdicts").glob("*/*.json"))
        return [verdict for path in paths if (verdict := self.get(path.parent.name, path.stem))]

    def _path(self, assignment: str, student: str) -> Path:
        return self._folder / "verdicts" / assignment / f"{student}.json"


def verdict_key(source: Source, submission: Submission, secret: str) -> str:
    """Names what is graded with what: the submission, the tests, the library, the versions."""
    digest = hashlib.sha256()
    for part in (
        submission.student.encode(),
        submission.path.name.encode() if submission.path else b"",
        submission.content,
        repr([(cell.get("id"), cell.source, cell.metadata) for cell in source.nb.cells]).encode(),
        given_path(source.assignment).read_bytes() if given_path(source.assignment).exists() else b"",
        *(path.read_bytes() for path in _library()),
        f"{platform.python_version()} {_torch_version()}".encode(),
        secret.encode(),
    ):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.hexdigest()


def _library() -> list[Path]:
    """What decides a verdict: the checks and the grader's own modules."""
    package = Path(course.__file__).parent
    return sorted([*package.glob("check/*.py"), *package.glob("grading/*.py"), *package.glob("data/*.py")])


def _torch_version() -> str:
    from importlib.metadata import version

    return version("torch")
