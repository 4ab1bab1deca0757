"""`course release`: what students get of an assignment, and what an author is told before they get it."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from course.errors import CourseError
from course.grading.kernel import Kernel
from course.grading.leaks import leaked, leaked_passage, secret_lines, text_of
from course.grading.notebook import role_of
from course.grading.own_work import bound_names
from course.grading.release import assignments_in, generate, release, verify
from tests.grading import small_notebook as small

ROOT = Path(__file__).parents[2]
RELEASED = Path("assignments", small.ASSIGNMENT, small.NOTEBOOK)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return small.course(tmp_path)


def change_source(root: Path, change: Callable[[NotebookNode], None]) -> None:
    nb = small.source()
    change(nb)
    small.write(nb, root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)


def problem(root: Path, *arguments: object, **options: object) -> CourseError:
    with pytest.raises(CourseError) as caught:
        release(root, *arguments, **options)
    assert "\n" not in str(caught.value)
    return caught.value


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- the small assignment --------------------------------------------------------------------------------------------


def test_stubs_stand_where_the_solutions_stood(root: Path):
    assert release(root) == [root / "assignments" / small.ASSIGNMENT]
    nb = nbformat.read(root / RELEASED, as_version=4)
    answer = small.find(nb, "A9_1-answer").source
    assert answer.startswith('def double(number):\n    """Twice the number."""')
    assert answer.endswith("raise NotImplementedError()")
    assert small.find(nb, "A9_1-hidden").source == "# A9.1, more values: 20 points"
    assert "model answer" not in small.find(nb, "A9_3-words").source
    assert not leaked(text_of(nb), secret_lines([small.source()]))


def test_what_the_grader_needs_stays(root: Path):
    release(root)
    nb = nbformat.read(root / RELEASED, as_version=4)
    for cell, original in zip(nb.cells, small.source().cells, strict=True):
        assert cell.metadata["course"] == original.metadata["course"]
        assert cell.id == original.id
    assert small.find(nb, "A9_1-values").metadata.nbgrader.points == 20


def test_the_same_source_gives_the_same_bytes(root: Path, tmp_path: Path):
    release(root)
    first = files(root / "assignments")
    release(root)
    assert files(root / "assignments") == first
    assert list(first) == [Path(small.ASSIGNMENT, small.NOTEBOOK)], "no gradebook, nothing left behind"
    assert not list(root.glob("gradebook*"))


def test_marked_outputs_are_cleared(root: Path):
    def run(nb: NotebookNode) -> None:
        demo = nb.cells[7]
        assert demo.source.startswith("# NBVAL_CHECK_OUTPUT")
        demo.outputs, demo.execution_count = [nbformat.v4.new_output("stream", text="double of 3: 6\n")], 4

    change_source(root, run)
    release(root)
    assert all(not cell.get("outputs") for cell in nbformat.read(root / RELEASED, as_version=4).cells)


def test_files_beside_the_notebook_are_released_too(root: Path):
    folder = root / "solutions" / small.ASSIGNMENT
    (folder / "data").mkdir()
    (folder / "data" / "table.csv").write_text("1,2\n")
    (folder / ".secret").write_text("for instructors")
    release(root)
    assert set(files(root / "assignments" / small.ASSIGNMENT)) == {Path(small.NOTEBOOK), Path("data/table.csv")}


def test_a_solution_in_a_file_beside_the_notebook_is_found(root: Path):
    notes = root / "solutions" / small.ASSIGNMENT / "notes.txt"
    notes.write_text("Solve it so:\n\n        running_total += double(entry)\n")
    assert "notes.txt: leaks the line 'running_total += double(entry)'" in str(problem(root))
    assert not (root / RELEASED).exists()


def test_verify_sees_outputs_and_answers_without_a_stub(root: Path):
    release(root)
    nb = nbformat.read(root / RELEASED, as_version=4)
    small.find(nb, "A9_1-values").outputs = [nbformat.v4.new_output("stream", text="secret_input = 21.0\n")]
    small.find(nb, "A9_2-answer").source = "def total(numbers):\n    pass"
    small.write(nb, root / RELEASED)
    assert verify((root / RELEASED).parent, [small.source()]) == [
        f"{small.NOTEBOOK}: cell A9_1-values has an output",
        f"{small.NOTEBOOK}: cell A9_2-answer does not raise NotImplementedError",
        f"{small.NOTEBOOK}: leaks the line 'secret_input = 21.0'",
    ]


def test_only_lines_that_give_something_away_are_secret():
    secret = secret_lines([small.source()])
    assert {"twice_the_number = number + number", "secret_input = 21.0", "running_total = 0"} <= secret
    assert not secret & {"", "def double(number):", 'double of 3:"'}
    three = ["running_total = 0", "for entry in numbers:", "running_total += double(entry)"]
    assert leaked_passage("\n".join(["# so:", three[0], "", *three[1:]]), secret) == three
    assert leaked_passage("\n".join([three[0], "something_else()", *three[1:]]), secret) == []


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_unknown_assignments_are_named_and_nothing_is_released(root: Path):
    error = problem(root, [small.ASSIGNMENT, "10-none"])
    assert "'10-none'" in str(error)
    assert small.ASSIGNMENT in str(error)
    assert error.exit_code == 2
    assert not (root / RELEASED).exists()


def test_a_folder_without_sources_says_so(tmp_path: Path):
    assert "no source notebooks" in str(problem(tmp_path))


def test_a_failing_release_leaves_the_old_one(root: Path):
    release(root)
    before = files(root)
    source = root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK
    source.write_text('{"cells": [')
    assert "not a Jupyter notebook" in str(problem(root))
    before[source.relative_to(root)] = source.read_bytes()
    assert files(root) == before


def test_one_failing_assignment_holds_all_back(root: Path):
    second = small.write(small.source(), root / "solutions" / "10-more" / "more.ipynb")
    second.write_text(second.read_text().replace("### END SOLUTION", ""))
    assert problem(root).exit_code == 1
    assert not (root / RELEASED).exists()


def set_source(grade_id: str, old: str, new: str) -> Callable[[NotebookNode], None]:
    def change(nb: NotebookNode) -> None:
        cell = small.find(nb, grade_id)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def set_grader(grade_id: str, /, **values: object) -> Callable[[NotebookNode], None]:
    return lambda nb: small.find(nb, grade_id).metadata.nbgrader.update(values)


def set_opening(text: str) -> Callable[[NotebookNode], None]:
    return lambda nb: nb.cells[0].update(source=text)


TABLE = "| A9.1 Double | 50 | 5 | | A9.3 In your own words | 10 | 5 |\n| A9.2 Sum of doubles | 40 | 10 | | | | |\n"
TOLD = "# Visible test: values (30 points)\ncheck.close(double(3.5)"
SLIPS = {
    "id": (set_source("A9_1", "A9.1", "A9.7"), "does not show its id A9.1"),
    "title": (set_source("A9_1", "Double", "Treble"), "does not show its title 'Double'"),
    "points": (set_source("A9_1", "50", "150"), "A9.1 does not show its 50 points"),
    "minutes": (set_source("A9_1", "5 minutes", "6 minutes"), "does not show its 5 minutes"),
    "difficulty": (set_source("A9_1", "difficulty 1", "difficulty 2"), "does not show its difficulty 1"),
    "total": (set_grader("A9_1-values", points=25), "95 automatic and 10 manual"),
    "no points": (set_grader("A9_1-values", points=0), "cell A9_1-values: it has no points"),
    "no check": (set_source("A9_1-zero", "check.close", "print"), "cell A9_1-zero: it never calls check."),
    "grade_id": (set_grader("A9_1-zero", grade_id="A9_2-zero"), "its grade_id should read A9_1-VIEW"),
    "twice": (set_grader("A9_1-zero", grade_id="A9_1-values"), "grade_id A9_1-values stands 2 times"),
    "flags": (set_grader("A9_1-zero", locked=False), "flags do not suit the role visible"),
    "syntax": (set_source("A9_1-answer", "number + number", "number +"), "cell A9_1-answer: line 4: invalid syntax"),
    "region": (set_source("A9_1-answer", "### BEGIN SOLUTION", ""), "no ### BEGIN SOLUTION"),
    "end": (set_source("A9_1-answer", "### END SOLUTION", ""), "no end solution statement found"),
    "told": (set_source("A9_1-values", "check.close(double(3.5)", TOLD), "first line says 30 points, and it has 20"),
    "listed": (
        set_opening(TABLE.replace("40", "45")),
        "the opening's table should say 40 points and 10 minutes of A9.2",
    ),
    "unlisted": (set_opening(TABLE[:24]), "should say 10 points and 5 minutes of A9.3"),
    "whole": (set_opening(TABLE + "**1 hour 20 minutes**"), "1 hour 20 minutes; the exercises take 20 minutes"),
    "hidden": (set_source("A9_1-hidden", "### BEGIN HIDDEN TESTS", ""), "a hidden test needs ### BEGIN HIDDEN TESTS"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_an_authors_slip_is_named(root: Path, slip: str):
    change, message = SLIPS[slip]
    change_source(root, change)
    error = problem(root)
    assert message in str(error)
    assert error.exit_code == 1


def test_a_table_of_exercises_that_is_right_is_no_slip(root: Path):
    change_source(root, set_opening(TABLE))
    release(root)


def test_cells_without_ids_are_named(root: Path):
    path = root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK
    path.write_text(path.read_text().replace('"id": "A9-1",\n', ""))
    assert "some cells have no id" in str(problem(root))


def test_check_only_names_what_differs_and_writes_nothing(root: Path):
    release(root)
    release(root, check_only=True)
    (root / RELEASED).write_text((root / RELEASED).read_text().replace("YOUR CODE HERE", "YOUR WORK HERE"))
    (root / "assignments" / "10-gone").mkdir()
    before = files(root)
    error = problem(root, check_only=True)
    assert f"{small.ASSIGNMENT} ({small.NOTEBOOK}), 10-gone (has no source)" in str(error)
    assert error.exit_code == 1
    assert files(root) == before


# --- every assignment of the course ----------------------------------------------------------------------------------


def test_what_is_committed_is_what_is_generated():
    release(ROOT, check_only=True)


def cell_errors(nb: NotebookNode, folder: Path) -> list[tuple[NotebookNode, str, str]]:
    with Kernel(folder, cell_seconds=120, environment={"NBGRADER_EXECUTION": None}) as kernel:
        runs = [(cell, kernel.run(cell)) for cell in nb.cells if cell.cell_type == "code"]
    assert not [cell.source for cell, run in runs if run.lost]
    return [(cell, run.ename, run.evalue) for cell, run in runs if run.failed]


def follows(cell: NotebookNode, ename: str, evalue: str, unbound: set[str]) -> bool:
    """Whether an error is a stub's, or what follows from one."""
    if ename == "NameError":
        return any(f"'{name}'" in evalue for name in unbound)
    return ename == "NotImplementedError" or (ename == "CheckFailed" and role_of(cell) == "visible")


@pytest.mark.parametrize("assignment", [small.ASSIGNMENT, *assignments_in(ROOT)])
def test_a_fresh_release_runs_to_its_end_and_fails_only_at_stubs(assignment: str, tmp_path: Path):
    root = small.course(tmp_path / "course") if assignment == small.ASSIGNMENT else ROOT
    folder = tmp_path / "fresh"
    generate(root, assignment, folder)
    for path in folder.glob("*.ipynb"):
        nb = nbformat.read(path, as_version=4)
        errors = cell_errors(nb, folder)
        failed = [cell for cell, _, _ in errors]
        unbound = {name for cell in failed for node in ast.parse(cell.source).body for name in bound_names(node)}
        assert [error[1:] for error in errors if not follows(*error, unbound)] == []
        assert [cell for cell in nb.cells if role_of(cell) == "visible" and cell not in failed] == []


@pytest.mark.nightly
def test_nbgrader_itself_generates_the_same_bytes(root: Path):
    release(root)
    ours = files(root / "assignments")
    config = 'c.CourseDirectory.source_directory = "solutions"\nc.CourseDirectory.release_directory = "assignments"\n'
    (root / "nbgrader_config.py").write_text("c = get_config()\n" + config)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", small.ASSIGNMENT, "--create", "--force"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader calls alembic by name
    subprocess.run(command, cwd=root, check=True, capture_output=True, env={**os.environ, "PATH": path})
    assert files(root / "assignments") == ours
