"""`course grade`: find the submissions, judge them side by side, write gradebook, feedback and reports.

Judges run in processes; everything that is written is written here, by one thread, one submission at a time.
"""

import ast
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from course.errors import CourseError
from course.grading.autograded import annotate, autograded_path, write_autograded
from course.grading.feedback import write_feedback
from course.grading.gradebook import open_gradebook
from course.grading.journal import Journal, verdict_key
from course.grading.notebook import NotebookError, Source, read_source
from course.grading.output import number
from course.grading.rebuild import Rebuilt, rebuild
from course.grading.record import read_timestamp, record, register, with_human_grades
from course.grading.report import write_reports
from course.grading.submissions import Submission, find_assignments, find_submissions, read_submission, unknown_folders
from course.grading.verdict import ExerciseVerdict, Verdict
from course.grading.workers import Job, JudgeFailed, judge_in_process, stop_judges, warm_up
from course.grading.zygote import zygote


@dataclass(frozen=True)
class Options:
    """What `course grade` was asked for. root: the course; out: where gradebook, feedback and reports go."""

    root: Path
    submitted: Path
    out: Path
    assignments: tuple[str, ...] = ()
    students: tuple[str, ...] = ()
    jobs: int = 1
    force: bool = False
    feedback: bool = True


@dataclass
class _Task:
    """One submission on its way: with a verdict already, or with what a judge needs to come to one."""

    source: Source
    submission: Submission
    verdict: Verdict
    rebuilt: Rebuilt | None


def grade(options: Options) -> int:
    """Grade what was handed in. Returns the exit code: 0 if every submission has a verdict, 1 if some have none.

    Raises:
        CourseError: a name is wrong, nothing was handed in, or the place to write to can't be used.
    """
    sources = [read_source(path) for path in find_assignments(options.root, list(options.assignments))]
    found = [(s, find_submissions(options.submitted, s, list(options.students))) for s in sources]
    found = [(source, submissions) for source, submissions in found if submissions]
    if not found:
        names = ", ".join(source.assignment for source in sources)
        raise CourseError(
            f"no submissions of {names} in {options.submitted}: "
            f"expected STUDENT/{sources[0].assignment}/{sources[0].notebook}.ipynb there"
        )
    for folder in unknown_folders(options.submitted, options.root):
        print(f"not looked at: {folder} (no assignment is called {folder.name})", file=sys.stderr)
    journal = Journal(options.out)
    with open_gradebook(options.out / "gradebook.db") as gradebook:
        for source, _ in found:
            register(gradebook, source)
        tasks = [_task(source, s, journal.secret) for source, submissions in found for s in submissions]
        fresh, known = [], []
        for task in tasks:
            kept = None if options.force else _kept(journal, task)
            (fresh if kept is None else known).append(task if kept is None else replace(task, verdict=kept))
        say = _Progress(len(fresh), len(known))
        ungraded = []
        for task in _judged(fresh, journal.secret, options.jobs):
            if any(exercise.status == "ungraded" for exercise in task.verdict.exercises):
                ungraded.append(task.verdict)
            _write(task, gradebook, journal, options)
            say.done(task.verdict)
        say.close()
        for task in known:
            _write(task, gradebook, journal, options)
        verdicts = {(v.assignment, v.student): v for v in [*journal.all(), *ungraded]}
        final = [with_human_grades(gradebook, verdicts[key]) for key in sorted(verdicts)]
    by_name = {source.assignment: source for source in map(read_source, find_assignments(options.root, []))}
    write_reports(options.out, final, by_name)
    for verdict in ungraded:
        print(f"not graded: {verdict.student}, {verdict.assignment}: {verdict.exercises[0].message}", file=sys.stderr)
    print(f"report: {options.out / 'reports' / 'class.html'}")
    return 1 if ungraded else 0


def _task(source: Source, submission: Submission, secret: str) -> _Task:
    """Rebuild a submission. One that can't be read has its verdict already: nothing in it earns points."""
    _, note = read_timestamp(submission.folder)
    notes = [*submission.notes, *([note] if note else [])]
    verdict = Verdict(submission.student, source.assignment, source.notebook, verdict_key(source, submission, secret))
    try:
        rebuilt = rebuild(source, read_submission(submission))
    except NotebookError as error:
        status = "missing" if submission.path is None else "error"
        exercises = [ExerciseVerdict(e.id, e.title, 0.0, e.points, status, str(error)) for e in source.exercises]
        return _Task(source, submission, replace(verdict, exercises=exercises, notes=notes), None)
    return _Task(source, submission, replace(verdict, notes=[*notes, *rebuilt.notes]), rebuilt)


def _kept(journal: Journal, task: _Task) -> Verdict | None:
    """The journal's verdict on this very submission, with what there is to note of it today."""
    kept = journal.get(task.verdict.assignment, task.verdict.student)
    return replace(kept, notes=task.verdict.notes) if kept and kept.key == task.verdict.key else None


def _judged(tasks: list[_Task], secret: str, jobs: int) -> Iterator[_Task]:
    """The tasks with their verdicts, as they come, `jobs` judges at a time."""
    yield from (task for task in tasks if task.rebuilt is None)
    waiting = [task for task in tasks if task.rebuilt is not None]
    if not waiting:
        return
    preload = sorted({name for task in waiting for name in _imports(task.source)})
    context = warm_up(preload)
    with zygote(preload) as socket_path, ThreadPoolExecutor(jobs) as pool:
        futures: dict[Future, _Task] = {}
        try:
            while waiting or futures:
                # No more is handed over than is running: Ctrl-C then waits for nobody.
                while waiting and len(futures) < jobs:
                    task = waiting.pop(0)
                    job = Job(task.source, task.rebuilt, socket_path, secret, task.submission.student)
                    futures[pool.submit(judge_in_process, context, job)] = task
                for future in wait(futures, return_when=FIRST_COMPLETED).done:
                    yield _with_result(futures.pop(future), future)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop_judges()
            raise


def _with_result(task: _Task, future: Future) -> _Task:
    try:
        exercises, cells = future.result()
    except JudgeFailed as error:
        cells = []
        exercises = [
            ExerciseVerdict(e.id, e.title, 0.0, e.points, "ungraded", str(error)) for e in task.source.exercises
        ]
    return replace(task, verdict=replace(task.verdict, exercises=exercises, cells=cells))


def _write(task: _Task, gradebook, journal: Journal, options: Options) -> None:
    """Gradebook first, pages next, the journal last: what the journal knows is whole."""
    timestamp, _ = read_timestamp(task.submission.folder)
    nb = annotate(task.rebuilt.nb, task.verdict, task.source) if task.rebuilt else None
    task.verdict.seconds_late = record(gradebook, task.verdict, nb, timestamp)
    if nb is None:
        autograded_path(options.out, task.verdict).unlink(missing_ok=True)  # formgrader must not show an older one
    else:
        write_autograded(options.out, task.verdict, nb)
    if options.feedback:
        write_feedback(options.out, nb, with_human_grades(gradebook, task.verdict))
    if all(exercise.status != "ungraded" for exercise in task.verdict.exercises):
        journal.put(task.verdict)


def _imports(source: Source) -> set[str]:
    """The modules that the setup cells import: warm processes have them already."""
    names = set()
    for cell in source.setup:
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    return names


class _Progress:
    """A bar with the time left on a terminal, a plain line a submission elsewhere."""

    def __init__(self, total: int, known: int):
        self._total, self._count = total, 0
        self._bar = tqdm(total=total, unit="submission", disable=not (sys.stderr.isatty() and total))
        self._line: Callable[[str], None] = (lambda text: None) if not self._bar.disable else print
        kept = f", {known} unchanged" if known else ""
        print(f"{total} submission{'' if total == 1 else 's'} to grade{kept}")

    def done(self, verdict: Verdict) -> None:
        self._count += 1
        self._bar.update()
        self._line(
            f"{self._count} of {self._total}: {verdict.student} {number(verdict.score)}/{number(verdict.max_score)}"
        )

    def close(self) -> None:
        self._bar.close()


def default_jobs() -> int:
    """As many judges as there are cores for this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
