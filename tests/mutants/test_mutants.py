"""Slips made by machine lose points: 95 of 100 of those that change what an answer does, in every assignment."""

import pytest

from tests.mutants.hunt import impatient, made, survivors
from tests.mutants.mutate import Mutant, mutants
from tests.mutants.survivors import listed, of, tally
from tests.support.judging import SOURCES, TESTED, Judge

EXERCISES = [pytest.param(*tested, id=tested[1]) for tested in TESTED]


def test_a_mutant_has_one_slip():
    source = "\n".join(
        [
            'def f(x: "B T", n: int = 2):',
            '    """Twice."""',
            "    if n < 1:",
            '        raise ValueError(f"{n} is too few")',
            "    return x.sum(dim=-1) * n  # (B,)",
        ]
    )
    changes = {mutant.change for mutant in mutants(source)}
    assert changes >= {
        "if n < 1: -> if n <= 1:",
        "if n < 1: -> if (False):",
        'raise ValueError(f"{n} is too few") -> pass',
        "return x.sum(dim=-1) * n -> return x.sum(dim=-1) / n",
        "return x.sum(dim=-1) * n -> return x.mean(dim=-1) * n",
        "return x.sum(dim=-1) * n -> return x.sum(dim=None) * n",
        'def f(x: "B T", n: int = 2): -> def f(x: "B T", n: int = 3):',
    }
    assert not any("Twice" in change for change in changes)
    assert all('x: "B T", n: int' in change.partition(" -> ")[2] for change in changes if change.startswith("def"))


def test_a_harmless_change_survives_and_a_harmful_one_does_not(student_zygote, monkeypatch):
    """Without this, a hunt that can't judge anything would find that everything is caught."""
    source = impatient(SOURCES["01-attention"])
    exercise = source.exercise("A1.5")
    cell = exercise.answers[0].grade_id
    harmless = Mutant("a line more", exercise.answers[0].source + "\nunused = 1\n")
    harmful = made(exercise)[1][1]
    monkeypatch.setattr("tests.mutants.hunt.made", lambda exercise: [(cell, harmless), (cell, harmful)])
    assert list(survivors(Judge(source, student_zygote), exercise)) == [harmless.change]


@pytest.mark.parametrize(("assignment", "exercise_id"), EXERCISES)
def test_every_exercise_has_mutants_and_every_listed_one_is_among_them(assignment, exercise_id):
    exercise = SOURCES[assignment].exercise(exercise_id)
    changes = {mutant.change for _, mutant in made(exercise)}
    assert len(changes) >= 5
    assert {survivor.change for survivor in of(exercise)} <= changes


def test_every_survivor_is_listed_once_with_a_reason():
    keys = [(survivor.exercise, survivor.change) for survivor in listed()]
    assert len(keys) == len(set(keys))
    assert all(len(survivor.reason.split()) >= 4 for survivor in listed())
    assert {exercise for exercise, _ in keys} <= {exercise.values[1] for exercise in EXERCISES}


@pytest.mark.parametrize("assignment", SOURCES)
def test_at_least_95_of_100_that_change_something_are_caught(assignment):
    tallies = [tally(exercise) for exercise in SOURCES[assignment].exercises]
    caught, changing = (sum(numbers) for numbers in zip(*tallies, strict=True))
    assert caught >= 0.95 * changing


@pytest.mark.nightly
@pytest.mark.parametrize(("assignment", "exercise_id"), EXERCISES)
def test_exactly_the_listed_ones_survive(assignment, exercise_id, student_zygote):
    source = impatient(SOURCES[assignment])
    exercise = source.exercise(exercise_id)
    found = set(survivors(Judge(source, student_zygote), exercise))
    assert found == {survivor.change for survivor in of(exercise)}
