"""Find submissions: nbgrader's `submitted/STUDENT/ASSIGNMENT/…`, as people really hand things in."""

from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from course.errors import CourseError
from course.grading.notebook import NotebookError, Source, read_notebook


@dataclass(frozen=True)
class Submission:
    """One student's folder of one assignment. `content` is the notebook's bytes, or b"" where there is none."""

    student: str
    assignment: str
    folder: Path
    path: Path | None
    content: bytes = b""
    notes: tuple[str, ...] = field(default=())


def find_assignments(root: Path, names: list[str]) -> list[Path]:
    """The source notebooks of the named assignments, or of all. An unknown name is a CourseError."""
    found = {path.parent.name: path for path in sorted((root / "solutions").glob("*/*.ipynb"))}
    if not found:
        raise CourseError(f"no assignment in {root / 'solutions'}: run this in the course's folder")
    for name in names:
        if name not in found:
            raise CourseError(f"no assignment {name!r}; there is {', '.join(found)}")
    return [found[name] for name in names or found]


def find_submissions(submitted: Path, source: Source, students: list[str]) -> list[Path]:
    """The folders of one assignment, by student. A missing student or an empty class is a CourseError."""
    pattern = f"{submitted}/STUDENT/{source.assignment}/{source.notebook}.ipynb"
    if not submitted.is_dir():
        raise CourseError(f"no folder {submitted}: submissions are expected as {pattern}")
    try:
        present = sorted(p.name for p in submitted.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise CourseError(f"{submitted} can't be read: {error.strerror}") from None
    unknown = [student for student in students if student not in present]
    if unknown:
        raise CourseError(f"no submission of {', '.join(unknown)} in {submitted}")
    return [
        submitted / student / source.assignment
        for student in students or present
        if (submitted / student / source.assignment).is_dir() or student in students
    ]


def unknown_folders(submitted: Path, root: Path) -> list[Path]:
    """Folders of students that bear no assignment's name: a slip of the pen that would else go unseen."""
    known = {path.parent.name for path in (root / "solutions").glob("*/*.ipynb")}
    folders = (path for path in sorted(submitted.glob("[!.]*/[!.]*")) if path.is_dir())
    return [folder for folder in folders if folder.name not in known]


def find_submission(folder: Path, source: Source) -> Submission:
    """The notebook in a student's folder: the one of the right name, or the one that holds the assignment's cells."""
    student, assignment = folder.parent.name, source.assignment
    expected = folder / f"{source.notebook}.ipynb"
    notes: list[str] = []
    candidates = sorted(path for path in folder.glob("*.ipynb") if not path.is_symlink() and path.is_file())
    links = [path.name for path in folder.glob("*") if path.is_symlink()]
    if links:
        notes.append(f"links are not followed: {', '.join(sorted(links))}")
    if expected in candidates:
        path = expected
    elif candidates:
        path = max(candidates, key=lambda candidate: _known_cells(candidate, source))
        notes.append(f"the notebook was handed in as {path.name}")
    else:
        return Submission(student, assignment, folder, None, notes=tuple(notes))
    try:
        content = path.read_bytes()
    except OSError as error:
        notes.append(f"{path.name} can't be read ({error.strerror})")
        return Submission(student, assignment, folder, None, notes=tuple(notes))
    return Submission(student, assignment, folder, path, content, tuple(notes))


def read_submission(submission: Submission) -> NotebookNode:
    """The submitted notebook. NotebookError, with one line, if there is none or it can't be read."""
    if submission.path is None:
        raise NotebookError("no notebook was handed in")
    try:
        return read_notebook(submission.path)
    except NotebookError as error:
        raise NotebookError(str(error).replace(f"{submission.path}", submission.path.name)) from None


def _known_cells(path: Path, source: Source) -> int:
    try:
        nb = read_notebook(path)
    except NotebookError:
        return -1
    known = {cell.metadata.get("nbgrader", {}).get("grade_id") for cell in source.nb.cells} - {None}
    found = (cell.metadata.get("nbgrader") for cell in nb.cells)
    return len({facts.get("grade_id") for facts in found if isinstance(facts, dict)} & known)
