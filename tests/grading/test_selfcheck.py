"""`course check`: what a student is told of a notebook, whatever state it is in."""

from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat import NotebookNode

from course.errors import CourseError
from course.grading.handout import shared_cells
from course.grading.release import release
from course.grading.selfcheck import Row, SelfCheck, format_table, self_check
from course.grading.verdict import CellVerdict
from tests.grading import small_notebook as small

RIGHT = {"A9_1-answer": small.DOUBLE, "A9_2-answer": small.TOTAL}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = small.course(tmp_path_factory.mktemp("course"))
    release(root)
    return root


@pytest.fixture
def released(root: Path) -> NotebookNode:
    return nbformat.read(root / "assignments" / small.ASSIGNMENT / small.NOTEBOOK, as_version=4)


def checked(root: Path, nb: NotebookNode, name: str = small.NOTEBOOK, **options: object) -> dict[str, Row]:
    result = self_check(small.write(nb, root / "work" / name), **options)
    return {row.exercise: row for row in result.rows}


def test_a_right_notebook_passes_and_its_file_is_left_alone(root: Path, released: NotebookNode):
    nb = small.solved(released)
    small.find(nb, "A9_3-words").source = "In my own words."
    path = small.write(nb, root / "work" / small.NOTEBOOK)
    before = path.read_bytes()
    result = self_check(path)
    assert not result.failed
    assert path.read_bytes() == before
    rows = [(row.earned, row.visible, row.hidden, row.manual, row.status) for row in result.rows]
    assert rows == [(30, 30, 20, 0, "passed"), (25, 25, 15, 0, "passed"), (0, 0, 0, 10, "manual_pending")]
    table = format_table(result)
    assert "Visible tests: 55 of 55 points." in table
    assert "Hidden tests are worth another 35" in table
    assert "worth another 10" in table


def test_an_untouched_notebook_is_not_attempted(root: Path):
    """In place: the notebook is the released one, so that nothing else is there to compare it with."""
    result = self_check(root / "assignments" / small.ASSIGNMENT / small.NOTEBOOK)
    assert result.failed
    assert [row.status for row in result.rows] == ["not_attempted"] * 3
    assert "not attempted" in format_table(result)


def test_mistakes_forbidden_calls_and_junit(root: Path, released: NotebookNode, tmp_path: Path):
    squared = "def double(number):\n    return number * number"
    fsum = "from math import fsum\ndef total(numbers):\n    return 2 * fsum(numbers)"
    nb = small.solved(released, {"A9_1-answer": squared, "A9_2-answer": fsum})
    junit = tmp_path / "new" / "junit.xml"
    rows = checked(root, nb, junit=junit)
    assert (rows["A9.1"].earned, rows["A9.1"].status) == (10, "partial")
    assert rows["A9.1"].messages == ["the number is squared"]
    assert (rows["A9.2"].earned, rows["A9.2"].status) == (0, "forbidden")
    assert "math.fsum" in rows["A9.2"].messages[0]
    suite = ElementTree.parse(junit).getroot()
    assert {key: suite.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "2",
        "errors": "0",
    }
    names = [(case.get("classname"), case.get("name"), len(case)) for case in suite]
    assert names == [("A9.1", "A9_1-values", 1), ("A9.1", "A9_1-zero", 0), ("A9.2", "A9_2-values", 1)]


def test_an_answer_that_leans_on_the_textbook_is_told_so(root: Path, released: NotebookNode):
    leaning = "def double(number):\n    from course.models.attention import attention\n    return 2 * number"
    rows = checked(root, small.solved(released, {"A9_1-answer": leaning}))
    assert rows["A9.1"].earned == 0
    assert "it isn't there when your answer is graded" in rows["A9.1"].messages[0]
    right = "def double(number):\n    return 2 * number"
    assert checked(root, small.solved(released, {"A9_1-answer": right}))["A9.1"].earned == 30


def test_a_syntax_error_is_one_line_and_names_what_builds_on_it(root: Path, released: NotebookNode):
    broken = {"A9_1-answer": "def double(number)\n    return 2", "A9_2-answer": small.TOTAL}
    rows = checked(root, small.solved(released, broken))
    assert rows["A9.1"].status == "error"
    assert rows["A9.1"].messages == ["the cell A9_1-answer stops with SyntaxError: expected ':' (line 1)"]
    assert rows["A9.2"].messages == ["it uses double, which no cell above has defined"]


def test_an_answer_that_builds_on_a_stub_is_told_so(root: Path, released: NotebookNode):
    rows = checked(root, small.solved(released, {"A9_2-answer": small.TOTAL}))
    assert rows["A9.1"].status == "not_attempted"
    assert rows["A9.2"].status == "error"
    assert "is an answer that it builds on still to be written?" in rows["A9.2"].messages[0]


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        ("def double(number):\n    while True:\n        print(number)", "timeout", "still running after 4 s"),
        ("import os\nos._exit(1)", "crashed", "the cell A9_1-answer ended the kernel"),
    ],
)
def test_a_lost_kernel_costs_its_exercise_alone(
    root: Path, released: NotebookNode, answer: str, status: str, message: str
):
    total = "def total(numbers):\n    return 2 * (helper(numbers))"
    nb = small.solved(released, {"A9_1-answer": answer, "A9_2-answer": total})
    nb.cells.insert(2, nbformat.v4.new_code_cell("helper = sum"))
    nb.cells.insert(-7, nbformat.v4.new_code_cell("import os\nos._exit(1)"))
    rows = checked(root, nb, cell_seconds=4)
    assert rows["A9.1"].status == status
    assert message in rows["A9.1"].messages[0]
    assert rows["A9.2"].status == "passed"


def test_changed_and_deleted_cells_are_told(root: Path, released: NotebookNode):
    nb = small.solved(released, {"A9_1-answer": "def double(number):\n    return 7.0"})
    small.find(nb, "A9_1-values").source = "pass"
    small.find(nb, "A9_2-values").source = "pass"
    small.find(nb, "setup").source += "\nextra = 1"
    gone = ("A9_1-zero", "A9_2-answer")
    nb.cells = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id") not in gone]
    path = small.write(nb, root / "work" / "renamed by me.ipynb")
    result = self_check(path)
    rows = {row.exercise: row for row in result.rows}
    assert (rows["A9.1"].earned, rows["A9.1"].status) == (20, "missing")
    assert rows["A9.1"].messages == [
        "a test cell was deleted here; it still counts when the assignment is graded",
        "the test cell A9_1-values was changed; the original counts",
    ]
    assert rows["A9.2"].status == "missing"
    assert "its answer cell was deleted" in rows["A9.2"].messages[0]
    assert result.notes == ["the cell setup was changed; grading also runs the original"]


def test_changes_show_without_a_released_copy(released: NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """nbgrader's checksums tell; the changed test is all there is to run."""
    monkeypatch.chdir(tmp_path)
    nb = small.solved(released)
    small.find(nb, "A9_2-values").source = "pass"
    rows = checked(tmp_path, nb)
    assert rows["A9.1"].messages == []
    assert rows["A9.2"].messages == ["the test cell A9_2-values was changed; the original counts"]


def test_the_students_run_has_its_full_budget(root: Path, released: NotebookNode, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    short = (
        "import os\ndef double(number):\n    return number + number if 'NBGRADER_EXECUTION' not in os.environ else 0"
    )
    rows = checked(root, small.solved(released, {**RIGHT, "A9_1-answer": short}))
    assert rows["A9.1"].status == "passed"


def test_other_editors_metadata_and_missing_ids_do_no_harm(
    root: Path, released: NotebookNode, capfd: pytest.CaptureFixture
):
    nb = small.solved(released)
    for cell in nb.cells:
        cell.metadata.update(colab={"base_uri": "https://localhost"}, outputId="x", vscode={"languageId": "python"})
    nb.metadata.update(colab={"provenance": []}, kernelspec={"name": "no-such-kernel", "display_name": "?"})
    path = small.write(nb, root / "work" / "colab.ipynb")
    text = path.read_text()
    for cell in nb.cells:
        text = text.replace(f'   "id": "{cell.id}",\n', "")
    path.write_text(text.replace('"nbformat_minor": 5', '"nbformat_minor": 4'))
    assert not self_check(path).failed
    path.write_text(path.read_text().replace('"nbformat_minor": 4', '"nbformat_minor": 5'))
    assert not self_check(path).failed
    assert capfd.readouterr().err == ""


def test_a_few_common_ids_are_no_likeness():
    def notebook(*ids: str) -> NotebookNode:
        return nbformat.v4.new_notebook(cells=[small.cell("setup", grade_id, "") for grade_id in ids])

    assert shared_cells(notebook("setup", "a", "b", "c"), notebook("setup", "d", "e")) == 0
    assert shared_cells(notebook("setup", "a", "b", "c"), notebook("setup", "a")) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("", "not a Jupyter notebook"),
        ('{"cells": 3}', "not a Jupyter notebook"),
        ('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "holds no exercises of this course"),
    ],
)
def test_what_is_no_notebook_is_one_line(tmp_path: Path, content: str | None, message: str):
    path = tmp_path / "other.ipynb"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CourseError) as caught:
        self_check(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_junit_escapes_and_drops_what_xml_cannot_hold(tmp_path: Path):
    from course.grading.junit import write_junit

    message = 'expected <b> & "c",\x00 got \x1b[31m\ud800 √'
    write_junit([CellVerdict("A9_1-v", "A9.1", "v", False, 0, 1, "timeout", message)], tmp_path / "j.xml", "s")
    (case,) = ElementTree.parse(tmp_path / "j.xml").getroot()
    assert case[0].tag == "error"
    assert case[0].get("message") == 'expected <b> & "c",\ufffd got \ufffd[31m\ufffd √'


def test_junit_into_a_place_that_cannot_be_written_is_one_line(tmp_path: Path):
    from course.grading.junit import write_junit

    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match="cannot be written"):
        write_junit([], tmp_path / "file" / "j.xml", "s")


def test_nothing_to_run_is_not_a_failure():
    rows = [Row("A9.1", "Only hidden tests", 0, 0, 5, 0, "ungraded")]
    assert not SelfCheck(rows, [], []).failed
    assert "+ 5" in format_table(SelfCheck(rows, [], []))
