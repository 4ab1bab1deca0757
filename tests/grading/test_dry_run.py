"""`make dry-run` finds what it looks for: here each kind of answer is made to be what it should not be."""

from collections import Counter
from pathlib import Path

import pytest

from course.errors import CourseError
from tests import dry_run
from tests.dry_run import Task, problem_of, source_path, table, tasks_of
from tests.support.answers import Answer
from tests.support.judging import KINDS, TESTED, answers_of

SAME = (("return weights @ v, weights", "return torch.matmul(weights, v), weights"),)
NO_SCALE = (("q = q / math.sqrt(q.shape[-1])", "q = q * 1.0"),)


@pytest.fixture
def problem(student_zygote: Path):
    """problem(kind, edits, message): what the dry run says of such an answer to A1.5."""

    def say(kind: str, edits=(), message: str = "") -> str:
        answer = Answer("A1.5", "mine", edits=edits, message=message) if edits else None
        return problem_of("01-attention", student_zygote, Task("A1.5", kind, answer))[1]

    return say


def test_what_is_as_it_should_be_is_no_problem(problem):
    assert problem("reference") == problem("stub") == problem("right", SAME) == ""
    assert problem("wrong", NO_SCALE, "not divided by √d_k") == ""


def test_what_is_not_is_told(problem):
    assert problem("wrong", SAME, "anything") == "gets all points"
    assert "should be told 'something else', is told" in problem("wrong", NO_SCALE, "something else")
    assert "A1_5-" in problem("right", NO_SCALE)
    assert "earns points in A1_5-" in problem("trivial", SAME)
    assert "0 times" in problem("wrong", (("no such line", ""),))


def test_all_answers_are_asked_for_and_those_that_train_come_first():
    tasks = tasks_of("01-attention", KINDS)
    both = 2 * sum(assignment == "01-attention" for assignment, _ in TESTED)  # a reference and a stub for each exercise
    assert len(tasks) == both + sum(len(answers_of("01-attention", kind)) for kind in KINDS)
    assert {task.exercise for task in tasks[:10]} == {"A1.9"}
    assert len(tasks_of("01-attention", ("wrong",))) == both + len(answers_of("01-attention", "wrong"))


def test_where_networks_are_trained_a_wrong_answer_is_judged_until_it_is_told(student_zygote, monkeypatch):
    """A1.9 takes seconds; the judge is asked for one test cell at a time, and left alone once the mistake is named."""
    answer = next(a for a in answers_of("01-attention", "wrong") if a.exercise == "A1.9")
    asked = []
    plain = dry_run.Judge.__call__

    def counting(judge, submitted, exercise):
        asked.append([test.grade_id for test in judge.source.exercise(exercise).tests])
        return plain(judge, submitted, exercise)

    monkeypatch.setattr(dry_run.Judge, "__call__", counting)
    assert problem_of("01-attention", student_zygote, Task("A1.9", "wrong", answer))[1] == ""
    judge = dry_run.judge_of("01-attention", student_zygote)
    assert len(judge.source.exercise("A1.9").tests) > len(asked) > 0
    assert all(len(tests) == 1 for tests in asked)


def test_the_table_says_how_many_are_as_they_should_be():
    seen = {("A1.5", kind): 5 for kind in ("reference", "stub", "wrong")}
    rows = table("01-attention", ("wrong",), Counter(seen), Counter({("A1.5", "wrong"): 2})).splitlines()
    (row,) = (row.split() for row in rows if row.startswith("A1.5"))
    assert row == ["A1.5", "5", "5", "3", "of", "5"]


def test_an_unknown_name_is_one_line_that_says_which_there_are():
    with pytest.raises(CourseError, match="no assignment is called '1'; there are 01-attention"):
        source_path("1")
