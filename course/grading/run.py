"""`course grade`: find the submissions, judge them side by side, write gradebook, feedback and reports.

Judges run in processes; everything that is written is written here, by one thread, one submission at a time.
"""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from course.errors import CourseError
from course.grading.autograded import annotate, autograded_path, write_autograded
from course.grading.feedback import write_feedback
from course.grading.gradebook import open_gradebook
from course.grading.journal import Journal, submission_digest, verdict_key
from course.grading.judges import Job, Judged, JudgeFailed, Judging, LocalJudging, bench
from course.grading.notebook import NotebookError, Source, read_source
from course.grading.output import number
from course.grading.rebuild import Rebuilt, rebuild
from course.grading.record import read_timestamp, record, register, with_human_grades
from course.grading.report import write_reports
from course.grading.submissions import (
    Submission,
    find_assignments,
    find_submission,
    find_submissions,
    read_submission,
    unknown_folders,
)
from course.grading.verdict import ExerciseVerdict, Verdict

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

# Said in the reports where `--unsandboxed` was asked for.
NOT_IN_FORCE = (
    "no namespaces, no read-only root, no private folders, no limits on memory, processes or the network: "
    "the answers ran as the grader's own user"
)


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
    sandboxed: bool = True
    device: str = "cpu"
    scheduler: str = ""


@dataclass
class _Task:
    """One submission on its way: with a verdict already, or with what a judge needs to come to one."""

    source: Source
    submission: Submission
    verdict: Verdict
    rebuilt: Rebuilt | None


def grade(options: Options) -> int:
    """Grade what was handed in. Returns the exit code: 0 if every submission has a verdict, 1 if some have none.

    A class is never in memory as a whole: of each submission there is a folder until its turn comes.

    Raises:
        CourseError: a name is wrong, nothing was handed in, a layer of the sandbox is missing, or the place to write
            to can't be used.
    """
    sources = [read_source(path) for path in find_assignments(options.root, list(options.assignments))]
    found = [(s, find_submissions(options.submitted, s, list(options.students))) for s in sources]
    folders = [(source, folder) for source, folders in found for folder in folders]
    if not folders:
        names = ", ".join(source.assignment for source in sources)
        raise CourseError(
            f"no submissions of {names} in {options.submitted}: "
            f"expected STUDENT/{sources[0].assignment}/{sources[0].notebook}.ipynb there"
        )
    for folder in unknown_folders(options.submitted, options.root):
        print(f"not looked at: {folder} (no assignment is called {folder.name})", file=sys.stderr)
    journal = Journal(options.out)
    desk = _Desk(options, journal)
    fresh = [pair for pair in folders if options.force or not desk.knows(*pair)]
    known = [pair for pair in folders if pair not in fresh]
    ungraded = []
    # The judges' processes import torch while this one opens the gradebook.
    judged_by = desk.judging({source.assignment: source for source, _ in fresh})
    with judged_by as judging, open_gradebook(options.out / "gradebook.db") as gradebook:
        for source, folders in found:
            if folders:
                register(gradebook, source)
        say = _Progress(len(fresh), len(known))
        for task in desk.judged(fresh, judging):
            if any(exercise.status == "ungraded" for exercise in task.verdict.exercises):
                ungraded.append(task.verdict)
            desk.write(task, gradebook)
            say.done(task.verdict)
        say.close()
        for pair in known:
            desk.write(desk.kept(*pair), gradebook)
        verdicts = {(v.assignment, v.student): v for v in [*journal.all(), *ungraded]}
        final = [with_human_grades(gradebook, verdicts[key]) for key in sorted(verdicts)]
    by_name = {source.assignment: source for source in map(read_source, find_assignments(options.root, []))}
    write_reports(options.out, final, by_name)
    for verdict in ungraded:
        print(f"not graded: {verdict.student}, {verdict.assignment}: {verdict.exercises[0].message}", file=sys.stderr)
    print(f"report: {options.out / 'reports' / 'class.html'}")
    return 1 if ungraded else 0


class _Desk:
    """What one run does with one submission after the other."""

    def __init__(self, options: Options, journal: Journal):
        self._options = options
        self._journal = journal
        self._setting = " ".join([options.device, *([] if options.sandboxed else ["unsandboxed"])])

    def task(self, source: Source, folder: Path) -> _Task:
        """Rebuild a submission. One that can't be read has its verdict already: nothing in it earns points."""
        submission = find_submission(folder, source)
        _, note = read_timestamp(folder)
        notes = [*submission.notes, *([note] if note else [])]
        key = verdict_key(source, submission, self._journal.secret, self._setting)
        verdict = Verdict(submission.student, source.assignment, source.notebook, key)
        if not self._options.sandboxed:
            verdict.sandbox = NOT_IN_FORCE
        try:
            rebuilt = rebuild(source, read_submission(submission))
        except NotebookError as error:
            status = "missing" if submission.path is None else "error"
            exercises = [ExerciseVerdict(e.id, e.title, 0.0, e.points, status, str(error)) for e in source.exercises]
            return _Task(source, submission, replace(verdict, exercises=exercises, notes=notes), None)
        return _Task(source, submission, replace(verdict, notes=[*notes, *rebuilt.notes]), rebuilt)

    def knows(self, source: Source, folder: Path) -> bool:
        """Is the journal's verdict one on this very submission, by these tests and this grader?"""
        submission = find_submission(folder, source)
        kept = self._journal.get(source.assignment, submission.student)
        return kept is not None and kept.key == verdict_key(source, submission, self._journal.secret, self._setting)

    def kept(self, source: Source, folder: Path) -> _Task:
        """The journal's verdict, with what there is to note of the submission today."""
        task = self.task(source, folder)
        kept = self._journal.get(source.assignment, task.submission.student)
        return replace(task, verdict=replace(kept, notes=task.verdict.notes))

    @contextmanager
    def judging(self, sources: dict[str, Source]) -> Iterator[Judging | None]:
        """Whoever judges these; nobody where nothing is to be judged."""
        options = self._options
        if not sources:
            yield None
        elif options.scheduler:
            from course.grading.cluster import cluster

            with cluster(options.scheduler, options.sandboxed, options.device) as judging:
                yield judging
        else:
            judges = bench(sources.values(), options.sandboxed, options.device)
            with judges as ready, LocalJudging(ready, options.jobs) as judging:
                yield judging

    def judged(self, pairs: list[tuple[Source, Path]], judging: Judging | None) -> Iterator[_Task]:
        """The submissions with their verdicts, as they come."""
        waiting = iter(pairs)
        futures: dict[Future, _Task] = {}
        try:
            while True:
                # No more is handed over than is running: Ctrl-C then waits for nobody, and memory stays flat.
                for source, folder in islice(waiting, judging.width - len(futures) if judging else 0):
                    task = self.task(source, folder)
                    if task.rebuilt is None:
                        yield task
                    else:
                        job = Job(source.assignment, task.rebuilt, self._journal.secret, task.submission.student)
                        futures[judging.submit(source, job)] = task
                if not futures:
                    break
                for future in wait(futures, return_when=FIRST_COMPLETED).done:
                    yield _with_result(futures.pop(future), future)
        except BaseException:
            if judging:
                judging.stop()
            raise

    def write(self, task: _Task, gradebook: "Gradebook") -> None:
        """Gradebook first, pages next, the journal last: what the journal knows is whole."""
        options = self._options
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
            self._journal.put(self._journal.compared(task.verdict, submission_digest(task.submission)))


def _with_result(task: _Task, future: Future) -> _Task:
    try:
        judged = future.result()
    except JudgeFailed as error:
        exercises = task.source.exercises
        judged = Judged([ExerciseVerdict(e.id, e.title, 0.0, e.points, "ungraded", str(error)) for e in exercises], [])
    return replace(task, verdict=replace(task.verdict, exercises=judged.exercises, cells=judged.cells))


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
