"""The reference's marked outputs in a student release: enough to validate with, and no answer among them."""

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_output

from course.errors import CourseError
from course.grading.leaks import leaked, secret_lines, text_of
from course.grading.notebook import read_notebook
from course.grading.outputs import OUTPUTS, is_marked, release_around, stored_outputs
from course.grading.student_release import student_release
from course.grading.validate import validate
from tests.ci import small_template as template
from tests.grading import small_notebook as small

ROOT = Path(__file__).parents[2]
SOURCES = sorted(ROOT.glob("solutions/*/*.ipynb"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return template.course_of(tmp_path / "course-root")


def source_with(root: Path, output: nbformat.NotebookNode, cell_id: str = "A9-1-demo") -> None:
    path = root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK
    nb = nbformat.read(path, as_version=4)
    next(cell for cell in nb.cells if cell.id == cell_id).outputs = [output]
    small.write(nb, path)


def refused(root: Path, folder: Path) -> str:
    with pytest.raises(CourseError) as caught:
        student_release(root, folder)
    assert not folder.exists()
    return str(caught.value)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.parent.name)
def test_every_marked_cell_of_the_course_stores_its_output(path: Path):
    nb = read_notebook(path)
    marked = [cell.id for cell in nb.cells if is_marked(cell)]
    kept = stored_outputs(nb, path.name)
    assert marked and list(kept) == marked
    assert leaked(text_of(kept), secret_lines(map(read_notebook, SOURCES))) == []


def test_a_student_release_validates_without_the_solutions(root: Path, tmp_path: Path):
    folder = tmp_path / "student"
    student_release(root, folder)
    assert release_around(folder / template.NOTEBOOK) == folder
    template.answer(folder, {"A9_1-answer": small.DOUBLE, "A9_2-answer": "def total(numbers):\n    return 13"})
    rows = {row.cell: row for row in validate(folder / template.NOTEBOOK, folder)}
    assert rows["A9-1-demo"].status == "same"
    assert (rows["A9-2-demo"].status, rows["A9-2-demo"].expected) == ("differs", "total: 12")


def test_what_is_kept_is_text_of_marked_cells_and_nothing_else(root: Path, tmp_path: Path):
    student_release(root, tmp_path / "student")
    (path,) = (tmp_path / "student" / OUTPUTS).rglob("*.json")
    assert path.relative_to(tmp_path / "student" / OUTPUTS).as_posix() == "09-small/small.json"
    kept = json.loads(path.read_text())
    assert {cell: [output["text"] for output in outputs] for cell, outputs in kept.items()} == {
        cell: [text] for cell, text in template.PRINTED.items()
    }


def test_an_output_that_prints_a_line_of_a_solution_is_not_handed_out(root: Path, tmp_path: Path):
    source_with(root, new_output("stream", name="stdout", text="source:\n    twice_the_number = number + number\n"))
    assert "small.json leaks the line 'twice_the_number = number + number'" in refused(root, tmp_path / "student")


def test_an_output_that_prints_a_hidden_test_is_not_handed_out(root: Path, tmp_path: Path):
    text = {"text/plain": "secret_input = 21.0"}
    source_with(root, new_output("execute_result", data=text, execution_count=1))
    assert "leaks the line 'secret_input = 21.0'" in refused(root, tmp_path / "student")


@pytest.mark.parametrize(
    "output",
    [
        new_output("display_data", data={"text/plain": "1", "image/png": "aGlkZGVu"}),
        new_output("execute_result", data={"text/plain": "1", "text/html": "<b>1</b>"}),
        new_output("stream", name="stderr", text="a warning"),
        new_output("error", ename="E", evalue="v", traceback=["the reference's own lines"]),
    ],
    ids=["picture", "html", "stderr", "traceback"],
)
def test_only_plain_text_is_handed_out(root: Path, tmp_path: Path, output: nbformat.NotebookNode):
    source_with(root, output)
    assert "not plain text" in refused(root, tmp_path / "student")


def test_a_mark_in_a_hidden_test_is_refused(root: Path, tmp_path: Path):
    path = root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK
    nb = nbformat.read(path, as_version=4)
    small.find(nb, "A9_1-hidden").source = "# NBVAL_CHECK_OUTPUT\n" + small.find(nb, "A9_1-hidden").source
    small.write(nb, path)
    from course.grading.release import release

    release(root)
    assert "A9_1-hidden is a hidden cell" in refused(root, tmp_path / "student")


def test_a_damaged_file_is_one_line(root: Path, tmp_path: Path):
    folder = tmp_path / "student"
    student_release(root, folder)
    (path,) = (folder / OUTPUTS).rglob("*.json")
    path.write_text("{")
    with pytest.raises(CourseError, match="missing or damaged"):
        validate(folder / template.NOTEBOOK, folder)
