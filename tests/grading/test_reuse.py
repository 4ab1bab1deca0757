"""Which exercises an edit has judged again: never too few, and after a mended test no more than its own."""

from collections.abc import Callable
from copy import deepcopy

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from course.grading.judge import Bench, judge
from course.grading.judges import Judged
from course.grading.notebook import Source, read_source
from course.grading.rebuild import Rebuilt, rebuild
from course.grading.reuse import exercise_keys, merged, still_valid
from course.grading.verdict import Verdict
from tests.grading import small_notebook as small
from tests.support.answers import graded

SQUARED = "def double(number): return number * number"
ALL = {"A9.1", "A9.2"}


def put(grade_id: str, source: str) -> Callable[[NotebookNode], None]:
    return lambda nb: small.find(nb, grade_id).update(source=source)


def header(exercise: str, **facts: object) -> Callable[[NotebookNode], None]:
    return lambda nb: small.find(nb, exercise).metadata.course.update(facts)


def points(grade_id: str, points: int) -> Callable[[NotebookNode], None]:
    return lambda nb: small.find(nb, grade_id).metadata.nbgrader.update(points=points)


def prose(nb: NotebookNode) -> None:
    nb.cells[0].source = "# Another title"


def question(nb: NotebookNode) -> None:
    small.find(nb, "A9_2").source += "\n\nMind the empty list."


def a_cell_above(nb: NotebookNode) -> None:
    nb.cells.insert(1, small.cell("prose", "first", "Read this first."))


def no_more_a_test(nb: NotebookNode) -> None:
    nb.cells.remove(small.find(nb, "A9_1-zero"))


# What an author does -> the exercises whose verdicts it may change.
EDITS = {
    "nothing": (lambda nb: None, set()),
    "a hidden test is mended": (put("A9_1-hidden", "check.close(double(2.0), 4.0)"), {"A9.1"}),
    "a visible test is mended": (put("A9_2-values", "check.close(total([2.0]), 4.0)"), {"A9.2"}),
    "points": (points("A9_1-zero", 5), {"A9.1"}),
    "a test is taken out": (no_more_a_test, ALL),  # what stands below it moves up
    "prose": (prose, set()),
    "the words of a question": (question, set()),
    "a title": (header("A9_1", title="Twice"), {"A9.1"}),
    "minutes": (header("A9_1", minutes=90), set()),
    "seconds": (header("A9_2", seconds=3), {"A9.2"}),
    "a forbidden call": (header("A9_2", forbids=["builtins.sum"]), {"A9.2"}),
    "a need": (header("A9_2", needs=["A9.1"]), {"A9.2"}),
    "setup": (put("setup", "from course import check\nscale = 2"), ALL),
    "a reference answer": (put("A9_1-answer", "def double(number): return number * 2"), ALL),
    "a cell above": (a_cell_above, ALL),
    "limits": (lambda nb: nb.metadata.update(course={"limits": {"memory_mb": 900}}), ALL),
}


def base() -> NotebookNode:
    nb = small.source()
    small.find(nb, "setup").source = "from course import check"
    return nb


def merged_cells(nb: NotebookNode) -> NotebookNode:
    """A student has joined an answer to the test below it: that test's text is then theirs."""
    nb.cells.remove(small.find(nb, "A9_1-answer"))
    small.find(nb, "A9_1-values").source = small.DOUBLE + "\ncheck.close(double(3.5), 7.0)"
    return nb


def with_helper(nb: NotebookNode) -> NotebookNode:
    small.find(nb, "A9_2-answer").source = "def total(numbers): return helped(numbers)"
    nb.cells.insert(3, new_code_cell("def helped(numbers): return 2 * sum(numbers)"))
    return nb


SUBMISSIONS = {
    "right": small.solved(base()),
    "wrong": small.solved(base(), {"A9_1-answer": SQUARED, "A9_2-answer": small.TOTAL}),
    "stub": small.solved(base(), dict.fromkeys(("A9_1-answer", "A9_2-answer"), "raise NotImplementedError()")),
    "merged": merged_cells(small.solved(base())),
    "helper": with_helper(small.solved(base())),
}


@pytest.fixture(scope="module")
def judged(student_zygote, tmp_path_factory):
    """(edit, submission) -> the source, the rebuilt submission, its keys, and the verdict on all of it."""
    known: dict[tuple[str, str], tuple[Source, Rebuilt, dict[str, str], Verdict]] = {}

    def look(edit: str, name: str):
        if (edit, name) not in known:
            nb = base()
            EDITS[edit][0](nb)
            folder = tmp_path_factory.mktemp("source")
            source = read_source(small.write(nb, folder / small.ASSIGNMENT / small.NOTEBOOK))
            rebuilt = rebuild(source, deepcopy(SUBMISSIONS[name]))
            with graded():
                exercises, cells = judge(source, rebuilt, Bench(student_zygote, "a secret", name))
            keys = exercise_keys(source, rebuilt, "here and now")
            whole = merged(source, rebuilt, None, (), Judged(exercises, cells))
            verdict = Verdict(name, "", "", "", whole.exercises, whole.cells, exercise_keys=keys)
            known[edit, name] = source, rebuilt, keys, verdict
        return known[edit, name]

    return look


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", SUBMISSIONS)
def test_what_holds_is_what_judging_all_of_it_would_say(judged, student_zygote, edit, name):
    _, _, _, before = judged("nothing", name)
    if EDITS[edit][1] == ALL:  # nothing of it is taken over: there is nothing to compare
        return
    source, rebuilt, keys, whole = judged(edit, name)
    valid = still_valid(before, keys, ())
    assert ALL - valid >= EDITS[edit][1]
    if name != "merged":  # there an older test is the student's own text, and may be what an answer draws on
        assert ALL - valid == EDITS[edit][1]
    with graded():
        exercises, cells = judge(source, rebuilt, Bench(student_zygote, "a secret", name), ALL - valid)
    assert {exercise.exercise for exercise in exercises} == ALL - valid
    together = merged(source, rebuilt, before, valid, Judged(exercises, cells))
    assert together.exercises == whole.exercises
    assert together.cells == whole.cells


@pytest.mark.parametrize("edit", [edit for edit, (_, changed) in EDITS.items() if changed == ALL])
def test_what_all_exercises_draw_on_changes_all_keys(tmp_path, edit):
    def keys(nb: NotebookNode) -> dict[str, str]:
        source = read_source(small.write(nb, tmp_path / small.ASSIGNMENT / small.NOTEBOOK))
        return exercise_keys(source, rebuild(source, deepcopy(SUBMISSIONS["right"])), "")

    nb = base()
    before = keys(nb)
    EDITS[edit][0](nb)
    assert not before.items() & keys(nb).items()


def test_another_text_of_the_students_or_another_library_changes_all_keys(tmp_path):
    source = read_source(small.write(base(), tmp_path / small.ASSIGNMENT / small.NOTEBOOK))
    first = exercise_keys(source, rebuild(source, SUBMISSIONS["right"]), "one")
    assert first.keys() == ALL
    for name, around in (("wrong", "one"), ("helper", "one"), ("right", "another")):
        assert not first.items() & exercise_keys(source, rebuild(source, SUBMISSIONS[name]), around).items()


def test_what_is_to_be_judged_again_holds_no_more():
    kept = Verdict("ada", "", "", "", exercise_keys={"A9.1": "a", "A9.2": "b"})
    assert still_valid(kept, {"A9.1": "a", "A9.2": "b", "A9.4": "c"}, ()) == {"A9.1", "A9.2"}
    assert still_valid(kept, {"A9.1": "a", "A9.2": "b"}, ("A9.1",)) == {"A9.2"}
    assert still_valid(kept, {"A9.1": "x", "A9.2": "b"}, ()) == {"A9.2"}
    assert still_valid(None, {"A9.1": "a"}, ()) == frozenset()
