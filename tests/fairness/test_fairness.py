"""Right answers that other graders punish get full marks here, and nobody is told of a mistake.

Each is handed in as a file and goes the grader's way from there: found, read, rebuilt, judged in a process of its own.
Only the exercise that might suffer is judged.
"""

import json
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from course.grading.judge import Bench, judge_exercise, setup_namespace
from course.grading.notebook import read_source
from course.grading.rebuild import rebuild
from course.grading.submissions import find_submission, read_submission
from tests.fairness.notebooks import ODDITIES, Oddity
from tests.sample_class import ROOT, Student, submission
from tests.support.answers import Answer, load

SOURCE = read_source(ROOT / "solutions" / "01-attention" / "attention.ipynb")
RELEASED = nbformat.read(ROOT / "assignments" / "01-attention" / "attention.ipynb", as_version=4)
ANSWERS = [answer for path in sorted(Path(__file__).parent.glob("01-attention/*.toml")) for answer in load(path)]


@pytest.fixture(scope="module")
def setup() -> dict:
    return setup_namespace(SOURCE)


@pytest.fixture(autouse=True)
def graded_run(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")


def with_full_marks(
    path: Path, content: bytes, exercises: tuple[str, ...], zygote: Path, setup: dict
) -> tuple[str, ...]:
    """Hand the file in and hold that the exercises get full marks without a word; returns what is noted of the file."""
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    found = find_submission(path.parent, SOURCE)
    rebuilt = rebuild(SOURCE, read_submission(found))
    bench = Bench(zygote, "the secret of the tests", "a student")
    for exercise in map(SOURCE.exercise, exercises):
        cells = judge_exercise(SOURCE, rebuilt, exercise, bench, setup)
        assert [(c.grade_id, c.outcome, c.message) for c in cells if c.outcome != "passed" or c.message] == []
        assert sum(c.score for c in cells) == exercise.points
    return (*found.notes, *rebuilt.notes)


def as_bytes(nb: NotebookNode) -> bytes:
    return json.dumps(nb, ensure_ascii=False, indent=1).encode()


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_a_right_answer_gets_full_marks(answer: Answer, tmp_path, student_zygote, setup):
    nb = submission(SOURCE.nb, RELEASED, Student("a student", "", (answer,)))
    path = tmp_path / "a student" / SOURCE.assignment / "attention.ipynb"
    notes = with_full_marks(path, as_bytes(nb), (answer.exercise,), student_zygote, setup)
    assert notes == (("1 added code cell kept as helper",) if answer.extra else ())


@pytest.mark.parametrize("oddity", ODDITIES, ids=str)
def test_a_right_notebook_gets_full_marks(oddity: Oddity, tmp_path, student_zygote, setup):
    nb = submission(SOURCE.nb, RELEASED, Student("a student", ""))
    content = oddity.edit(nb) or as_bytes(nb)
    path = tmp_path / "a student" / SOURCE.assignment / oddity.file
    assert with_full_marks(path, content, oddity.exercises, student_zygote, setup) == oddity.notes


@pytest.mark.parametrize("tool", ["colab", "vscode"])
def test_a_notebook_saved_by_another_tool_gets_full_marks(tool, tmp_path, student_zygote, setup):
    nb = submission(SOURCE.nb, RELEASED, Student("a student", "", saved_by=tool))
    path = tmp_path / "a student" / SOURCE.assignment / "attention.ipynb"
    assert with_full_marks(path, as_bytes(nb), ("A1.1",), student_zygote, setup) == ()


def test_there_are_enough_and_each_has_a_name_of_its_own():
    names = [*map(str, ANSWERS), *map(str, ODDITIES)]
    assert len(set(names)) == len(names) >= 26
