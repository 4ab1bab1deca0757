"""The course's engine behind stock `nbgrader autograde` and formgrader's button.

nbgrader_config.py names the exporter and the two preprocessors below. nbgrader's own loop stays in charge: which
students, what is new, students who may be made, late penalties. What it never sees is a submission: it is shown a
folder of empty notebooks, one for each, so that no broken file stops it and no file or link of a student's is copied.
"""

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from nbgrader.converters import Autograde, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool, Enum

from course.errors import CourseError
from course.grading.autograded import annotate
from course.grading.desk import Desk, Options, write_timestamp
from course.grading.gradebook import database_of, open_gradebook
from course.grading.journal import Journal
from course.grading.judges import LocalJudging, bench
from course.grading.notebook import Source, read_source
from course.grading.output import line
from course.grading.penalties import set_due_dates
from course.grading.record import register
from course.grading.submissions import find_assignments


class CourseExporter(NotebookExporter):
    """Starts the engine when nbgrader's loop begins, and ends it with the loop.

    nbgrader makes one for each run, and has no other place that knows of a run's beginning and end.
    """

    sandboxed = Bool(True, help="False runs answers as your own user, where there can be no sandbox").tag(config=True)
    device = Enum(["cpu", "cuda"], default_value="cpu", help="where answers may run").tag(config=True)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        converter: Autograde = self.parent
        loop = converter.convert_notebooks

        def convert_notebooks() -> None:
            with _one_line(self.log), self._engine(converter):
                loop()

        converter.convert_notebooks = convert_notebooks

    @contextmanager
    def _engine(self, converter: Autograde) -> Iterator[None]:
        """Everything that the preprocessors need, as `self.engine`, while this context lasts."""
        coursedir = converter.coursedir
        root, database = Path(coursedir.root), database_of(coursedir.db_url)
        submitted = Path(coursedir.format_path(coursedir.submitted_directory, "", ""))
        source = read_source(*find_assignments(root, [coursedir.assignment_id]))
        # Whoever presses the button again wants it judged again: nothing is taken from the journal.
        options = Options(
            root, submitted, database.parent, force=True, feedback=False, sandboxed=self.sandboxed, device=self.device
        )
        journal = Journal(options.out)
        with (
            bench([source], self.sandboxed, self.device) as judges,
            LocalJudging(judges, 1) as judging,
            open_gradebook(database, coursedir.course_id) as gradebook,
            _stand_ins(coursedir, source) as stand_ins,
        ):
            desk = Desk(options, journal)
            register(gradebook, source)
            set_due_dates(gradebook, desk.rules)
            judges.ready()
            self.engine = Engine(source, submitted, desk, gradebook, judging)
            converter.coursedir = stand_ins
            try:
                converter.init_notebooks()
                yield
            finally:
                for student in self.engine.unreadable:  # as after `course grade`: formgrader has nothing to show
                    folder = coursedir.format_path(coursedir.autograded_directory, student, source.assignment)
                    Path(folder, f"{source.notebook}.ipynb").unlink(missing_ok=True)


class Rebuild(NbGraderPreprocessor):
    """nbgrader's first pass over a submission: the student's text on the source notebook, nothing judged yet."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        return self.parent.engine.rebuilt(resources["nbgrader"]["student"]), resources


class Judge(NbGraderPreprocessor):
    """nbgrader's second pass: judge the submission in the sandbox, and write gradebook and journal."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        return self.parent.engine.graded(resources["nbgrader"]["student"]), resources


class Engine:
    """What `course grade` does with a submission, for the students that nbgrader asks for, one at a time.

    unreadable: the students whose submission earned its verdict by being no notebook.
    """

    def __init__(self, source: Source, submitted: Path, desk: Desk, gradebook, judging: LocalJudging):
        self._source = source
        self._submitted = submitted
        self._desk = desk
        self._gradebook = gradebook
        self._judging = judging
        self.unreadable: list[str] = []

    def rebuilt(self, student: str) -> NotebookNode:
        """A student's notebook before it is judged. Hidden tests are out of it: nbgrader writes it to a file."""
        task = self._desk.task(self._source, self._folder(student))
        return annotate(task.rebuilt.nb, task.verdict, self._source) if task.rebuilt else new_notebook()

    def graded(self, student: str) -> NotebookNode:
        """Judge and record. Raises NbGraderException without a verdict: nbgrader then names it and goes on."""
        folder = self._folder(student)
        ungraded = ""
        for judged in self._desk.judged(
            [(self._source, p) for p in self._desk.waiting(self._source, folder)], self._judging
        ):
            self._desk.enter(judged)
            ungraded = ungraded or judged.ungraded
        task = self._desk.counting(self._source, folder, self._gradebook, judged)
        if task is None:
            raise NbGraderException(f"not graded: {line(student)}, {self._source.assignment}: changed meanwhile")
        nb = self._desk.record(task, self._gradebook)
        if not task.ungraded:
            self._desk.keep(task)
        if ungraded:
            raise NbGraderException(f"not graded: {line(student)}, {self._source.assignment}: {ungraded}")
        if nb is None:
            self.unreadable.append(student)
        return nb or new_notebook()

    def _folder(self, student: str) -> Path:
        return self._submitted / student / self._source.assignment


@contextmanager
def _one_line(log) -> Iterator[None]:
    """A CourseError as nbgrader says such things: one line in its log, exit code 1."""
    try:
        yield
    except CourseError as error:
        log.error(str(error))
        raise NbGraderException(str(error)) from None


@contextmanager
def _stand_ins(coursedir: CourseDirectory, source: Source) -> Iterator[CourseDirectory]:
    """The course's folders as nbgrader sees them in this run: of each submission an empty notebook and its time.

    Raises:
        CourseError: submissions aren't kept in nbgrader's usual folders, so whose they are can't be told.
    """
    root = Path(coursedir.root)
    (root / ".grading").mkdir(exist_ok=True)
    # Inside the root, for nbgrader makes a regular expression of a folder outside of it.
    with TemporaryDirectory(prefix="submitted-", dir=root / ".grading") as folder:
        pattern = coursedir.format_path(coursedir.submitted_directory, coursedir.student_id, source.assignment)
        for submission in sorted(map(Path, glob.glob(pattern))):
            student, assignment = submission.parent.name, submission.name
            if Path(coursedir.format_path(coursedir.submitted_directory, student, assignment)) != submission:
                raise CourseError("CourseDirectory.directory_structure must be STEP/STUDENT/ASSIGNMENT, as by default")
            if submission.is_dir():
                _stand_in(submission, Path(folder, student, assignment), source.notebook)
        facts = coursedir.trait_values(config=True) | {"submitted_directory": f".grading/{Path(folder).name}"}
        yield CourseDirectory(parent=coursedir.parent, **facts)


def _stand_in(submission: Path, place: Path, notebook: str) -> None:
    place.mkdir(parents=True)
    nbformat.write(new_notebook(), place / f"{notebook}.ipynb")
    write_timestamp(place, submission)
