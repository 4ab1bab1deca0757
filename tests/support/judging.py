"""Judge one exercise of a notebook as a graded run does, without a class around it: for tests, authors and mutants."""

from pathlib import Path

from nbformat import NotebookNode

from course.grading.judge import Bench, judge_exercise, setup_namespace
from course.grading.judges import TRAINING_IMPORTS, imports
from course.grading.notebook import Source, read_source
from course.grading.rebuild import rebuild
from course.grading.verdict import CellVerdict
from tests.support.answers import Answer, graded, load

ROOT = Path(__file__).parents[2]
SOURCES = {path.parent.name: read_source(path) for path in sorted((ROOT / "solutions").glob("*/*.ipynb"))}
# (assignment, exercise) of all that a judge tests.
TESTED = [(name, exercise.id) for name, source in SOURCES.items() for exercise in source.exercises if exercise.tests]
KINDS = ("wrong", "right", "trivial")
QUICK = 20  # seconds that an exercise may take whose tests train nothing
# What a zygote imports, as in a graded run: what setup cells ask for, what training needs, and figures.
PRELOAD = sorted(
    {"matplotlib.pyplot", *TRAINING_IMPORTS}.union(*(imports(source.setup) for source in SOURCES.values()))
)


def answers_of(assignment: str, kind: str) -> list[Answer]:
    """The answers of one kind ("wrong", "right" or "trivial") to all exercises of an assignment."""
    return load(ROOT / "tests" / "answers" / assignment / f"{kind}.toml")


class Judge:
    """Judges exercises of one assignment with the zygote that listens at `socket`."""

    def __init__(self, source: Source, socket: Path):
        self.source = source
        self._socket = socket
        self._setup = setup_namespace(source)

    def __call__(self, submitted: NotebookNode, exercise: str, student: str = "a student") -> list[CellVerdict]:
        """The verdict on each test cell of the exercise of this id. student: another one draws other inputs."""
        bench = Bench(self._socket, "the secret of the tests", student)
        rebuilt = rebuild(self.source, submitted)
        with graded():
            return judge_exercise(self.source, rebuilt, self.source.exercise(exercise), bench, self._setup)


def lost(cells: list[CellVerdict]) -> list[tuple[str, str, str]]:
    """The test cells that were not passed: grade_id, outcome, message."""
    return [(cell.grade_id, cell.outcome, cell.message) for cell in cells if cell.outcome != "passed"]
