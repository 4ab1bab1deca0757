"""What is done with one submission after the other, whoever runs the class: `course grade` or nbgrader.

Rebuild it, have it judged, write gradebook, pages and journal. Everything is written by the one thread that calls this.
"""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbformat import NotebookNode

from course.grading.autograded import annotate, autograded_path, write_autograded
from course.grading.feedback import write_feedback
from course.grading.journal import Journal, submission_digest, verdict_key
from course.grading.judges import Job, Judged, JudgeFailed, Judging, LocalJudging, bench
from course.grading.notebook import NotebookError, Source
from course.grading.output import write_atomically
from course.grading.rebuild import Rebuilt, rebuild
from course.grading.record import read_timestamp, record, with_human_grades
from course.grading.submissions import Submission, find_submission, read_submission
from course.grading.verdict import ExerciseVerdict, Verdict

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

# Said in the reports where `--unsandboxed` was asked for.
NOT_IN_FORCE = (
    "no namespaces, no read-only root, no private folders, no limits on memory, processes or the network: "
    "the answers ran as the grader's own user"
)

# What a submission holds whose answers train; a wrong guess costs time and nothing else.
OPTIMIZER_STEP = b".step("


@dataclass(frozen=True)
class Options:
    """What a run was asked for. root: the course; out: where gradebook, feedback and reports go."""

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
class Task:
    """One submission on its way: with a verdict already, or with what a judge needs to come to one."""

    source: Source
    submission: Submission
    verdict: Verdict
    rebuilt: Rebuilt | None

    @property
    def ungraded(self) -> str:
        """Why there is no verdict; "" where there is one."""
        reasons = (exercise.message for exercise in self.verdict.exercises if exercise.status == "ungraded")
        return next(reasons, "")


class Desk:
    """What one run does with one submission after the other."""

    def __init__(self, options: Options, journal: Journal):
        self._options = options
        self._journal = journal
        self._training = options.force
        self._setting = " ".join([options.device, *([] if options.sandboxed else ["unsandboxed"])])

    def task(self, source: Source, folder: Path) -> Task:
        """Rebuild a submission. One that can't be read has its verdict already: nothing in it earns points."""
        submission = find_submission(folder, source)
        _, note = read_timestamp(folder)
        notes = [*submission.notes, *([note] if note else [])]
        key = verdict_key(source, submission, self._journal.secret, self._setting)
        verdict = Verdict(submission.student, source.assignment, source.notebook, key, notes=notes)
        if not self._options.sandboxed:
            verdict.sandbox = NOT_IN_FORCE
        try:
            rebuilt = rebuild(source, read_submission(submission))
        except NotebookError as error:
            verdict.exercises = _all(source, "missing" if submission.path is None else "error", str(error))
            return Task(source, submission, verdict, None)
        except Exception as error:  # a flaw of ours that one submission found must not cost the others their verdicts
            verdict.exercises = _all(source, "ungraded", f"it could not be rebuilt ({type(error).__name__})")
            return Task(source, submission, verdict, None)
        return Task(source, submission, replace(verdict, notes=[*notes, *rebuilt.notes]), rebuilt)

    def knows(self, source: Source, folder: Path) -> bool:
        """Is the journal's verdict one on this very submission, by these tests and this grader?"""
        submission = find_submission(folder, source)
        kept = self._journal.get(source.assignment, submission.student)
        key = verdict_key(source, submission, self._journal.secret, self._setting)
        if kept is not None and kept.key == key:
            return True
        self._training |= OPTIMIZER_STEP in submission.content
        return False

    def kept(self, source: Source, folder: Path) -> Task:
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
            with (
                bench(sources.values(), options.sandboxed, options.device, self._training) as judges,
                LocalJudging(judges, options.jobs) as judging,
            ):
                yield judging

    def judged(self, pairs: list[tuple[Source, Path]], judging: Judging | None) -> Iterator[Task]:
        """The submissions with their verdicts, as they come."""
        waiting = iter(pairs)
        futures: dict[Future, Task] = {}
        try:
            while True:
                # No more is handed over than is running: Ctrl-C then waits for nobody, and memory stays flat.
                width = max(1, judging.width) if judging else 0
                while len(futures) < width and (pair := next(waiting, None)):
                    task = self.task(*pair)
                    if task.rebuilt is None:
                        yield task
                    else:
                        job = Job(task.source.assignment, task.rebuilt, self._journal.secret, task.submission.student)
                        futures[judging.submit(task.source, job)] = task
                if not futures:
                    break
                for future in wait(futures, return_when=FIRST_COMPLETED).done:
                    yield _with_result(futures.pop(future), future)
        except BaseException:
            judging.stop()
            raise

    def write(self, task: Task, gradebook: "Gradebook") -> None:
        """Gradebook first, pages next, the journal last: what the journal knows is whole."""
        options = self._options
        nb = self.record(task, gradebook)
        if nb is None:
            autograded_path(options.out, task.verdict).unlink(missing_ok=True)  # formgrader must not show an older one
        else:
            path = write_autograded(options.out, task.verdict, nb)
            write_timestamp(path.parent, task.submission.folder)
        if options.feedback:
            write_feedback(options.out, nb, with_human_grades(gradebook, task.verdict))
        self.keep(task)

    def record(self, task: Task, gradebook: "Gradebook") -> NotebookNode | None:
        """Write the verdict into the gradebook. Returns the annotated notebook; None if it couldn't be rebuilt."""
        timestamp, _ = read_timestamp(task.submission.folder)
        nb = annotate(task.rebuilt.nb, task.verdict, task.source) if task.rebuilt else None
        task.verdict.seconds_late = record(gradebook, task.verdict, nb, timestamp)
        return nb

    def keep(self, task: Task) -> None:
        """Enter the verdict into the journal; where there is none, the next run tries again."""
        if not task.ungraded:
            self._journal.put(self._journal.compared(task.verdict, submission_digest(task.submission)))


def write_timestamp(folder: Path, submission: Path) -> None:
    """Note in a folder when a submission was handed in, if that is known: nbgrader looks there for what is newer."""
    path = folder / "timestamp.txt"
    timestamp, _ = read_timestamp(submission)
    path.unlink(missing_ok=True)
    if timestamp is not None:
        write_atomically(path, f"{timestamp} UTC\n")


def _with_result(task: Task, future: Future) -> Task:
    try:
        judged = future.result()
    except JudgeFailed as error:
        judged = Judged(_all(task.source, "ungraded", str(error)), [])
    return replace(task, verdict=replace(task.verdict, exercises=judged.exercises, cells=judged.cells))


def _all(source: Source, status: str, message: str) -> list[ExerciseVerdict]:
    """The same verdict on every exercise, without points."""
    return [ExerciseVerdict(e.id, e.title, 0.0, e.points, status, message) for e in source.exercises]
