"""A submission is rebuilt from its text alone, whatever a student or an editor did to the notebook around it."""

from copy import deepcopy

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course.grading.notebook import NotebookError, read_notebook, read_source
from course.grading.program import program_for
from course.grading.rebuild import rebuild
from tests.grading import small_notebook as small


@pytest.fixture
def source(tmp_path):
    return read_source(small.course(tmp_path) / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)


@pytest.fixture
def submitted(source):
    return deepcopy(source.nb)


def program(source, submitted, exercise="A9.2"):
    """The chunks of an exercise's program by label, and the program."""
    made = program_for(source, rebuild(source, submitted), source.exercise(exercise))
    return made, "\n".join(code for label, code in made.chunks if label.startswith("<"))


def after(nb, grade_id, *cells):
    index = nb.cells.index(small.find(nb, grade_id))
    nb.cells[index + 1 : index + 1] = cells


def test_source_is_read_as_exercises(source):
    assert [(e.id, e.points) for e in source.exercises] == [("A9.1", 50), ("A9.2", 40), ("A9.3", 10)]
    assert source.exercise("A9.2").names == {"total": "function"}
    assert [(t.view, t.hidden) for t in source.exercise("A9.1").tests] == [
        ("values", False),
        ("zero", False),
        ("hidden", True),
    ]


def test_only_the_text_of_answers_travels(source, submitted):
    for cell in submitted.cells:
        cell.metadata["tags"] = ["skip-execution"]
        if cell.cell_type == "code":
            cell.outputs = [{"output_type": "stream", "name": "stdout", "text": "forged"}]
    small.find(submitted, "A9_1-values").source = "pass"
    small.find(submitted, "A9_1-values").metadata.nbgrader["points"] = 1000
    small.find(submitted, "A9_1-answer").source = "def double(number): return 7"
    small.find(submitted, "A9_1-answer").metadata.nbgrader["grade"] = True
    rebuilt = rebuild(source, submitted)
    assert small.find(rebuilt.nb, "A9_1-answer").source == "def double(number): return 7"
    for ours, theirs in zip(source.nb.cells, rebuilt.nb.cells, strict=True):
        assert ours.metadata == theirs.metadata
        assert not theirs.get("outputs")
        if ours.metadata.course.role not in ("answer", "manual"):
            assert ours.source == theirs.source
    assert rebuilt.notes == ["changed tests were replaced by the originals: A9_1-values"]


def test_the_reference_itself_needs_no_note(source, submitted):
    assert rebuild(source, submitted).notes == []


def test_a_released_hidden_test_counts_as_unchanged_and_a_deleted_one_is_noted(source, submitted):
    small.find(submitted, "A9_1-hidden").source = "# A9.1, more values: 20 points\n"
    assert rebuild(source, submitted).notes == []
    submitted.cells.remove(small.find(submitted, "A9_1-hidden"))
    assert rebuild(source, submitted).notes == ["deleted tests were put back: A9_1-hidden"]


def test_helper_cells_stay_in_place_and_are_run_as_far_as_they_are_needed(source, submitted):
    after(
        submitted,
        "A9_1-zero",
        new_code_cell("import math\ndef plus(a, b): return math.fsum([a, b])\nwhile True: pass"),
        new_markdown_cell("my notes"),
    )
    small.find(submitted, "A9_2-answer").source = "def total(numbers): return plus(*numbers)"
    rebuilt = rebuild(source, submitted)
    sources = [cell.source for cell in rebuilt.nb.cells]
    assert sources == [cell.source for cell in submitted.cells]
    assert rebuilt.notes == ["1 added code cell kept as helper"]
    made, code = program(source, submitted)
    assert "def plus" in code
    assert "import math" in code
    assert "while" not in code
    assert [finding.call for finding in made.forbidden] == ["math.fsum"]  # A9.2 forbids it, and its answer reaches it


def test_a_helper_that_is_changed_after_its_definition_comes_with_the_change(source, submitted):
    after(submitted, "A9_1-zero", new_code_cell("table = {}\ntable['a'] = 1\nother = []\nother.append(3)"))
    small.find(submitted, "A9_2-answer").source = "def total(numbers): return table['a']"
    _, code = program(source, submitted)
    assert "table['a'] = 1" in code
    assert "other" not in code


def test_what_a_student_added_to_other_cells_is_found(source, submitted):
    small.find(submitted, "setup").source += "\nimport itertools"
    next(cell for cell in submitted.cells if cell.id == "A9-2-demo").source = "def later(x): return x"
    small.find(submitted, "A9_1-answer").source = "def mine(x): return x\ndef double(number): return mine(number)"
    small.find(submitted, "A9_2-answer").source = "def total(ns): return mine(later(sum(itertools.chain(ns))))"
    _, code = program(source, submitted)
    for needed in ("import itertools", "def later", "def mine"):
        assert needed in code
    assert "def double" not in code  # an earlier exercise's name is the given one's business
    assert code.index("def mine") < code.index("def total")


def test_a_definition_right_below_the_answer_replaces_it(source, submitted):
    after(submitted, "A9_2-answer", new_code_cell("def total(numbers): return 'second try'"))
    after(submitted, "A9_2-hidden", new_code_cell("def total(numbers): return 'too late'"))
    _, code = program(source, submitted)
    assert code.rstrip().endswith("return 'second try'")


def test_an_answer_in_a_cell_of_its_own_counts_where_the_answer_cell_is_gone(source, submitted):
    submitted.cells.remove(small.find(submitted, "A9_2-answer"))
    made, _ = program(source, submitted)
    assert made.problem == ("missing", "the answer cell is missing: nothing defines total")
    after(submitted, "A9_1-hidden", new_code_cell("def total(numbers): return sum(numbers)"))
    made, code = program(source, submitted)
    assert made.problem is None
    assert "def total" in code


def test_of_two_copies_the_one_that_was_answered_counts(source, submitted):
    stub = deepcopy(small.find(submitted, "A9_2-answer"))
    stub.source = "def total(numbers):\n    raise NotImplementedError"
    after(submitted, "A9_2-answer", stub)
    rebuilt = rebuild(source, submitted)
    assert rebuilt.answers["A9_2-answer"] == small.TOTAL
    assert "twice" in rebuilt.notes[0]


def test_magics_are_no_syntax_error_and_a_syntax_error_is_named(source, submitted):
    answer = small.find(submitted, "A9_2-answer")
    answer.source = "%matplotlib inline\n!pip list\n" + small.TOTAL
    made, code = program(source, submitted)
    assert made.problem is None
    assert "get_ipython()" in code
    answer.source = "def total(numbers):\n    return (1"
    made, _ = program(source, submitted)
    assert made.problem == ("error", "SyntaxError: '(' was never closed (line 2 of the answer)")


@pytest.mark.parametrize(
    "metadata", [{"nbgrader": None}, {"nbgrader": 3}, {"nbgrader": {"grade_id": 7}}, {"course": 1}]
)
def test_odd_metadata_is_no_trouble(source, submitted, metadata):
    for cell in submitted.cells[:2]:
        cell.metadata = {**cell.metadata, **metadata}
    submitted.cells.append(new_code_cell("x = 1", metadata=metadata))
    assert small.find(rebuild(source, submitted).nb, "A9_1-answer").source == small.DOUBLE


def test_cells_without_ids_are_found_by_grade_id(source, submitted):
    for cell in submitted.cells:
        cell.pop("id", None)
    assert rebuild(source, submitted).answers["A9_2-answer"] == small.TOTAL


@pytest.mark.parametrize(
    "content", [b"", b"not json", b"[]", b"{}", b'{"cells": 3, "nbformat": 4}', b"[" * 200_000, b"\xff\xfe\x00"]
)
def test_a_file_that_is_no_notebook_is_one_line(tmp_path, content):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    with pytest.raises(NotebookError) as caught:
        read_notebook(path)
    assert "not a Jupyter notebook" in str(caught.value)
    assert "\n" not in str(caught.value)
