"""`course grade` on the sample class gives each submission the scores it deserves, twice the same, byte for byte."""

import csv
import hashlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from course.grading.notebook import read_source
from tests.sample_class import DUE, ROOT, assignments, students, undeserved, write_class

ASSIGNMENTS = assignments()


def course(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess:
    """Run the command as a user does, in a process of its own."""
    command = [sys.executable, "-m", "course.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=1500, check=False)


@pytest.fixture(scope="module", params=ASSIGNMENTS)
def graded(request, tmp_path_factory):
    """The sample class of one assignment, graded once: (assignment, OUT, what the command printed)."""
    from nbgrader.utils import parse_utc

    from course.grading.gradebook import open_gradebook

    out = tmp_path_factory.mktemp(request.param)
    submitted = write_class(out, request.param)
    with open_gradebook(out / "gradebook.db") as gradebook:
        gradebook.update_or_create_assignment(request.param, duedate=parse_utc(DUE))
    done = course("grade", request.param, "--submitted", submitted, "--out", out, "--jobs", "2")
    assert done.returncode == 0, done.stderr
    return request.param, out, done.stdout


def rows(out: Path, name: str) -> list[dict]:
    with (out / "reports" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_exercise_of_every_student_gets_what_it_deserves(graded):
    assignment, out, _ = graded
    assert not undeserved(assignment, rows(out, "grades.csv"))


def test_what_is_notable_is_noted(graded):
    assignment, out, _ = graded
    summary = {row["student"]: row for row in rows(out, "summary.csv")}
    assert set(summary) == {student.id for student in students(assignment)}
    for student in students(assignment):
        row = summary[student.id]
        assert row["late"] == student.late
        assert (student.noted in row["notes"]) if student.noted else not row["notes"], student.id


def test_everyone_finds_a_page_and_no_hidden_test_in_it(graded):
    assignment, out, printed = graded
    (path,) = (ROOT / "solutions" / assignment).glob("*.ipynb")
    source = read_source(path)
    hidden = {
        line.strip()
        for exercise in source.exercises
        for test in exercise.tests
        if test.hidden
        for line in test.source.splitlines()
        if len(line.strip()) > 30 and not line.strip().startswith("#")
    } - {
        line.strip()
        for cell in source.nb.cells
        if cell.metadata.course.role != "hidden"
        for line in cell.source.splitlines()
    }
    assert len(hidden) > 50
    for student in students(assignment):
        folder = out / "feedback" / student.id / assignment
        (page,) = folder.glob("*.html")
        text = page.read_text(encoding="utf-8")
        own = "\n".join(map(code_of, (out / "submitted" / student.id / assignment).glob("*.ipynb")))
        assert not [line for line in hidden if line in text and line not in own]
    assert str(out / "reports" / "class.html") in printed


def code_of(path: Path) -> str:
    """The text of a submitted notebook, "" of what is none: a student may write what a hidden test says, too."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except ValueError:
        return ""
    return "\n".join("".join(cell["source"]) for cell in cells)


def dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return sorted(connection.iterdump())


def everything(out: Path) -> dict[str, str]:
    files = [path for path in sorted(out.rglob("*")) if path.is_file() and path.name != "gradebook.db"]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_second_run_changes_nothing(graded):
    assignment, out, _ = graded
    files, gradebook = everything(out), dump(out / "gradebook.db")
    done = course("grade", assignment, "--submitted", out / "submitted", "--out", out)
    assert done.returncode == 0
    assert f"0 submissions to grade, {len(students(assignment))} unchanged" in done.stdout
    assert everything(out) == files
    assert dump(out / "gradebook.db") == gradebook


def test_grading_some_anew_changes_nothing_either(graded):
    assignment, out, _ = graded
    files, gradebook = everything(out), dump(out / "gradebook.db")
    some = [student.id for student in students(assignment) if student.stubs or student.notebook == "" or student.text]
    done = course("grade", assignment, "--submitted", out / "submitted", "--out", out, "--force", "--student", *some)
    assert done.returncode == 0
    assert f"{len(some)} submission{'s' * (len(some) != 1)} to grade" in done.stdout
    assert everything(out) == files
    assert dump(out / "gradebook.db") == gradebook
