"""A class such as hands things in: submissions made from short patches to the reference, with the scores they deserve.

Each assignment has a TOML file with a list of [[student]]:

    id = "no-scale"                     the student's folder
    note = "…"                          what is special about it
    answers = [{exercise = "A1.5", edits = [["old", "new"]]}]    as in tests/support/answers.py; else the reference's
    answers = [{exercise = "A1.5", wrong = "no scale"}]          one that has this name in tests/answers (or right = …)
    stubs = ["A1.6"]                    exercises left as they were released
    deleted = ["A1_4-rows"]             cells that are gone
    notebook = "attention (1).ipynb"    the file's name, "" for no file at all
    text = "…"                          a file that is no notebook
    saved_by = "colab"                  or "vscode": the metadata that they leave
    handed_in = "2026-03-02 …"          nbgrader's timestamp
    late = "1 h 30 min"                 what the summary says of it
    noted = "kept as helper"            part of what the summary notes of the file; nothing unless given
    expected = {"A1.5" = [7, "partial", "√d"]}    score, status, part of the message; exercises not named are full
"""

import json
import tomllib
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course.grading.notebook import read_source
from tests.support.answers import Answer, apply, load

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
IN_TIME = "2026-03-02 12:00:00 UTC"
DUE = "2026-03-02 23:59:00 UTC"


@dataclass(frozen=True)
class Student:
    """One submission of the sample class. expected: exercise -> (score, status, part of the message)."""

    id: str
    note: str
    answers: tuple[Answer, ...] = ()
    stubs: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    notebook: str | None = None
    text: str | None = None
    saved_by: str = "jupyterlab"
    handed_in: str = IN_TIME
    late: str = ""
    noted: str = ""
    expected: dict[str, list] = field(default_factory=dict)


def students(assignment: str) -> list[Student]:
    """The students of the sample class who handed this assignment in."""
    entries = tomllib.loads((HERE / f"{assignment}.toml").read_text(encoding="utf-8"))["student"]
    return [_student(assignment, entry) for entry in entries]


def _student(assignment: str, entry: dict) -> Student:
    answers = tuple(_answer(assignment, entry["id"], answer) for answer in entry.pop("answers", ()))
    return Student(answers=answers, **_as_tuples(entry))


def _answer(assignment: str, student: str, entry: dict) -> Answer:
    for kind in ("wrong", "right"):
        if kind in entry:
            return _named(assignment, kind)[entry["exercise"], entry[kind]]
    return Answer(name=student, **_as_tuples(entry))


@cache
def _named(assignment: str, kind: str) -> dict[tuple[str, str], Answer]:
    """The answers of a file by exercise and name; the files are long, and are read once."""
    answers = load(ROOT / "tests" / "answers" / assignment / f"{kind}.toml")
    return {(answer.exercise, answer.name): answer for answer in answers}


def _as_tuples(entry: dict) -> dict:
    pairs = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    return pairs | ({"edits": tuple(map(tuple, pairs["edits"]))} if "edits" in pairs else {})


def assignments() -> list[str]:
    """The assignments that the sample class hands in."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


def write_class(out: Path, assignment: str) -> Path:
    """Write OUT/submitted/STUDENT/ASSIGNMENT/… for all students; returns OUT/submitted."""
    (source_path,) = (ROOT / "solutions" / assignment).glob("*.ipynb")
    source = nbformat.read(source_path, as_version=4)
    released = nbformat.read(ROOT / "assignments" / assignment / source_path.name, as_version=4)
    for student in students(assignment):
        folder = out / "submitted" / student.id / assignment
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "timestamp.txt").write_text(student.handed_in + "\n", encoding="utf-8")
        path = folder / (source_path.name if student.notebook is None else student.notebook)
        if student.text is not None:
            path.write_text(student.text, encoding="utf-8")
        elif student.notebook != "":
            nb = submission(source, released, student)
            path.write_text(json.dumps(nb, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return out / "submitted"


def undeserved(assignment: str, rows: list[dict], of: list[Student] | None = None) -> list[str]:
    """Where the rows of grades.csv are not what these students (default: all) deserve: a line for each."""
    (path,) = (ROOT / "solutions" / assignment).glob("*.ipynb")
    exercises = read_source(path).exercises
    found = {(row["student"], row["exercise"]): row for row in rows if row["assignment"] == assignment}
    problems = []
    for student in students(assignment) if of is None else of:
        for exercise in exercises:
            row = found.pop((student.id, exercise.id))
            full = (0, "manual_pending", "") if exercise.manual_points else (exercise.points, "passed", "")
            score, status, message = student.expected.get(exercise.id) or student.expected.get("all") or full
            if (float(row["score"]), row["status"]) != (score, status) or message not in row["message"]:
                got = f"{row['score']} {row['status']}: {row['message']}"
                problems.append(f"{student.id}, {exercise.id}: should get {score:g} {status}: {message}; got {got}")
    return problems + [f"{student}, {exercise}: nobody of the class" for student, exercise in found]


def submission(source: NotebookNode, released: NotebookNode, student: Student) -> NotebookNode:
    """The released notebook with this student's answers in it."""
    answered = source
    for answer in student.answers:
        answered = apply(answered, answer)
    nb = deepcopy(released)
    theirs = {_grade_id(cell): cell.source for cell in answered.cells if _grade_id(cell)}
    for cell in nb.cells:
        facts = cell.metadata.get("course", {})
        if facts.get("role") in ("answer", "manual") and facts["exercise"] not in student.stubs:
            cell.source = _without_marks(theirs[_grade_id(cell)])
    _insert_added_cells(nb, answered)
    nb.cells = [cell for cell in nb.cells if _grade_id(cell) not in student.deleted]
    return {"jupyterlab": lambda nb: nb, "colab": _as_colab, "vscode": _as_vscode}[student.saved_by](nb)


def _insert_added_cells(nb: NotebookNode, answered: NotebookNode) -> None:
    for index, cell in enumerate(answered.cells):
        if cell.cell_type == "code" and "course" not in cell.metadata:
            below = _grade_id(answered.cells[index + 1])
            place = next(i for i, other in enumerate(nb.cells) if _grade_id(other) == below)
            nb.cells.insert(place, nbformat.from_dict(cell | {"id": f"mine-{index}"}))


def _grade_id(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")


def _without_marks(text: str) -> str:
    return "\n".join(
        line for line in text.splitlines() if line.strip() not in ("### BEGIN SOLUTION", "### END SOLUTION")
    )


def _as_colab(nb: NotebookNode) -> NotebookNode:
    """As Google Colab saves: format 4.0, its own ids and run times in the metadata, no cell ids, no kernel's name."""
    nb.nbformat_minor = 0
    nb.metadata = {"colab": {"provenance": [], "toc_visible": True}, "accelerator": "GPU"}
    nb.metadata |= {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    for number, cell in enumerate(nb.cells):
        del cell["id"]
        cell.metadata |= {"id": f"Xy{number:010d}", "colab": {"base_uri": "http://localhost:8080/"}}
        if cell.cell_type == "code":
            cell.execution_count = number + 1
            user = {"displayName": "", "userId": ""}
            cell.metadata["executionInfo"] = {"elapsed": 12, "status": "ok", "timestamp": 1772452800000, "user": user}
    return nb


def _as_vscode(nb: NotebookNode) -> NotebookNode:
    """As VS Code saves: ids of its own for cells, a language beside each, the interpreter in the metadata."""
    nb.metadata = {"kernelspec": {"display_name": ".venv", "language": "python", "name": "python3"}, "orig_nbformat": 4}
    nb.metadata["language_info"] = {"name": "python", "version": "3.12.1", "mimetype": "text/x-python"}
    for number, cell in enumerate(nb.cells):
        cell["id"] = f"{number:08x}"
        cell.metadata["vscode"] = {"languageId": "python" if cell.cell_type == "code" else "markdown"}
    return nb
