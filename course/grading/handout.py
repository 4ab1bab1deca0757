"""The notebook as it was handed out, found for a student's copy, and what the copy lost or changed of it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from course.errors import CourseError
from course.grading.notebook import NotebookError, Source, grade_id_of, read_source

# The untouched notebooks of a student release: students work in assignments/ itself.
PRISTINE = Path(".student-release", "assignments")
_UNUSABLE = (CourseError, KeyError, TypeError, AttributeError, ValueError)


class NoExercises(NotebookError):
    """A notebook, and none of this course's."""


def find_handout(path: Path, nb: NotebookNode) -> Source:
    """The released notebook that a student's notebook was made from, by grade_ids, then by file name.

    Looked for in the course that holds the notebook, then in the one that holds the current folder. Where there is
    none, the student's own notebook stands in for it. CourseError if that holds no exercises either.
    """
    best, best_likeness = None, (0, False)
    for candidate in _candidates(path):
        try:
            handout = read_source(candidate)
        except _UNUSABLE:
            continue  # a damaged copy is no reference; another may be there
        likeness = (shared_cells(handout.nb, nb), candidate.name == path.name)
        if likeness > best_likeness:
            best, best_likeness = handout, likeness
    return best or _own(path)


def shared_cells(one: NotebookNode, other: NotebookNode) -> int:
    """How many grade_ids two notebooks share; 0 if it is less than half of what the smaller one has."""
    first, second = ({grade_id_of(cell) for cell in nb.cells} - {""} for nb in (one, other))
    shared = len(first & second)
    return shared if 2 * shared >= min(len(first), len(second)) else 0


def changed(cell: NotebookNode, handed_out: str | None) -> bool:
    """Whether a cell's text is not the one that was handed out. handed_out: None where no other copy is known."""
    if handed_out is not None:
        return cell.source.strip() != handed_out.strip()
    noted = cell.metadata.get("nbgrader", {}).get("checksum")
    return noted is not None and noted != _checksum(cell)


def _own(path: Path) -> Source:
    try:
        source = read_source(path)
    except NotebookError:
        raise
    except _UNUSABLE:
        source = None  # its metadata was cut to pieces
    if source is None or not source.exercises:
        raise NoExercises(f"{path}: holds no exercises of this course")
    return source


def _candidates(path: Path) -> Iterator[Path]:
    path = path.resolve()
    for start in (path.parent, Path.cwd().resolve()):
        for folder in (start, *start.parents):
            for released in (folder / PRISTINE, folder / "assignments"):
                for candidate in sorted(released.glob("*/*.ipynb")):
                    if candidate != path:
                        yield candidate


def _checksum(cell: NotebookNode) -> str:
    """nbgrader's checksum of a cell (nbgrader.utils.compute_checksum, which takes seconds to import)."""
    grader = cell.metadata.nbgrader
    grade, solution = bool(grader.get("grade")), bool(grader.get("solution"))
    locked = not solution and (grade or bool(grader.get("locked")))
    parts = [cell.source, cell.cell_type, str(grade), str(solution), str(locked), grader["grade_id"]]
    if grade:
        parts.append(str(float(grader.get("points", 0))))
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()
