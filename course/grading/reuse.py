"""What of a verdict still holds after an edit: exercise by exercise, by keys that name all that it rests on.

An exercise is judged in processes of its own, from setup cells, stand-ins, the reference's names, its own tests and the
student's code; of another exercise's tests it sees nothing. So after one test was mended, one exercise is judged.
"""

from collections.abc import Collection

from course.grading.journal import digest_of
from course.grading.judges import Judged
from course.grading.notebook import Exercise, Source, grade_id_of
from course.grading.rebuild import Rebuilt
from course.grading.record import exercise_of
from course.grading.verdict import ExerciseVerdict, Verdict


def exercise_keys(source: Source, rebuilt: Rebuilt, surroundings: str) -> dict[str, str]:
    """Exercise -> what its verdict rests on, as 64 hex digits; of those exercises that a judge tests.

    Too much may stand in a key (an edit of any reference answer changes all of them), but never too little: it holds
    every part of source and submission that `judge_exercise` is given.

    Args:
        surroundings: what counts beside source and submission, of which one digit changes all keys.
    """
    everywhere = (
        source.assignment,
        [(cell.grade_id, cell.source) for cell in (*source.setup, *source.given)],
        [(e.id, [(cell.grade_id, cell.source) for cell in e.answers]) for e in source.exercises],
        source.limits,
        [(cell.grade_id, cell.source, cell.after) for cell in rebuilt.cells],
        rebuilt.left_out,
    )
    shared = digest_of([surroundings.encode(), repr(everywhere).encode(errors="replace")])
    places = {grade_id_of(cell): index for index, cell in enumerate(source.nb.cells)}
    return {
        exercise.id: digest_of([shared.encode(), repr(_own(exercise, places)).encode(errors="replace")])
        for exercise in source.exercises
        if exercise.tests
    }


def _own(exercise: Exercise, places: dict[str, int]) -> tuple:
    """All of one exercise that a judge is given; places: where a helper counts from, and up to where."""
    return (
        (exercise.id, exercise.title, exercise.forbids, exercise.needs, exercise.seconds),
        [(test.grade_id, test.source, test.view, test.hidden, test.points) for test in exercise.tests],
        [places.get(cell.grade_id) for cell in (*exercise.answers, *exercise.tests)],
    )


def still_valid(kept: Verdict | None, keys: dict[str, str], again: Collection[str]) -> frozenset[str]:
    """The exercises whose kept verdicts hold; not those that are to be judged `again` whatever holds."""
    known = kept.exercise_keys if kept else {}
    return frozenset(exercise for exercise, key in keys.items() if known.get(exercise) == key and exercise not in again)


def merged(source: Source, rebuilt: Rebuilt, kept: Verdict | None, valid: Collection[str], judged: Judged) -> Judged:
    """What was judged now and what still holds, in the order of the notebook, with what a person has to read."""
    exercises: list[ExerciseVerdict] = []
    for exercise in source.exercises:
        known = kept.exercises if kept and exercise.id in valid else judged.exercises
        exercises += [e for e in known if e.exercise == exercise.id and e.status != "manual_pending"]
        if exercise.manual_points:
            exercises.append(_for_a_person(exercise, rebuilt))
    cells = [*judged.cells, *(cell for cell in (kept.cells if kept else ()) if cell.exercise in valid)]
    order = [exercise.id for exercise in source.exercises]
    return Judged(exercises, sorted(cells, key=lambda cell: order.index(cell.exercise)))


def _for_a_person(exercise: Exercise, rebuilt: Rebuilt) -> ExerciseVerdict:
    texts = [text.strip() for grade_id, text in rebuilt.manual.items() if exercise_of(grade_id) == exercise.id]
    written = any(text not in ("", "YOUR ANSWER HERE") for text in texts)
    message = "waits for a person" if written else "no answer was written; a person confirms"
    return ExerciseVerdict(exercise.id, exercise.title, 0.0, exercise.manual_points, "manual_pending", message)
