"""`python -m tests.mutants.hunt [ASSIGNMENT or EXERCISE …]`: judge every mutant and print those that lose nothing."""

import sys
from collections.abc import Iterator
from copy import deepcopy

from course.grading.notebook import Exercise, Source, copied, grade_id_of
from course.grading.zygote import zygote
from tests.mutants.mutate import Mutant, mutants
from tests.support.judging import PRELOAD, QUICK, SOURCES, Judge, lost

PATIENCE = 6  # seconds for a mutant where nothing is trained: one that never ends should not take 20


def made(exercise: Exercise) -> list[tuple[str, Mutant]]:
    """The mutants of an exercise, each with the answer cell that it replaces."""
    return [(cell.grade_id, mutant) for cell in exercise.answers for mutant in mutants(cell.source)]


def impatient(source: Source) -> Source:
    """A copy in which an exercise that trains nothing gets few seconds."""
    source = deepcopy(source)
    for exercise in source.exercises:
        if exercise.seconds <= QUICK:
            exercise.seconds = PATIENCE
    return source


def survivors(judge: Judge, exercise: Exercise) -> Iterator[str]:
    """The changes to an exercise's reference that lose no point."""
    for grade_id, mutant in made(exercise):
        submitted = copied(judge.source.nb)
        (cell,) = (cell for cell in submitted.cells if grade_id_of(cell) == grade_id)
        cell.source = mutant.source
        if not lost(judge(submitted, exercise.id)):
            yield mutant.change


def main(asked: list[str]) -> None:
    """Print a line for each exercise, and one for each survivor."""
    known = {name for source in SOURCES.values() for name in (source.assignment, *(e.id for e in source.exercises))}
    if unknown := set(asked) - known:
        sys.exit(f"hunt: {min(unknown)} is no assignment or exercise; name one such as A1.5 or 01-attention")
    with zygote(PRELOAD) as started:
        socket = started.wait_until_ready().path
        for name, source in SOURCES.items():
            wanted = [e for e in source.exercises if e.tests and (not asked or name in asked or e.id in asked)]
            judge = Judge(impatient(source), socket) if wanted else None
            for exercise in wanted:
                print(f"{exercise.id}: {len(made(exercise))} mutants", flush=True)
                for change in survivors(judge, exercise):
                    print(f"    {change}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
