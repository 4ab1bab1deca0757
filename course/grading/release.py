"""`course release`: solutions/ASSIGNMENT to assignments/ASSIGNMENT, with nbgrader's preprocessors and no gradebook."""

import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course.errors import CourseError
from course.grading.leaks import leaked, secret_lines, text_of
from course.grading.notebook import grade_id_of, read_notebook, role_of
from course.grading.source_lint import problems_of_assignment

SOURCES, RELEASED = "solutions", "assignments"
IGNORED = shutil.ignore_patterns(".*", "__pycache__", "*.pyc", "*.ipynb")


def release(root: Path, assignments: list[str] | None = None, check_only: bool = False) -> list[Path]:
    """Generate assignments from their sources; return the folders.

    Nothing is put in place before every assignment was generated and verified, so a release that fails leaves the
    old one. check_only: write nothing, and raise CourseError (exit code 1) if a committed file differs.
    """
    names = assignments or assignments_in(root)
    unknown = [name for name in names if name not in assignments_in(root)]
    if unknown:
        raise CourseError(f"unknown assignment {unknown[0]!r}; {SOURCES}/ has {', '.join(assignments_in(root))}")
    with _scratch(root, check_only) as scratch:
        for name in names:
            generate(root, name, scratch / name)
            print(f"{name}: generated and verified", file=sys.stderr, flush=True)
        if check_only:
            _compare(root, names, scratch, every=not assignments)
        else:
            for name in names:
                _put(scratch / name, root / RELEASED / name)
    return [root / RELEASED / name for name in names]


def assignments_in(root: Path) -> list[str]:
    """The names of the assignments that have a source, sorted. CourseError where there are none."""
    names = sorted({path.parent.name for path in (root / SOURCES).glob("*/*.ipynb")})
    if not names:
        raise CourseError(f"{root / SOURCES} has no source notebooks: run this in the course's own folder")
    return names


def generate(root: Path, assignment: str, destination: Path) -> None:
    """Write what students get of one assignment into a new folder, and verify it. The same source, the same bytes."""
    folder = root / SOURCES / assignment
    paths = sorted(folder.glob("*.ipynb"))
    _raise_problems(assignment, problems_of_assignment(paths))
    shutil.copytree(folder, destination, ignore=IGNORED)
    sources = {path.name: read_notebook(path) for path in paths}
    config = nbgrader_config(root)
    for name, source in sources.items():
        try:
            released = _preprocess(nbformat.from_dict(source), config)
        except Exception as error:  # nbgrader's preprocessors raise RuntimeError, ValueError and their own
            reason = " ".join(str(error).split())
            raise CourseError(f"{SOURCES}/{assignment}/{name}: nbgrader cannot release it ({reason})", 1) from None
        (destination / name).write_text(nbformat.writes(released, version=4) + "\n", encoding="utf-8")
    _raise_problems(assignment, verify(destination, list(sources.values())))


def verify(released: Path, sources: list[NotebookNode]) -> list[str]:
    """What a folder of released files shows that it should not, a line each."""
    secret, problems = secret_lines(sources), []
    for path in sorted(path for path in released.rglob("*") if path.is_file()):
        name = path.relative_to(released)
        if path.suffix == ".ipynb":
            nb = read_notebook(path)
            problems += [f"{name}: {problem}" for problem in _shows(nb)]
            text = text_of(nb)
        else:
            text = path.read_text(encoding="utf-8", errors="replace")
        problems += [f"{name}: leaks the line {line[:60]!r}" for line in leaked(text, secret)]
    return problems


def _shows(nb: NotebookNode) -> Iterator[str]:
    for cell in nb.cells:
        if cell.get("outputs") or cell.get("execution_count") is not None:
            yield f"cell {grade_id_of(cell) or cell.id} has an output"
        if role_of(cell) == "answer" and "raise NotImplementedError" not in cell.source:
            yield f"cell {grade_id_of(cell)} does not raise NotImplementedError"


def _raise_problems(assignment: str, problems: list[str]) -> None:
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise CourseError(f"{assignment} cannot be released, {count}: " + "; ".join(problems), 1)


def _preprocess(nb: NotebookNode, config: object) -> NotebookNode:
    # nbgrader takes seconds to import: only those who release pay.
    from nbgrader.converters.generate_assignment import GenerateAssignment
    from nbgrader.preprocessors import SaveCells

    quiet = logging.getLogger("course.release")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    for preprocessor in GenerateAssignment.class_traits()["preprocessors"].default():
        if preprocessor is not SaveCells:  # the one that writes to the gradebook
            nb, _ = preprocessor(config=config, log=quiet).preprocess(nb, {})
    return nb


def nbgrader_config(root: Path) -> object:
    """The course's nbgrader_config.py, so that `nbgrader generate_assignment` makes the same files."""
    from traitlets.config import Config, PyFileConfigLoader

    if not (root / "nbgrader_config.py").is_file():
        return Config()
    try:
        return PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    except Exception as error:  # the file is Python: it can raise anything
        raise CourseError(f"nbgrader_config.py does not load ({type(error).__name__}: {error})") from None


@contextmanager
def _scratch(root: Path, check_only: bool) -> Iterator[Path]:
    """A folder to generate into: beside the target, where a rename can put it in place, or anywhere for a check."""
    try:
        if not check_only:
            (root / RELEASED).mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".release-", dir=None if check_only else root / RELEASED) as folder:
            yield Path(folder)
    except OSError as error:
        raise CourseError(f"{error.filename or root}: {error.strerror or error}", 1) from None


def _put(new: Path, target: Path) -> None:
    """Put a folder in another's place; the old one comes back if that fails."""
    old = new.with_name(f"{new.name}.old")
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise


def _compare(root: Path, names: list[str], scratch: Path, every: bool) -> None:
    """Raise CourseError that names each committed file that is not what its source generates."""
    differing = []
    for name in names:
        committed, generated = _files(root / RELEASED / name), _files(scratch / name)
        files = sorted(path for path in committed | generated if committed.get(path) != generated.get(path))
        if files:
            differing.append(f"{name} ({', '.join(map(str, files))})")
    if every and (root / RELEASED).is_dir():
        strays = sorted(path.name for path in (root / RELEASED).iterdir() if path.name not in names)
        differing += [f"{name} (has no source)" for name in strays if not name.startswith(".")]
    if differing:
        raise CourseError(
            f"{RELEASED}/ is not what {SOURCES}/ generates: {', '.join(differing)}. Run `course release`.", 1
        )


def _files(folder: Path) -> dict[Path, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts)
    return {path.relative_to(folder): path.read_bytes() for path in paths}
