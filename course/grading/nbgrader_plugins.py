"""What nbgrader_config.py puts into nbgrader's own places, so that its commands and formgrader keep our rules.

Penalties that are taken of a person's points, too; every attempt kept when submissions are collected.
"""

import os
import shutil
from itertools import chain, count
from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin, LateSubmissionPlugin
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets.config import Config

from course.errors import CourseError
from course.grading.attempts import attempt_name, earlier_folder
from course.grading.exchange import GenuineCollect
from course.grading.gradebook import database_of, open_gradebook
from course.grading.late import percent_lost, points_lost
from course.grading.output import line
from course.grading.penalties import Rules, assign_penalties, set_due_dates
from course.grading.record import read_timestamp
from course.grading.release import nbgrader_config
from course.grading.untrusted import same_files
from course.settings import read_settings


class LatePenalty(LateSubmissionPlugin):
    """`[late]` of course.toml where nbgrader asks what lateness costs."""

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The points that are taken; None where lateness costs nothing."""
        policy = read_settings(_coursedir(self)).late
        return points_lost(policy, total_seconds_late, score) if percent_lost(policy, total_seconds_late) else None


class RenewPenalties(NbGraderPreprocessor):
    """Before nbgrader writes a feedback page: the penalty by the points that the submission has by now."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, ResourcesDict]:
        facts = resources["nbgrader"]
        _renew(_coursedir(self), facts["db_url"], [facts["assignment"]], facts["student"])
        return nb, resources


class Export(CsvExportPlugin):
    """nbgrader's export, with the penalties by the points that the submissions have by now."""

    def export(self, gradebook: Gradebook) -> None:
        root = _coursedir(self)
        names = [path.parent.name for path in (root / "solutions").glob("*/*.ipynb")]
        _renew(root, str(gradebook.engine.url), names)
        gradebook.db.expire_all()
        super().export(gradebook)


class CollectAttempts(GenuineCollect):
    """nbgrader's collect, which keeps the last submission, and puts every earlier one into attempts/.

    What may be collected, and how it is copied, is GenuineCollect's.
    """

    def init_src(self) -> None:
        super().init_src()
        names = {record["filename"] for record in self.src_records}
        self._earlier = [record for record in self.found if record["filename"] not in names]

    def copy_files(self) -> None:
        last = self.src_records
        for record in self._earlier:
            self._keep(record)
        for record in last:  # one after the other: what is wrong with one leaves the others' where they are
            aside = self._put_aside(record)
            self.src_records = [record]
            super().copy_files()
            current = self._current(record["username"])
            if aside and not current.exists():
                os.replace(aside, current)
        self.src_records = last

    def _keep(self, record: dict) -> None:
        """Copy an earlier submission to its place among the attempts, unless it is there or is the current one."""
        current = self._current(record["username"])
        place = earlier_folder(current) / attempt_name(record["timestamp"])
        if place.exists() or read_timestamp(current)[0] == record["timestamp"]:
            return
        # nbgrader copies to where it has submissions: for once that is a folder of ours, on the same disk.
        scratch = place.parent / f".{os.getpid()}"
        scratch.mkdir(parents=True, exist_ok=True)
        try:
            usual, self.coursedir.submitted_directory = self.coursedir.submitted_directory, _below(self, scratch)
            try:
                self.src_records = [record]
                super().copy_files()
                copied = self._current(record["username"])
            finally:
                self.coursedir.submitted_directory = usual
            if copied.exists():
                os.replace(copied, place)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _put_aside(self, record: dict) -> Path | None:
        """Move the submission that nbgrader is about to replace to the attempts: it may be nowhere else any more.

        Returns:
            Where it lies now; None if it stays where it is, or if there is none.
        """
        current = self._current(record["username"])
        handed_in, _ = read_timestamp(current)
        if not current.is_dir() or handed_in == record["timestamp"] or not (self.update or self.before_duedate):
            return None
        if handed_in and handed_in > record["timestamp"] and not self.before_duedate:
            return None
        if _are_same(current, Path(self.inbound_path, record["filename"])):
            return None  # the very same, under the time that it claimed: it is no attempt more
        folder, name = earlier_folder(current), attempt_name(handed_in) if handed_in else "no-time"
        names = chain([name], (f"{name}-{number}" for number in count(2)))
        folder.mkdir(parents=True, exist_ok=True)
        place = next(folder / free for free in names if not (folder / free).exists())
        os.replace(current, place)
        return place

    def _current(self, student: str) -> Path:
        return Path(
            self.coursedir.format_path(self.coursedir.submitted_directory, student, self.coursedir.assignment_id)
        )


def collect(root: Path, assignment: str) -> str:
    """Collect an assignment as formgrader's button does; what nbgrader says of it.

    Raises:
        CourseError: nbgrader_config.py can't be read, or nbgrader could not collect (exit code 1).
    """
    from nbgrader.apps import NbGraderAPI

    config = _settings(root)
    config.CourseDirectory.root = str(root)
    api = NbGraderAPI(config=config)
    with open_gradebook(database_of(api.coursedir.db_url)):
        pass  # nbgrader would ask a command for its tables that needn't be on the PATH
    done = api.collect(assignment)
    if not done["success"]:
        reason = done.get("error", "no reason given").strip().splitlines()[-1].rpartition("ExchangeError: ")[2]
        raise CourseError(
            f"{assignment} could not be collected: {line(reason)}. The exchange is the folder c.Exchange.root of "
            "nbgrader_config.py; without one, put submissions into submitted/ (docs/course-life.md)",
            1,
        )
    return done.get("log", "")


def _are_same(current: Path, submission: Path) -> bool:
    try:
        return same_files(current, submission)
    except OSError:  # its owner is changing it
        return False


def _below(collect: CollectAttempts, folder: Path) -> str:
    """A folder as nbgrader names one of the course's: relative to its root."""
    return str(folder.relative_to(collect.coursedir.root))


def _renew(root: Path, db_url: str, assignments: list[str], student: str = "") -> None:
    database = database_of(db_url)
    rules = Rules.read(root, database.parent)
    with open_gradebook(database) as gradebook:
        set_due_dates(gradebook, rules)
        assign_penalties(gradebook, rules, assignments, student)


def _coursedir(plugin: object) -> Path:
    """The course's folder, which nbgrader's applications and converters know and hand to nobody."""
    here = plugin
    while here is not None:
        coursedir = getattr(here, "coursedir", None)
        if isinstance(coursedir, CourseDirectory):
            return Path(coursedir.root)
        here = here.parent
    raise CourseError("nbgrader did not say where the course is; run this in the course's folder", 1)


def _settings(root: Path) -> Config:
    """What nbgrader's own commands go by: Jupyter's folders (a classroom server's rules), then the course's."""
    from nbgrader.apps.baseapp import NbGrader

    app = NbGrader()
    super(NbGrader, app).load_config_file()  # nbgrader's own warns where only the course has a file
    app.config.merge(nbgrader_config(root))
    return app.config
