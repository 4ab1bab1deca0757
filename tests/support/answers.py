"""Named answers to an assignment (wrong, right, trivial), as edits of the reference, and a way to run them.

A TOML file holds a list of [[answer]]:

    exercise = "A1.5"                      whose answer is replaced
    name = "no scale"                      what a test calls it
    edits = [["old text", "new text"]]     each old text occurs once in the reference's answer cell
    source = '''…'''                       or, instead of edits, the whole answer cell
    cell = "A1_5-answer"                   if the exercise has more than one answer cell
    extra = '''…'''                        a helper cell of the student's, put before the answer
    message = "…"                          occurs in a failure message of the exercise
    also = ["A1.7"]                        exercises that lose points too, since they need this one
"""

import ast
import contextlib
import io
import os
import tomllib
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import nbformat
import torch
from nbformat import NotebookNode

from course.check import ledger
from course.grading.notebook import copied

TEST_ROLES = ("visible", "hidden")


@dataclass(frozen=True)
class Answer:
    """One named answer to one exercise."""

    exercise: str
    name: str
    edits: tuple[tuple[str, str], ...] = ()
    source: str | None = None
    cell: str | None = None
    extra: str | None = None
    message: str = ""
    also: tuple[str, ...] = ()

    @property
    def grade_id(self) -> str:
        """The answer cell that is replaced."""
        return self.cell or self.exercise.replace(".", "_") + "-answer"

    def __str__(self) -> str:
        return f"{self.exercise} {self.name}"


def load(path: Path) -> list[Answer]:
    """Read a file of answers. Raises ValueError if two have one name or one is neither edits nor source."""
    answers = []
    for entry in tomllib.loads(path.read_text(encoding="utf-8"))["answer"]:
        entry["edits"] = tuple((old, new) for old, new in entry.get("edits", ()))
        entry["also"] = tuple(entry.get("also", ()))
        answer = Answer(**entry)
        if bool(answer.edits) == (answer.source is not None):
            raise ValueError(f"{path.name}: {answer} needs either edits or source")
        if str(answer) in map(str, answers):
            raise ValueError(f"{path.name}: {answer} is there twice")
        answers.append(answer)
    return answers


def apply(source_notebook: NotebookNode, answer: Answer) -> NotebookNode:
    """The source notebook with this one answer in place of the reference's; all others stay the reference's.

    Raises ValueError if the answer cell is missing or an edit's old text does not occur exactly once.
    """
    submission = copied(source_notebook)
    places = [i for i, cell in enumerate(submission.cells) if _grade_id(cell) == answer.grade_id]
    if len(places) != 1:
        raise ValueError(f"{answer}: {len(places)} cells are called {answer.grade_id}")
    cell = submission.cells[places[0]]
    cell.source = answer.source if answer.source is not None else _edited(cell.source, answer)
    if answer.extra is not None:
        submission.cells.insert(places[0], nbformat.v4.new_code_cell(answer.extra))
    return submission


def run_plain(notebook: NotebookNode, exercise: str, given: Path, seed: int = 0) -> dict[str, tuple[bool, str]]:
    """Run the test cells of one exercise in this process: grade_id -> (passed, message of the failure).

    As the grader does: setup and given cells, stand-ins for earlier exercises (the file `given`), the
    exercise's own answer with the extra cells before it, then each test cell by itself, seeded, with a graded
    run's budget. A cell passes if it ends without error and a check passed.
    """
    namespace = {"__name__": "__main__"}
    with graded(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        problem = ""
        for code in _program(notebook, exercise, given):
            problem = _run(code, namespace) or problem
        results = {}
        for cell in notebook.cells:
            if _role(cell) in TEST_ROLES and _exercise(cell) == exercise:
                torch.manual_seed(zlib.crc32(f"{_grade_id(cell)} {seed}".encode()))
                ledger.reset()
                failure = _run(cell.source, dict(namespace))
                if not failure and not ledger.passed:
                    failure = "no check passed"
                message = f"{failure} ({problem})" if failure and problem else failure
                results[_grade_id(cell)] = (not failure, message)
    return results


def points(notebook: NotebookNode, exercise: str | None = None) -> dict[str, float]:
    """The points of the test cells, of one exercise or of all: grade_id -> points."""
    return {
        _grade_id(cell): cell.metadata.nbgrader.points
        for cell in notebook.cells
        if _role(cell) in TEST_ROLES and exercise in (None, _exercise(cell))
    }


def _program(notebook: NotebookNode, exercise: str, given: Path) -> list[str]:
    """The chunks of code that stand before the tests of an exercise."""
    setup = [cell.source for cell in notebook.cells if _role(cell) in ("setup", "given")]
    earlier, own, extras = set(), [], []
    for cell in notebook.cells:
        if cell.cell_type == "code" and _role(cell) is None:
            extras.append(cell.source)
        elif _role(cell) == "answer":
            if _exercise(cell) == exercise:
                own += [*extras, cell.source]
            elif not own:
                earlier |= _defined(cell.source)
            extras = []
    return [*setup, _stand_ins(given, earlier), *own]


def _stand_ins(given: Path, names: set[str]) -> str:
    """The source of the stand-ins for these names, with the imports and private helpers of their file."""
    tree = ast.parse(given.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if _is_wanted(node, names)]
    return ast.unparse(tree)


def _is_wanted(node: ast.stmt, names: set[str]) -> bool:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name in names or node.name.startswith("_")
    return True


def _defined(code: str) -> set[str]:
    return {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def _edited(source: str, answer: Answer) -> str:
    for old, new in answer.edits:
        if source.count(old) != 1:
            raise ValueError(f"{answer}: the reference holds {source.count(old)} times the text {old!r}")
        source = source.replace(old, new)
    return source


def _run(code: str, namespace: dict) -> str:
    """Execute; the error in one line, or nothing."""
    try:
        exec(compile(code, "<cell>", "exec"), namespace)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


@contextlib.contextmanager
def graded():
    """Set nbgrader's variable for graded runs; leave it and torch's generator as they were."""
    before = os.environ.get("NBGRADER_EXECUTION")
    os.environ["NBGRADER_EXECUTION"] = "autograde"
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        if before is None:
            del os.environ["NBGRADER_EXECUTION"]
        else:
            os.environ["NBGRADER_EXECUTION"] = before


def _role(cell: NotebookNode) -> str | None:
    return cell.metadata.get("course", {}).get("role")


def _exercise(cell: NotebookNode) -> str | None:
    return cell.metadata.get("course", {}).get("exercise")


def _grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")
