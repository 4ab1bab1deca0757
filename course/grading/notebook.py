"""The source notebook of an assignment, read as exercises: who answers what, and which cells judge it."""

import ast
import copy
import hashlib
import json
import re
import stat
import warnings
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course.errors import CourseError
from course.grading.limits import Limits

CODE_ROLES = ("setup", "given", "answer", "visible", "hidden", "demo")
TEST_ROLES = ("visible", "hidden")
CELL_TYPES = ("code", "markdown", "raw")
# A submission is somebody else's file: what no honest notebook needs is refused before it is parsed. JSON may take
# fifty times the file's size in memory: an empty list has two characters there and 56 bytes here.
MAX_NOTEBOOK_BYTES = 50_000_000
MAX_BRACKETS = 2_000_000
MAX_QUOTES = 4_000_000
MAX_CELLS = 5_000
# IPython reads the whole cell again for each magic in it: 500 of them in a cell of 100,000 characters take minutes.
MAGIC_LINE = re.compile(r"(?m)^[ \t]*[!?%,;/]|=[ \t]*[!%]|\?[ \t]*$")
MAX_TRANSLATION = 200_000  # characters to read


class NotebookError(CourseError):
    """The file is not a notebook that can be read; the message says why in one line."""


@dataclass(frozen=True)
class Cell:
    """One code cell of the source notebook that the grader knows by its grade_id."""

    grade_id: str
    source: str


@dataclass(frozen=True)
class TestCell(Cell):
    """A test cell: one point of view on an answer, with its own points."""

    __test__ = False  # not a test class for pytest
    view: str
    hidden: bool
    points: float


@dataclass
class Exercise:
    """One exercise: its header's facts, its answer cells and its test cells, in the order of the notebook."""

    id: str
    title: str
    minutes: int
    difficulty: int
    forbids: tuple[str, ...]
    needs: tuple[str, ...]
    seconds: float
    answers: list[Cell] = field(default_factory=list)
    tests: list[TestCell] = field(default_factory=list)
    manual_points: float = 0.0

    @property
    def points(self) -> float:
        return sum(test.points for test in self.tests) + self.manual_points

    @cached_property
    def names(self) -> dict[str, str]:
        """What the reference's answer cells define at top level: name -> "function", "class" or "value"."""
        return {name: kind for cell in self.answers for name, kind in defined_names(cell.source).items()}


@dataclass
class Source:
    """The source notebook of one assignment, as the grader reads it."""

    assignment: str
    notebook: str
    nb: NotebookNode
    exercises: list[Exercise]
    setup: list[Cell]
    given: list[Cell]
    limits: Limits = field(default_factory=Limits)

    @cached_property
    def digest(self) -> str:
        """Names all of it that decides a verdict: texts, metadata and limits, as 64 hex digits."""
        cells = [(cell.get("id"), cell.source, cell.metadata) for cell in self.nb.cells]
        return hashlib.sha256(repr((cells, self.limits)).encode()).hexdigest()

    @cached_property
    def trainers(self) -> frozenset[str]:
        """The functions whose references step an optimizer: these may change the weights of a module."""
        return frozenset(
            statement.name
            for exercise in self.exercises
            for cell in exercise.answers
            for statement in ast.parse(cell.source).body
            if isinstance(statement, ast.FunctionDef)
            and any(isinstance(node, ast.Attribute) and node.attr == "step" for node in ast.walk(statement))
        )

    def exercise(self, exercise_id: str) -> Exercise:
        for exercise in self.exercises:
            if exercise.id == exercise_id:
                return exercise
        raise KeyError(exercise_id)

    def before(self, exercise: Exercise) -> list[Exercise]:
        """The exercises that come before this one."""
        return self.exercises[: self.exercises.index(exercise)]


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook of any nbformat version as version 4; raise NotebookError with one line if it is none."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):  # a pipe would be waited for, a device read without end
            raise NotebookError(f"{path}: not a Jupyter notebook (no plain file)")
        if facts.st_size > MAX_NOTEBOOK_BYTES:
            raise NotebookError(too_large(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older formats have no cell ids: nothing that a user has to mend
            nb = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)  # some editors write a BOM
        for cell in nb.cells:
            if not isinstance(cell.source, str) or not isinstance(cell.metadata, dict):
                raise NotebookError(f"{path}: not a Jupyter notebook (a cell without source or metadata)")
            if cell.cell_type not in CELL_TYPES:
                raise NotebookError(f"{path}: not a Jupyter notebook (a cell of no known type)")
    except NotebookError:
        raise
    except OSError as error:
        raise NotebookError(f"{path}: cannot be read ({error.strerror or error})") from None
    except RecursionError:
        raise NotebookError(f"{path}: not a Jupyter notebook (nested too deeply)") from None
    except Exception as error:  # nbformat raises a different type for each way in which a file is no notebook
        reason = " ".join(str(error).split())[:120]
        raise NotebookError(f"{path}: not a Jupyter notebook ({reason})") from None
    return nb


def too_large(name: object) -> str:
    return f"{name}: larger than {MAX_NOTEBOOK_BYTES // 1_000_000} MB; clear its outputs and save it again"


def text_of_submission(name: str, content: bytes) -> NotebookNode:
    """What travels of a submitted notebook, of any nbformat version: each cell's type, text, id and grade_id.

    Everything else is dropped before anybody copies it. Raises NotebookError, in one line, if it is no notebook.

    Args:
        name: what the file is called in messages.
    """
    if len(content) > MAX_NOTEBOOK_BYTES:
        raise NotebookError(too_large(name))
    if content.count(b"[") + content.count(b"{") > MAX_BRACKETS or content.count(b'"') > MAX_QUOTES:
        raise NotebookError(f"{name}: it holds too many lists and strings; clear its outputs and save it again")
    try:
        data = json.loads(content.decode("utf-8-sig"))  # some editors write a BOM
        sheets = [data] if "cells" in data else data["worksheets"]  # as they were called before version 4
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        if len(cells) > MAX_CELLS:
            raise NotebookError(f"{name}: it has more than {MAX_CELLS:,} cells")
        nodes = [_text_of_cell(cell) for cell in cells]
    except RecursionError:
        raise NotebookError(f"{name}: not a Jupyter notebook (nested too deeply)") from None
    except MemoryError:
        raise NotebookError(f"{name}: there is not enough memory to read it") from None
    except ValueError as error:
        raise NotebookError(f"{name}: not a Jupyter notebook ({' '.join(str(error).split())[:120]})") from None
    except (LookupError, TypeError, AttributeError):
        raise NotebookError(f"{name}: not a Jupyter notebook (it has no cells, or one of no notebook's form)") from None
    return NotebookNode(nbformat=4, nbformat_minor=5, metadata=NotebookNode(), cells=nodes)


def _text_of_cell(cell: dict) -> NotebookNode:
    """Raises TypeError or the like for what is no cell."""
    kind, source = cell["cell_type"], cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(source)
    if kind in ("heading", "html"):  # of version 3
        source = "#" * min(cell.get("level", 1), 6) + " " + source if kind == "heading" else source
        kind = "markdown"
    if kind not in CELL_TYPES or not isinstance(source, str):
        raise TypeError(kind)
    # Half a character (a lone surrogate) is no text that could be written anywhere.
    node = NotebookNode(cell_type=kind, metadata=NotebookNode(), source=source.encode(errors="replace").decode())
    if isinstance(cell.get("id"), str):
        node.id = cell["id"]
    metadata = cell.get("metadata")
    if isinstance(metadata, dict) and (grade_id := grade_id_of(NotebookNode(metadata=metadata))):
        node.metadata.nbgrader = NotebookNode(grade_id=grade_id)
    return node


def read_source(path: Path) -> Source:
    """Read `…/ASSIGNMENT/NOTEBOOK.ipynb` as a Source. Its author's slips are CourseErrors that name the cell."""
    nb = read_notebook(path)
    exercises: dict[str, Exercise] = {}
    setup, given = [], []
    for cell in nb.cells:
        facts = cell.metadata.get("course", {})
        role = facts.get("role", "prose")
        grader = cell.metadata.get("nbgrader", {})
        grade_id = grader.get("grade_id", cell.get("id", ""))
        if role == "exercise":
            exercises[facts["exercise"]] = _exercise(facts)
        elif role in ("setup", "given"):
            (setup if role == "setup" else given).append(Cell(grade_id, cell.source))
        elif role in ("answer", "manual", *TEST_ROLES):
            exercise = exercises.get(facts.get("exercise", ""))
            if exercise is None:
                raise CourseError(f"{path}: cell {grade_id} belongs to no exercise whose header stands above it", 1)
            if role == "answer":
                exercise.answers.append(Cell(grade_id, cell.source))
            elif role == "manual":
                exercise.manual_points += float(grader["points"])
            else:
                view = grade_id.partition("-")[2]
                exercise.tests.append(TestCell(grade_id, cell.source, view, role == "hidden", float(grader["points"])))
    limits = Limits.read(nb.metadata.get("course", {}).get("limits", {}))
    return Source(path.parent.name, path.stem, nb, list(exercises.values()), setup, given, limits)


def _exercise(facts: dict) -> Exercise:
    return Exercise(
        id=facts["exercise"],
        title=facts["title"],
        minutes=facts["minutes"],
        difficulty=facts["difficulty"],
        forbids=tuple(facts.get("forbids", ())),
        needs=tuple(facts.get("needs", ())),
        seconds=float(facts.get("seconds", 20)),
    )


def defined_names(code: str) -> dict[str, str]:
    """The names that a cell binds at top level: name -> "function", "class" or "value" (imports don't count)."""
    names: dict[str, str] = {}
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef):
            names[node.name] = "function"
        elif isinstance(node, ast.ClassDef):
            names[node.name] = "class"
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)):
                names[name] = "value"
    return names


def stub_of(source: str) -> str:
    """An answer cell of the source as students get it: `raise NotImplementedError()` for what stands between the marks.

    That is what nbgrader's ClearSolutions makes, which takes seconds to import.
    """
    stub = r"\1# YOUR CODE HERE\n\1raise NotImplementedError()"
    return re.sub(r"(?ms)^([ \t]*)### BEGIN SOLUTION.*?### END SOLUTION[^\n]*", stub, source)


def copied(nb: NotebookNode) -> NotebookNode:
    """A copy whose cells can be given other sources and outputs; what lies deeper is shared with the original."""
    twin = copy.copy(nb)
    twin["cells"] = [copy.copy(cell) for cell in nb.cells]
    return twin


def grade_id_of(cell: NotebookNode) -> str:
    """nbgrader's name of a cell, "" for a cell without (or with something that is no name)."""
    grader = cell.metadata.get("nbgrader")
    grade_id = grader.get("grade_id") if isinstance(grader, dict) else None
    return grade_id if isinstance(grade_id, str) else ""


def role_of(cell: NotebookNode) -> str:
    """The role of a cell of one of our own notebooks (CONTRIBUTING.md); "prose" if it bears none."""
    return cell.metadata.get("course", {}).get("role", "prose")


@lru_cache(maxsize=1024)
def plain_python(source: str) -> str:
    """A cell's text as Python: IPython's magics and shell lines become calls of `get_ipython()`.

    What IPython can't translate, or not in a second, stays as it is, and is then no Python.
    """
    if len(MAGIC_LINE.findall(source)) * len(source) > MAX_TRANSLATION:
        return source
    from IPython.core.inputtransformer2 import TransformerManager  # takes half a second to import

    try:
        return TransformerManager().transform_cell(source)
    except Exception:  # whatever its tokenizer and its transformers raise
        return source
