"""`make dry-run 03-transformer`: what an author runs after an edit, in under two minutes.

The reference gets all points, its stub none; each wrong answer loses some and is told why; the sample class gets what
it deserves, where it differs from the reference. With --all: right answers lose nothing, trivial ones earn nothing.
`make test` holds all of this, and more.
"""

import multiprocessing
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

from course.errors import CourseError
from course.grading.notebook import TestCell, copied, read_source, role_of, stub_of
from course.grading.program import program_for
from course.grading.rebuild import rebuild
from course.grading.run import default_jobs
from course.grading.source_lint import problems_of_assignment
from course.grading.verdict import CellVerdict, exercise_verdict
from course.grading.zygote import zygote
from tests.sample_class import Student, students, submission, undeserved
from tests.support.answers import Answer, apply
from tests.support.judging import KINDS, PRELOAD, QUICK, ROOT, Judge, answers_of, lost


class Task(NamedTuple):
    """One judgement. kind: "reference", "stub", "wrong", "right" or "trivial"."""

    exercise: str
    kind: str
    answer: Answer | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.answer}" if self.answer else f"{self.exercise}, the {self.kind}"


def tasks_of(assignment: str, kinds: tuple[str, ...]) -> list[Task]:
    """The longest exercises first, so that no process is left alone with one at the end."""
    source = read_source(source_path(assignment))
    exercises = sorted((e for e in source.exercises if e.tests), key=lambda exercise: -exercise.seconds)
    place = {exercise.id: number for number, exercise in enumerate(exercises)}
    tasks = [Task(exercise.id, kind) for exercise in exercises for kind in ("reference", "stub")]
    tasks += [Task(answer.exercise, kind, answer) for kind in kinds for answer in answers_of(assignment, kind)]
    return sorted(tasks, key=lambda task: place[task.exercise])


def source_path(assignment: str) -> Path:
    """The notebook of an assignment. Raises CourseError if there is none."""
    paths = list((ROOT / "solutions" / assignment).glob("*.ipynb")) if assignment else []
    if len(paths) != 1:
        known = ", ".join(folder.name for folder in sorted((ROOT / "solutions").glob("0*")))
        raise CourseError(f"no assignment is called {assignment!r}; there are {known}")
    return paths[0]


@cache
def judge_of(assignment: str, socket: Path) -> Judge:
    """Made once in each process."""
    return Judge(read_source(source_path(assignment)), socket)


def problem_of(assignment: str, socket: Path, task: Task) -> tuple[Task, str]:
    """What is not as it should be with this answer, in one line; "" if all is well."""
    judge = judge_of(assignment, socket)
    submitted = copied(judge.source.nb)
    if task.kind == "stub":
        for cell in submitted.cells:
            cell.source = stub_of(cell.source) if role_of(cell) == "answer" else cell.source
    elif task.answer:
        try:
            submitted = apply(judge.source.nb, task.answer)
        except ValueError as error:  # the text that it edits is gone
            return task, str(error)
    cells = cells_of(judge, submitted, task)
    verdict = exercise_verdict(task.exercise, "", cells)
    earned = [cell.grade_id for cell in cells if cell.score]
    if task.kind in ("reference", "right"):
        return task, "; ".join(": ".join(cell) for cell in lost(cells))
    if task.kind in ("stub", "trivial"):
        return task, f"earns points in {', '.join(earned)}" if earned else ""
    if verdict.score >= verdict.max_score:
        return task, "gets all points"
    told = task.answer.message in verdict.message
    return task, "" if told else f"should be told {task.answer.message!r}, is told {verdict.message!r}"


def cells_of(judge: Judge, submitted: NotebookNode, task: Task) -> list[CellVerdict]:
    """The verdict on each test cell; of a wrong answer on as many as it takes to see it told."""
    exercise = judge.source.exercise(task.exercise)
    if task.kind != "wrong":
        return judge(submitted, exercise.id)
    tests, cells = exercise.tests, []
    for part in rounds(tests, singly=exercise.seconds > QUICK):
        exercise.tests = part
        cells += judge(submitted, exercise.id)
        if any(task.answer.message in (cell.mistake or "") for cell in cells):
            break
    exercise.tests = tests
    return cells


def rounds(tests: list[TestCell], singly: bool) -> list[list[TestCell]]:
    """Visible tests, then hidden ones; one by one where each trains a network."""
    if singly:
        return [[test] for test in sorted(tests, key=lambda test: test.hidden)]
    parts = [[test for test in tests if test.hidden == hidden] for hidden in (False, True)]
    return [part for part in parts if part]


def rows_of_student(assignment: str, socket: Path, student: Student) -> list[dict]:
    """What a graded run would say of a student of the sample class, as rows of grades.csv.

    An exercise in which nothing differs from the reference gets the reference's verdict, which was judged before.
    """
    judge = judge_of(assignment, socket)
    source = judge.source
    released = nbformat.read(ROOT / "assignments" / assignment / f"{source.notebook}.ipynb", as_version=4)
    nb = submission(source.nb, released, student)
    theirs, ours = rebuild(source, nb), rebuild(source, source.nb)
    rows = []
    for exercise in source.exercises:
        if exercise.manual_points:
            score, status, message = 0, "manual_pending", ""
        elif program_for(source, theirs, exercise).chunks == program_for(source, ours, exercise).chunks:
            score, status, message = exercise.points, "passed", ""
        else:
            verdict = exercise_verdict(exercise.id, "", judge(nb, exercise.id))
            score, status, message = verdict.score, verdict.status, verdict.message
        row = {"student": student.id, "assignment": assignment, "exercise": exercise.id}
        rows.append(row | {"score": score, "status": status, "message": message})
    return rows


def table(assignment: str, kinds: tuple[str, ...], seen: Counter, bad: Counter) -> str:
    """A row for each exercise: how many answers of each kind are as they should be."""
    columns = ("reference", "stub", *kinds)
    rows = [("exercise", *columns)]
    for exercise in read_source(source_path(assignment)).exercises:
        if exercise.tests:
            counts = [(seen[exercise.id, kind] - bad[exercise.id, kind], seen[exercise.id, kind]) for kind in columns]
            rows.append((exercise.id, *(f"{good} of {all_}" if good < all_ else str(good) for good, all_ in counts)))
    return "\n".join(f"{row[0]:10}" + "".join(f"{text:>12}" for text in row[1:]) for row in rows)


def main(assignment: str, kinds: tuple[str, ...], jobs: int) -> int:
    """Say what is wrong; exit code 1 if anything is."""
    begun = time.perf_counter()
    problems = list(problems_of_assignment([source_path(assignment)]))
    print(*problems, sep="\n", end="\n" if problems else "")
    seen, bad = Counter(), Counter()
    tasks = tasks_of(assignment, kinds)
    # Who handed in no notebook of ours is `make demo`'s affair: no edit of an exercise changes that.
    theirs = [student for student in students(assignment) if student.text is None and student.notebook != ""]
    context = multiprocessing.get_context("spawn")
    with zygote(PRELOAD) as started, ProcessPoolExecutor(jobs, context) as pool:
        socket = started.wait_until_ready().path
        answers = pool.map(partial(problem_of, assignment, socket), tasks, chunksize=4)
        rows = pool.map(partial(rows_of_student, assignment, socket), theirs)
        for task, problem in tqdm(answers, "answers", len(tasks), leave=False):
            seen[task.exercise, task.kind] += 1
            if problem:
                bad[task.exercise, task.kind] += 1
                problems.append(f"{task}: {problem}")
                tqdm.write(problems[-1])
        print(table(assignment, kinds, seen, bad), flush=True)
        of_class = undeserved(assignment, [row for part in rows for row in part], theirs)
    print(*of_class, sep="\n", end="\n" if of_class else "")
    count = len(problems) + len(of_class)
    seconds = time.perf_counter() - begun
    print(f"{assignment}: {len(theirs)} students, {count or 'no'} problem{'s' * (count != 1)}, {seconds:.0f} s")
    return int(count > 0)


if __name__ == "__main__":
    parser = ArgumentParser(prog="make dry-run", description=__doc__.partition("\n")[0])
    parser.add_argument("assignment")
    parser.add_argument("--all", action="store_true", help="also judge the right and the trivial answers")
    parser.add_argument("--jobs", type=int, default=default_jobs())
    asked = parser.parse_args()
    try:
        sys.exit(main(asked.assignment, KINDS if asked.all else KINDS[:1], asked.jobs))
    except CourseError as error:
        sys.exit(f"make dry-run: {error}")
