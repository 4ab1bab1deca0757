"""A submission is rebuilt from its text alone, whatever a student or an editor did to the notebook around it."""

import ast
import time
from copy import deepcopy

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from course.grading.notebook import NotebookError, read_notebook, read_source
from course.grading.program import definitions, program_for
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


def test_the_references_very_answer_counts_in_a_new_cell_too(source, submitted):
    after(submitted, "A9_2-answer", new_code_cell(small.TOTAL.replace("### BEGIN SOLUTION", "")))
    small.find(submitted, "A9_2-answer").source = "def total(numbers):\n    raise NotImplementedError()"
    made, code = program(source, submitted)
    assert made.problem is None
    assert code.rstrip().endswith("return running_total")


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


def test_of_an_answer_that_was_split_in_two_copies_of_its_cell_both_count(source, submitted):
    answer = small.find(submitted, "A9_2-answer")
    second = deepcopy(answer)
    answer.source = "def plus(a, b):\n    return a + b\n\n\ndef total(numbers):\n    return 'first try'"
    second.source = "def total(numbers):\n    return plus(*numbers)"
    after(submitted, "A9_2-answer", second)
    rebuilt = rebuild(source, submitted)
    assert rebuilt.notes == [
        "the cell A9_2-answer is there twice; the last answer counts, and what only another copy defines"
    ]
    _, code = program(source, submitted)
    assert "def plus" in code
    assert "first try" not in code
    assert [cell.source for cell in rebuilt.nb.cells] == [cell.source for cell in submitted.cells]


STUB = "def total(numbers):\n    raise NotImplementedError"


@pytest.mark.parametrize("trial", ["# total([1])", "total([1])\ntotal([2])", "", STUB])
def test_a_copy_that_answers_nothing_does_not_count(source, submitted, trial):
    copy = deepcopy(small.find(submitted, "A9_2-answer"))
    copy.source = trial
    after(submitted, "A9_2-answer", copy)
    assert rebuild(source, submitted).answers["A9_2-answer"] == small.TOTAL


def test_a_formatter_that_passed_over_tests_and_setup_changed_nothing(source, submitted):
    for cell in submitted.cells:
        if cell.cell_type == "code" and "HIDDEN" not in cell.source:
            cell.source = "\n" + ast.unparse(ast.parse(cell.source)) + ";"
    assert rebuild(source, submitted).notes == []
    small.find(submitted, "A9_1-values").source += "\nprint(1)"
    assert rebuild(source, submitted).notes == ["changed tests were replaced by the originals: A9_1-values"]


def test_where_the_metadata_is_gone_cells_are_found_by_their_ids(source, submitted):
    for cell in submitted.cells:
        cell.id = cell.metadata.get("nbgrader", {}).get("grade_id", cell.id)
        cell.metadata = {}
    small_answer = "def double(number): return 7"
    next(cell for cell in submitted.cells if cell.id == "A9_1-answer").source = small_answer
    rebuilt = rebuild(source, submitted)
    assert rebuilt.answers == {"A9_1-answer": small_answer, "A9_2-answer": small.TOTAL}
    assert rebuilt.notes == []


def test_an_answer_that_was_merged_into_its_test_is_found_there(source, submitted):
    test, answer = small.find(submitted, "A9_2-values"), small.find(submitted, "A9_2-answer")
    test.source = "def total(numbers): return 'merged'\n" + test.source
    _, code = program(source, submitted)
    assert "merged" not in code
    submitted.cells.remove(answer)
    made, code = program(source, submitted)
    assert made.problem is None
    assert "merged" in code


def helped_by(source, submitted, answer, *helpers, grade_id="A9_1-zero"):
    """The student's code in the program of an answer to A9.2, with helper cells below a cell."""
    after(submitted, grade_id, *map(new_code_cell, helpers))
    small.find(submitted, "A9_2-answer").source = answer
    return program(source, submitted)[1]


@pytest.mark.parametrize(
    "helper",
    [
        "table = {}\nfor key in 'ab':\n    table[key] = 1",
        "table = [0]\ntable[0] += 1",
        "table = [1, 2]\ndel table[0]",
        "table = []\nif True:\n    table.extend([1])",
        "table = []\ndef fill(place): place.append(1)\nfill(table)",
        "class table: pass\ntable.one = 1",
        "class table: pass\ndef add(to): return lambda f: setattr(to, f.__name__, f)\n@add(table)\ndef one(): pass",
    ],
)
def test_all_that_changes_a_helper_comes_with_it(source, submitted, helper):
    code = helped_by(source, submitted, "def total(numbers): return table", helper + "\nprint(table)\nother = 1")
    assert ast.dump(ast.parse(helper)) == ast.dump(ast.parse(code.partition("def total(numbers)")[0]))


def test_variables_of_the_answers_functions_draw_nothing_in(source, submitted):
    answer = "def total(numbers):\n    losses = [f(n) for n in numbers]\n    return losses"
    code = helped_by(source, submitted, answer, "losses = [1]\nnumbers = n = 2\ndef f(x): return x\nwhile losses: pass")
    assert "def f(x)" in code
    assert "while" not in code
    assert "losses = [1]" not in code


def test_a_helper_below_the_tests_counts_for_what_nothing_above_them_defines(source, submitted):
    answer = "def total(numbers): return scale * late(numbers)"
    after(submitted, "A9_2-hidden", new_code_cell("scale = 'further down'\ndef late(numbers): return sum(numbers)"))
    code = helped_by(source, submitted, answer, "scale = 1")
    assert "scale = 1" in code
    assert "further down" not in code
    assert "def late" in code


def test_star_imports_come_first_and_a_name_of_the_setup_may_be_bound_anew(source, submitted):
    helper = "from math import *\ncheck = 'mine'\ncheck.upper()\n"
    code = helped_by(source, submitted, "def total(numbers): return fsum(numbers), check", helper)
    made, _ = program(source, submitted)
    assert made.chunks[0][1] == "from math import *"
    assert "check = 'mine'" in code
    assert "upper" not in code
    assert [finding.call for finding in made.forbidden] == ["math.fsum"]


def test_annotations_of_the_future_hold_for_the_cells_below(source, submitted):
    helper = "class Pair:\n    def turned(self) -> Pair: return self"
    code = helped_by(
        source, submitted, "def total(numbers): return Pair()", "from __future__ import annotations", helper
    )
    assert code.startswith("from __future__ import annotations\nclass Pair")


@pytest.mark.parametrize("magic", ["%%time", "%%timeit -n 1", "%%capture out", "\n%%prun"])
def test_what_a_cell_magic_runs_is_read_like_any_other_cell(source, submitted, magic):
    helper, answer = "import math\ndef h(x): return x", "def total(ns): return math.fsum(map(h, ns))"
    code = helped_by(source, submitted, f"{magic}\n{answer}", f"{magic}\n{helper}")
    assert "def h(x)" in code
    made, _ = program(source, submitted)
    assert [(finding.call, finding.line) for finding in made.forbidden] == [("math.fsum", 2)]


def test_a_timed_assignment_is_an_assignment(source, submitted):
    answer = "%time one = 1\ntwo = %time 1 + one\ndef total(ns):\n    return '%time'"
    assert "one = 1\ntwo = 1 + one\n" in helped_by(source, submitted, answer)


@pytest.mark.parametrize("deep", ["x = " + "-" * 1200 + "1", "x = 1" + " + 1" * 1200, "x = math" + ".pi" * 1200])
def test_code_that_is_nested_too_deeply_stops_nobody(source, submitted, deep):
    answer = f"def total(numbers):\n    return x\n{deep}\nraise NotImplementedError"
    assert "def total" in helped_by(source, submitted, answer, deep)


def test_a_number_of_thousands_of_digits_stops_nobody(source, submitted):
    number = "x = 0x" + "f" * 5_000
    small.find(submitted, "A9_1-values").source = number
    code = helped_by(source, submitted, f"def total(numbers):\n    return x\n{number}", number, number + "\ny = 1")
    assert "def total" in code


LONG = "table = [" + "1," * 50_000 + "]\n"


@pytest.mark.parametrize("what", ["answer", "added", "setup", "test"])
def test_a_cell_that_is_too_long_stays_out_and_is_never_parsed(source, submitted, what, monkeypatch):
    if what == "added":
        after(submitted, "A9_1-zero", new_code_cell(LONG))
    else:
        names = {"answer": "A9_2-answer", "setup": "setup", "test": "A9_2-values"}
        small.find(submitted, names[what]).source = LONG + small.TOTAL
    parse = ast.parse

    def parses_what_is_short(text, *args, **kwargs):
        assert len(text) < 100_000
        return parse(text, *args, **kwargs)

    monkeypatch.setattr(ast, "parse", parses_what_is_short)
    rebuilt = rebuild(source, submitted)
    made, code = program(source, submitted)
    assert LONG not in code
    if what == "answer":
        reason = "the answer cell A9_2-answer was left out: longer than 100,000 characters"
        assert rebuilt.notes == [reason]
        assert made.problem == ("missing", reason)
        assert small.find(rebuilt.nb, "A9_2-answer").source == f"# {reason}"
    else:
        assert rebuilt.notes[0] == "1 cell was left out: too long"
        assert made.problem is None


def test_a_copy_that_is_short_enough_counts(source, submitted):
    copy = deepcopy(small.find(submitted, "A9_2-answer"))
    small.find(submitted, "A9_2-answer").source = LONG
    after(submitted, "A9_2-answer", copy)
    rebuilt = rebuild(source, submitted)
    assert (rebuilt.answers["A9_2-answer"], rebuilt.left_out) == (small.TOTAL, {})


def test_what_is_too_much_in_all_stays_out_but_no_answer_among_it(source, submitted):
    submitted.cells[:0] = [new_code_cell(f"x{i} = '{'-' * 90_000}'") for i in range(15)]
    words = small.find(submitted, "A9_3-words")
    words.source = "w" * 99_000
    rebuilt = rebuild(source, submitted)
    assert rebuilt.notes == ["6 cells were left out: too long", "9 added code cells kept as helpers"]
    assert rebuilt.answers.keys() == {"A9_1-answer", "A9_2-answer"}
    assert rebuilt.manual["A9_3-words"] == words.source
    words.source += "w" * 2_000
    assert rebuild(source, submitted).manual["A9_3-words"].startswith("the answer cell A9_3-words was left out")


@pytest.mark.parametrize("upwards", [True, False])
def test_a_long_chain_of_helpers_is_read_once(upwards):
    chain = [f"def f{i}():\n    return f{i + 1}()" for i in range(12_000)]
    chain = chain if upwards else chain[::-1]
    start = time.process_time()
    assert definitions(["\n".join(chain), "other = f0()"], {"f0"}) == chain
    assert time.process_time() - start < 6  # one second; a pass for each helper takes ten times that


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
