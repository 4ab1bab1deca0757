"""What everybody was given or may read: code that is alike with it says nothing about two students.

That is the assignment's notebook (stubs, given code, tests and reference answers), the library with its textbook and
stand-ins, the lectures, and, where the teachers' copy has them, the right answers of tests/answers.
"""

import tomllib
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import course
from course.grading.notebook import Source, read_notebook, stub_of
from course.similarity.fingerprints import fingerprints

LIBRARY = ("models", "given", "training")


def known_code(root: Path, source: Source) -> frozenset[int]:
    """The fingerprints of all that needs no other student to be alike."""
    return given_code(root, source) | _all(_right_answers(root, source))


def given_code(root: Path, source: Source) -> frozenset[int]:
    """The fingerprints of what was given with an assignment, or could be read beside it."""
    return _library() | _lectures(root) | _all(_notebook(source))


@cache
def _library() -> frozenset[int]:
    package = Path(course.__file__).parent
    files = (path for room in LIBRARY for path in sorted((package / room).glob("*.py")))
    return _all(path.read_text(encoding="utf-8") for path in files)


@cache
def _lectures(root: Path) -> frozenset[int]:
    notebooks = (read_notebook(path) for path in sorted((root / "lectures").glob("*.ipynb")))
    return _all(cell.source for nb in notebooks for cell in nb.cells if cell.cell_type == "code")


def _all(texts: Iterable[str]) -> frozenset[int]:
    return frozenset().union(*(_hashes(text) for text in texts))


@lru_cache(maxsize=10_000)
def _hashes(text: str) -> frozenset[int]:
    """Cached: a cell without a solution is its own stub."""
    return fingerprints(text).hashes


def _notebook(source: Source) -> Iterator[str]:
    """Every cell, since its text may be code in prose (a slow loop as the specification); a solution with its stub."""
    for cell in source.nb.cells:
        yield cell.source
        if cell.cell_type == "code":
            yield stub_of(cell.source)


def _right_answers(root: Path, source: Source) -> Iterator[str]:
    """Whole texts, and edits as they are written into the reference (tests/support/answers.py says how)."""
    path = root / "tests" / "answers" / source.assignment / "right.toml"
    if not path.is_file():
        return
    references = {cell.grade_id: cell.source for exercise in source.exercises for cell in exercise.answers}
    for answer in tomllib.loads(path.read_text(encoding="utf-8"))["answer"]:
        text = answer.get("source")
        if text is None:
            text = references.get(answer.get("cell") or answer["exercise"].replace(".", "_") + "-answer", "")
            for old, new in answer["edits"]:
                text = text.replace(old, new)
        yield from filter(None, (text, answer.get("extra")))
