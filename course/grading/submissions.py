"""Find submissions: nbgrader's `submitted/STUDENT/ASSIGNMENT/…`, as people really hand things in.

Whatever is there is somebody else's: only plain files are opened, no link is followed, and a size is known before
anything is read.
"""

import os
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from course.errors import CourseError
from course.grading.notebook import (
    MAX_NOTEBOOK_BYTES,
    NotebookError,
    Source,
    grade_id_of,
    text_of_submission,
    too_large,
)
from course.grading.output import line

# A student's name becomes the name of folders and files ("NAME.json", ".tmp"), which may have 255 bytes.
MAX_NAME_BYTES = 200
# Characters without width or direction, and some that look like a space: two names may differ in these alone.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]|(?! )\\s"
)
# A notebook under its full name, or as browsers, mail programs and systems without case save it.
NOTEBOOK_NAME = re.compile(r"(?is).*\.ipynb(\.txt|\.json)?")


@dataclass(frozen=True)
class Submission:
    """One student's folder of one assignment. `content` is the notebook's bytes, or b"" where there is none.

    problem: why the notebook is not looked at; then `content` is no more than what tells it from another.
    """

    student: str
    assignment: str
    folder: Path
    path: Path | None
    content: bytes = b""
    notes: tuple[str, ...] = field(default=())
    problem: str = ""


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
    """The folders of one assignment, by student. A missing student or an empty class is a CourseError.

    Folders that can be no student's are left out (`refused_folders`).
    """
    pattern = f"{submitted}/STUDENT/{source.assignment}/{source.notebook}.ipynb"
    if not submitted.is_dir():
        raise CourseError(f"no folder {submitted}: submissions are expected as {pattern}")
    try:
        refused = {folder.name: reason for folder, reason in refused_folders(submitted)}
        present = [entry.name for entry in _entries(submitted) if entry.is_dir(follow_symlinks=False)]
    except OSError as error:
        raise CourseError(f"{submitted} can't be read: {error.strerror}") from None
    for student in students:
        if student in refused:
            raise CourseError(f"{line(student)} in {submitted} is not graded: {refused[student]}")
    unknown = [line(student) for student in students if student not in present]
    if unknown:
        raise CourseError(f"no submission of {', '.join(unknown)} in {submitted}")
    folders = [submitted / student / source.assignment for student in students or present if student not in refused]
    # A link is no folder, but an attempt to hand something in: its student gets a verdict that says so.
    return [path for path in folders if os.path.islink(path) or os.path.isdir(path) or path.parent.name in students]


def refused_folders(submitted: Path) -> list[tuple[Path, str]]:
    """What stands among the students' folders and can be none, each with the reason in one line."""
    found = [(submitted / entry.name, _problem_of(entry)) for entry in _entries(submitted)]
    return [(folder, reason) for folder, reason in found if reason]


def _problem_of(entry: os.DirEntry) -> str:
    """Why this can be no student's folder, "" if it can."""
    if entry.is_symlink():
        return "links are not followed"
    if not entry.is_dir():
        return ""
    if not os.access(entry.path, os.R_OK | os.X_OK):
        return "it can't be read (permission denied)"
    try:
        size = len(entry.name.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    if size > MAX_NAME_BYTES:
        return f"its name is longer than {MAX_NAME_BYTES} bytes; rename it"
    if UNSEEN.search(entry.name) or any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in entry.name):
        return "its name holds characters that are not seen; rename it"
    return "its name begins or ends with a space; rename it" if entry.name != entry.name.strip() else ""


def unknown_folders(submitted: Path, root: Path) -> list[Path]:
    """Folders of students that bear no assignment's name: a slip of the pen that would else go unseen."""
    known = {path.parent.name for path in (root / "solutions").glob("*/*.ipynb")}
    refused = {folder.name for folder, _ in refused_folders(submitted)}
    students = [submitted / e.name for e in _entries(submitted) if e.is_dir() and e.name not in refused]
    folders = [student / entry.name for student in students for entry in _entries(student) if entry.is_dir()]
    return [folder for folder in folders if folder.name not in known]


def find_submission(folder: Path, source: Source) -> Submission:
    """The notebook in a student's folder: the one of the right name, or the one that holds the assignment's cells.

    folder: …/STUDENT/ASSIGNMENT, or that of an attempt, …/STUDENT/ASSIGNMENT/TIME.
    """
    assignment = source.assignment
    owner = folder.parent if folder.name == assignment else folder.parents[1]
    student = owner.name
    if folder.is_symlink() or owner.is_symlink():
        return Submission(student, assignment, folder, None, notes=("the folder is a link: links are not followed",))
    notes: list[str] = []
    try:
        path = _find_notebook(folder, source, notes)
        if path is None:
            return Submission(student, assignment, folder, None, notes=tuple(notes))
        size = path.lstat().st_size
        if size > MAX_NOTEBOOK_BYTES:
            problem = too_large(line(path.name))
            return Submission(student, assignment, folder, path, f"{size} bytes".encode(), tuple(notes), problem)
        content = _read(path)
    except OSError as error:
        notes.append(f"{line(Path(error.filename or folder).name)} can't be read ({error.strerror})")
        return Submission(student, assignment, folder, None, notes=tuple(notes))
    return Submission(student, assignment, folder, path, content, tuple(notes))


def read_submission(submission: Submission) -> NotebookNode:
    """The text of the submitted notebook. NotebookError, with one line, if there is none or it can't be read."""
    if submission.path is None:
        raise NotebookError("no notebook was handed in")
    if submission.problem:
        raise NotebookError(submission.problem)
    return text_of_submission(line(submission.path.name), submission.content)


def _find_notebook(folder: Path, source: Source, notes: list[str]) -> Path | None:
    """The file that counts as the notebook. Raises OSError if the folder can't be read."""
    entries = _entries(folder)
    links = [line(entry.name) for entry in entries if entry.is_symlink()]
    if links:
        notes.append(f"links are not followed: {_listed(links)}")
    named = [entry for entry in entries if NOTEBOOK_NAME.fullmatch(entry.name) and not entry.is_symlink()]
    odd = [line(entry.name) for entry in named if not entry.is_file(follow_symlinks=False)]
    if odd:
        notes.append(f"no plain file: {_listed(odd)}")
    files = [folder / entry.name for entry in named if entry.is_file(follow_symlinks=False)]
    expected = folder / f"{source.notebook}.ipynb"
    if expected in files:
        return expected
    candidates = [path for path in files if path.suffix == ".ipynb"]
    if not candidates:
        below = [folder / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        candidates = files + [
            path / entry.name
            for path in below
            if os.access(path, os.R_OK | os.X_OK)
            for entry in _entries(path)
            if NOTEBOOK_NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
        ]
    if not candidates:
        return None
    path = candidates[0] if len(candidates) == 1 else _best(candidates, source)
    notes.append(f"the notebook was handed in as {line(str(path.relative_to(folder)))}")
    return path


def _best(candidates: list[Path], source: Source) -> Path:
    """The file with most of the assignment's cells, among as many as may be read for one submission."""
    known = {grade_id_of(cell) for cell in source.nb.cells} - {""}
    best, most, room = candidates[0], -1, MAX_NOTEBOOK_BYTES
    for path in candidates:
        room -= path.lstat().st_size
        if room < 0:
            break
        found = _known_cells(path, known)
        if found > most:
            best, most = path, found
    return best


def _known_cells(path: Path, known: set[str]) -> int:
    try:
        nb = text_of_submission(path.name, _read(path))
    except (NotebookError, OSError):
        return -1
    return len({grade_id_of(cell) for cell in nb.cells} & known)


def _read(path: Path) -> bytes:
    """The file's bytes, as many as a notebook may have and one more; a link or a pipe put in its place fails."""
    careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | careful)) as file:
        return file.read(MAX_NOTEBOOK_BYTES + 1)


def _entries(folder: Path) -> list[os.DirEntry]:
    """What stands in a folder, by name, without what is hidden (`.ipynb_checkpoints`, `._attention.ipynb`)."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"
