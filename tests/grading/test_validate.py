"""`course validate`: marked outputs of a submission beside the reference's."""

import json
import time
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from course.errors import CourseError
from course.grading import validate as room
from course.grading.release import release
from course.grading.validate import Row, format_rows, validate
from tests.grading import small_notebook as small

ONE, TWO = "A9-1-demo", "A9-2-demo"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = small.course(tmp_path_factory.mktemp("course"))
    release(root)
    return root


@pytest.fixture
def released(root: Path) -> NotebookNode:
    return nbformat.read(root / "assignments" / small.ASSIGNMENT / small.NOTEBOOK, as_version=4)


def validated(root: Path, nb: NotebookNode, **options: object) -> dict[str, Row]:
    path = small.write(nb, root / "submitted" / "ada" / small.ASSIGNMENT / small.NOTEBOOK)
    return {row.cell: row for row in validate(path, root, **options)}


def test_the_right_answers_give_the_same_outputs(root: Path, released: NotebookNode):
    rows = validated(root, small.solved(released))
    assert [(row.cell, row.status, row.got) for row in rows.values()] == [
        (ONE, "same", "double of 3: 6"),
        (TWO, "same", "total: 12"),
    ]
    assert not any(row.failed for row in rows.values())
    assert "never gives or takes points" in format_rows(list(rows.values()))


def test_differences_and_errors_are_named_and_warnings_are_neither(root: Path, released: NotebookNode):
    warns = "import sys\ndef double(number):\n    print('careful', file=sys.stderr)\n    return number + number"
    answers = {"A9_1-answer": warns, "A9_2-answer": "def total(numbers):\n    return 13"}
    nb = small.solved(released, answers)
    small.find(nb, "A9_2-values").source = "pass  # the rebuilt notebook has the original"
    nb.cells.insert(3, nbformat.v4.new_code_cell("# NBVAL_CHECK_OUTPUT\nprint('mine')"))
    rows = validated(root, nb)
    assert rows[ONE].status == "same"
    assert (rows[TWO].status, rows[TWO].expected, rows[TWO].got) == ("differs", "total: 12", "total: 13")
    assert rows["A9_2-values"].status == "raised"
    assert rows["A9_2-values"].got == "CheckFailed: the result differs from the expected value"
    assert not rows["A9_2-values"].marked
    table = format_rows(list(rows.values()))
    assert "1 of 2 marked outputs" in table
    assert "expected  total: 12" in table


def test_a_cell_that_raises_is_not_a_difference(root: Path, released: NotebookNode):
    assert validated(root, released)[ONE].status == "raised"


@pytest.mark.parametrize(
    ("answer", "cell", "status"),
    [
        ("import os\ndef double(number):\n    os._exit(1)", "A9_1-values", "died"),
        ("def double(number):\n    while True:\n        pass", "A9_1-values", "timeout"),
    ],
)
def test_a_kernel_that_dies_or_hangs_ends_the_run(
    root: Path, released: NotebookNode, answer: str, cell: str, status: str
):
    nb = small.solved(released, {"A9_1-answer": answer, "A9_2-answer": small.TOTAL})
    begin = time.monotonic()
    rows = validated(root, nb, cell_seconds=60 if status == "died" else 5)
    assert time.monotonic() - begin < 30
    assert rows[cell].status == status
    assert {rows[ONE].status, rows[TWO].status} == {"not reached"}


def test_a_run_that_is_over_its_whole_limit_is_ended(root: Path, released: NotebookNode):
    with pytest.raises(CourseError, match="it took more than"):
        validated(root, small.solved(released), total_seconds=0.2)


def test_the_reference_runs_once_and_as_it_is_now(
    root: Path, released: NotebookNode, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    course = small.course(tmp_path)
    nb = small.source()
    next(
        cell for cell in nb.cells if cell.id == ONE
    ).source += "\nimport os\nprint(os.environ['NBGRADER_EXECUTION'])\nopen('x', 'w').close()"
    path = small.write(nb, course / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    source = room.read_source(path)
    outputs = room.reference_outputs(source, course)
    assert [output["text"] for output in outputs[ONE]] == ["double of 3: 6\nautograde\n"]
    (kept,) = (course / ".grading" / "reference").iterdir()
    assert json.loads(kept.read_text()) == outputs
    monkeypatch.setattr(room, "_run_reference", lambda *_: pytest.fail("it was kept"))
    assert room.reference_outputs(source, course) == outputs
    path.write_text(path.read_text().replace("double of 3", "twice 3"))
    monkeypatch.setattr(room, "_run_reference", lambda *_: {"run": "again"})
    assert room.reference_outputs(room.read_source(path), course) == {"run": "again"}
    assert len(list((course / ".grading" / "reference").iterdir())) == 1, "the outdated one is gone"
    assert [path.name for path in path.parent.iterdir()] == [small.NOTEBOOK], "it ran in a copy"


def test_a_reference_that_fails_is_the_authors_affair(root: Path, released: NotebookNode, tmp_path: Path):
    course = small.course(tmp_path)
    nb = small.source()
    small.find(nb, "A9_1-zero").source = "check.close(double(0.0), 1.0)"
    small.write(nb, course / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    with pytest.raises(CourseError, match="the reference itself stops in cell A9_1-zero") as caught:
        validated(course, small.solved(released))
    assert caught.value.exit_code == 1


def test_without_solutions_or_cells_in_common_it_says_so(root: Path, released: NotebookNode, tmp_path: Path):
    with pytest.raises(CourseError, match="only instructors have") as caught:
        validated(tmp_path, released)
    assert caught.value.exit_code == 2
    with pytest.raises(CourseError, match="shares no cell"):
        validated(root, nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]))
