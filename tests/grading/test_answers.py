"""Wrong answers lose points and are told why; right ones don't, however they are written; trivial ones get nothing.

Each answer is judged as in a graded run, but only its own exercise, and compared with the verdict of a plain kernel (of
a wrong answer by night).
"""

from collections import Counter

import nbclient
import nbformat
import pytest

from course.grading.program import given_path, program_for
from course.grading.rebuild import rebuild
from course.grading.verdict import CellVerdict, exercise_verdict
from tests.sample_class import students
from tests.support.answers import Answer, apply, run_plain
from tests.support.judging import KINDS, QUICK, ROOT, SOURCES, TESTED, Judge, answers_of, lost


def answers(*kinds: str) -> list:
    """All answers of these kinds, over all assignments, as parameters of a test."""
    found = [(name, answer) for kind in kinds for name in SOURCES for answer in answers_of(name, kind)]
    return [pytest.param(assignment, answer, id=f"{assignment}: {answer}") for assignment, answer in found]


EXERCISES = [pytest.param(*tested, id=tested[1]) for tested in TESTED]


@pytest.fixture(scope="session")
def judges(student_zygote) -> dict[str, Judge]:
    """Whoever judges an assignment, by its name."""
    return {assignment: Judge(source, student_zygote) for assignment, source in SOURCES.items()}


@pytest.fixture(autouse=True)
def graded_run(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")


def hold_to_plain(cells: list[CellVerdict], submitted, assignment: str, exercise_id: str) -> None:
    """The border must not change a verdict."""
    plain = run_plain(submitted, exercise_id, given=given_path(assignment))
    differing = {c.grade_id: (c, plain[c.grade_id]) for c in cells if (c.outcome == "passed") != plain[c.grade_id][0]}
    assert not differing


@pytest.mark.parametrize(("assignment", "exercise_id"), EXERCISES)
def test_the_reference_gets_all_points_on_both_sides_of_the_border(assignment, exercise_id, judges):
    source = SOURCES[assignment]
    cells = judges[assignment](source.nb, exercise_id)
    assert lost(cells) == []
    hold_to_plain(cells, source.nb, assignment, exercise_id)


@pytest.mark.parametrize("assignment", SOURCES)
def test_there_are_90_points_for_the_judge_and_10_for_a_person(assignment):
    exercises = SOURCES[assignment].exercises
    assert sum(test.points for exercise in exercises for test in exercise.tests) == 90
    assert sum(exercise.manual_points for exercise in exercises) == 10


@pytest.mark.parametrize("assignment", SOURCES)
def test_the_reference_passes_every_test_cell_in_a_plain_kernel(assignment):
    nb = nbformat.from_dict(SOURCES[assignment].nb)
    nb.cells = [cell for cell in nb.cells if cell.metadata.course.role != "demo"]
    nbclient.NotebookClient(nb, timeout=300, kernel_name="python3").execute(cwd=str(ROOT))  # an error raises here


@pytest.mark.parametrize(("assignment", "answer"), answers("wrong"))
def test_a_wrong_answer_loses_points_and_is_told_why(assignment, answer: Answer, judges):
    source = SOURCES[assignment]
    submitted = apply(source.nb, answer)
    cells = judges[assignment](submitted, answer.exercise)
    verdict = exercise_verdict(answer.exercise, "", cells)
    assert verdict.score < verdict.max_score
    assert answer.message
    assert answer.message in verdict.message


@pytest.mark.parametrize("assignment", SOURCES)
def test_a_wrong_answer_costs_nothing_in_other_exercises(assignment):
    source = SOURCES[assignment]
    programs = {e.id: program_for(source, rebuild(source, source.nb), e).chunks for e in source.exercises if e.tests}
    for answer in answers_of(assignment, "wrong"):
        rebuilt = rebuild(source, apply(source.nb, answer))
        for exercise in source.exercises:
            if exercise.tests and exercise.id != answer.exercise and answer.exercise not in exercise.needs:
                assert program_for(source, rebuilt, exercise).chunks == programs[exercise.id]


@pytest.mark.parametrize(("assignment", "answer"), answers("right"))
def test_a_right_answer_gets_all_points_however_it_is_written(assignment, answer: Answer, judges):
    source = SOURCES[assignment]
    submitted = apply(source.nb, answer)
    cells = judges[assignment](submitted, answer.exercise)
    assert lost(cells) == []
    if source.exercise(answer.exercise).seconds <= QUICK:
        hold_to_plain(cells, submitted, assignment, answer.exercise)


@pytest.mark.parametrize(("assignment", "answer"), answers("trivial"))
def test_a_trivial_answer_gets_nothing(assignment, answer: Answer, judges):
    source = SOURCES[assignment]
    cells = judges[assignment](apply(source.nb, answer), answer.exercise)
    assert [c.grade_id for c in cells if c.score] == []


@pytest.mark.parametrize("assignment", SOURCES)
def test_the_stub_gets_nothing_and_is_called_not_attempted(assignment, judges):
    source = SOURCES[assignment]
    released = nbformat.read(ROOT / "assignments" / assignment / f"{source.notebook}.ipynb", as_version=4)
    for exercise in source.exercises:
        if exercise.tests:
            verdict = exercise_verdict(exercise.id, "", judges[assignment](released, exercise.id))
            assert (verdict.score, verdict.status) == (0, "not_attempted")


@pytest.mark.parametrize("assignment", SOURCES)
def test_there_are_enough_answers(assignment):
    source = SOURCES[assignment]
    kinds = {kind: answers_of(assignment, kind) for kind in KINDS}
    tested = {exercise.id for exercise in source.exercises if exercise.tests}
    count = {kind: Counter(answer.exercise for answer in found) for kind, found in kinds.items()}
    assert all(found.keys() == tested for found in count.values())
    assert min(count["wrong"].values()) >= 6
    assert min(count["right"].values()) >= 3
    assert min(count["trivial"].values()) >= 4


@pytest.mark.parametrize("assignment", SOURCES)
def test_the_readme_says_how_many_answers_there_are(assignment):
    counts = " · ".join(f"{len(answers_of(assignment, kind))} {kind}" for kind in KINDS)
    (row,) = (
        line
        for line in (ROOT / "README.md").read_text("utf-8").splitlines()
        if f"assignments/{assignment}/" in line and line.startswith("| [")
    )
    assert row.endswith(f"| {counts} |")


@pytest.mark.nightly
@pytest.mark.parametrize(("assignment", "answer"), answers("wrong"))
def test_a_plain_kernel_says_the_same_of_a_wrong_answer(assignment, answer: Answer, judges):
    source = SOURCES[assignment]
    submitted = apply(source.nb, answer)
    cells = judges[assignment](submitted, answer.exercise)
    # What may be called is the grader's to say: a kernel runs it. Where networks are trained, the reference is enough.
    if cells[0].outcome != "forbidden" and source.exercise(answer.exercise).seconds <= QUICK:
        hold_to_plain(cells, submitted, assignment, answer.exercise)


@pytest.mark.nightly
@pytest.mark.parametrize(("assignment", "answer"), answers(*KINDS))
def test_the_verdict_does_not_hang_on_the_draw(assignment, answer: Answer, judges):
    source = SOURCES[assignment]
    submitted = apply(source.nb, answer)
    draws = 4 if source.exercise(answer.exercise).seconds <= QUICK else 2
    verdicts = [judges[assignment](submitted, answer.exercise, f"student {draw}") for draw in range(draws)]
    assert len({tuple(cell.outcome == "passed" for cell in cells) for cells in verdicts}) == 1


@pytest.mark.nightly
@pytest.mark.parametrize(("assignment", "exercise_id"), EXERCISES)
def test_the_reference_passes_whatever_is_drawn(assignment, exercise_id, judges):
    source = SOURCES[assignment]
    for draw in range(30 if source.exercise(exercise_id).seconds <= QUICK else 5):
        cells = judges[assignment](source.nb, exercise_id, f"student {draw}")
        assert lost(cells) == []


@pytest.mark.nightly
@pytest.mark.parametrize(("assignment", "exercise_id"), EXERCISES)
def test_ten_runs_of_the_sample_class_with_different_seeds_give_the_same_scores(assignment, exercise_id, judges):
    source = SOURCES[assignment]
    theirs = {
        answer for student in students(assignment) for answer in student.answers if answer.exercise == exercise_id
    }
    for submitted in [source.nb, *(apply(source.nb, answer) for answer in theirs)]:
        runs = [judges[assignment](submitted, exercise_id, f"run {number}") for number in range(10)]
        assert len({tuple(cell.score for cell in cells) for cells in runs}) == 1
