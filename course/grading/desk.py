"""What is done with one submission after the other, whoever runs the class: `course grade` or nbgrader.

Rebuild it, have it judged, write gradebook, pages and journal. Everything is written by the one thread that calls this.
"""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nbformat import NotebookNode

from course.grading.attempts import attempts_beyond, attempts_of, best
from course.grading.autograded import annotate, autograded_path, write_autograded
from course.grading.feedback import write_feedback
from course.grading.journal import Journal, submission_digest, surroundings, verdict_key
from course.grading.judges import Job, Judged, JudgeFailed, Judging, LocalJudging, bench
from course.grading.late import points_lost
from course.grading.notebook import NotebookError, Source
from course.grading.output import write_atomically
from course.grading.penalties import Rules, assign_penalties, due_date
from course.grading.rebuild import Rebuilt, rebuild
from course.grading.record import read_timestamp, record, with_human_grades
from course.grading.reuse import exercise_keys, merged, still_valid
from course.grading.submissions import Submission, find_submission, read_submission
from course.grading.verdict import Attempt, ExerciseVerdict, Lateness, Verdict

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
    """What a run was asked for. root: the course; out: where gradebook, feedback and reports go.

    exercises: those that are judged again in every submission, changed or not.
    """

    root: Path
    submitted: Path
    out: Path
    assignments: tuple[str, ...] = ()
    students: tuple[str, ...] = ()
    exercises: tuple[str, ...] = ()
    jobs: int = 1
    force: bool = False
    feedback: bool = True
    sandboxed: bool = True
    device: str = "cpu"
    scheduler: str = ""


@dataclass
class Task:
    """One submission on its way: with a verdict already, or with what a judge needs to come to one.

    kept, valid: an earlier verdict on it, and the exercises of which it still holds.
    late: what lateness costs, once it is in the gradebook.
    """

    source: Source
    submission: Submission
    verdict: Verdict
    rebuilt: Rebuilt | None
    kept: Verdict | None = None
    valid: frozenset[str] = frozenset()
    late: Lateness | None = None

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
        self.rules = Rules.read(options.root, options.out)
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
        around = surroundings(source.assignment, submission.student, self._journal.secret, self._setting)
        keys = exercise_keys(source, rebuilt, around)
        verdict = replace(verdict, notes=[*notes, *rebuilt.notes], exercise_keys=keys)
        kept = None if self._options.force else self._known(submission)
        return Task(source, submission, verdict, rebuilt, kept, still_valid(kept, keys, self._options.exercises))

    def waiting(self, source: Source, folder: Path) -> list[Path]:
        """The attempts of a student that are to be judged. folder: the current one's."""
        attempts = attempts_of(folder, self.rules.settings.attempts)
        if self._options.force or self._options.exercises:
            return attempts
        return [attempt for attempt in attempts if self.known(source, attempt) is None]

    def known(self, source: Source, folder: Path) -> Verdict | None:
        """The journal's verdict on this very submission, if it is by these tests and this grader."""
        submission = find_submission(folder, source)
        kept = self._known(submission)
        key = verdict_key(source, submission, self._journal.secret, self._setting)
        if kept is not None and kept.key == key:
            return kept
        self._training |= OPTIMIZER_STEP in submission.content
        return None

    def kept(self, source: Source, folder: Path) -> Task | None:
        """The journal's verdict, with what there is to note of the submission today; None if it has changed since."""
        task = self.task(source, folder)
        kept = self._known(task.submission)
        return replace(task, verdict=replace(kept, notes=task.verdict.notes)) if kept else None

    def enter(self, task: Task) -> None:
        """Enter the verdict on one of several attempts into the journal, before it is known which one counts."""
        if self.rules.settings.attempts.count == "best" and not task.ungraded:
            self._journal.put_attempt(task.verdict, submission_digest(task.submission))

    def settle(self, source: Source, folder: Path, gradebook: "Gradebook", judged: Task | None = None) -> Task | None:
        """Write what counts of all that a student handed in; arguments and result are those of `counting`."""
        counts = self.counting(source, folder, gradebook, judged)
        if counts is not None:
            self.write(counts, gradebook)
        return counts

    def counting(self, source: Source, folder: Path, gradebook: "Gradebook", judged: Task | None = None) -> Task | None:
        """What counts of all that a student handed in: by the policy the current attempt or the best.

        Best is what has most automatic points after lateness; which one it is does not change with points of a person,
        for these are given to the one that counts.

        Args:
            folder: the current attempt's.
            judged: what was judged last, which may be without a verdict; None if everything is in the journal.

        Returns:
            None if the submission was changed while this ran, by collecting say: then there is no verdict on it yet.
        """
        policy = self.rules.settings.attempts
        if policy.count == "last":
            task = judged or self.kept(source, folder)
            return replace(task, verdict=replace(task.verdict, attempts=[])) if task else None
        places = attempts_of(folder, policy)
        scores = {place: verdict.score for place in places if (verdict := self.known(source, place))}
        if not scores:
            return judged
        due = due_date(gradebook, self.rules, source.assignment, folder.parent.name)
        points = {place: score - self._lost(place, due, score) for place, score in scores.items()}
        counts = list(points)[best(list(points.values()))]
        attempts = [
            Attempt(handed_in(place), scores.get(place), points.get(place), place == counts)
            for place in [*places, *attempts_beyond(folder, policy)]
        ]
        task = self.kept(source, counts)
        several = attempts if len(attempts) > 1 else []
        return replace(task, verdict=replace(task.verdict, attempts=several)) if task else None

    def _lost(self, folder: Path, due: datetime | None, score: float) -> float:
        time, _ = read_timestamp(folder)
        seconds = (time - due).total_seconds() if time and due else 0
        return points_lost(self.rules.settings.late, seconds, score)

    def _known(self, submission: Submission) -> Verdict | None:
        """An earlier verdict on this very submission, by whatever tests."""
        return self._journal.attempt(submission.assignment, submission.student, submission_digest(submission))

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
                    if job := self._job(task):
                        futures[judging.submit(task.source, job)] = task
                    else:
                        yield task if task.rebuilt is None else _with(task, Judged([], []))
                if not futures:
                    break
                for future in wait(futures, return_when=FIRST_COMPLETED).done:
                    yield _with_result(futures.pop(future), future)
        except BaseException:
            judging.stop()
            raise

    def _job(self, task: Task) -> Job | None:
        """What a judge has to do for a submission; None where everything is known."""
        tested = frozenset(exercise.id for exercise in task.source.exercises if exercise.tests)
        if task.rebuilt is None or tested <= task.valid:
            return None
        wanted = tested - task.valid if task.valid else None
        return Job(task.source.assignment, task.rebuilt, self._journal.secret, task.submission.student, wanted)

    def write(self, task: Task, gradebook: "Gradebook") -> None:
        """Gradebook first, pages next, the journal last: what the journal knows is whole."""
        options = self._options
        nb = self.record(task, gradebook)
        if nb is None:
            autograded_path(options.out, task.verdict).unlink(missing_ok=True)  # formgrader must not show an older one
        else:
            path = write_autograded(options.out, task.verdict, nb)
            # Of the current attempt, whichever counts: nbgrader then knows that there is nothing newer.
            write_timestamp(path.parent, options.submitted / task.verdict.student / task.verdict.assignment)
        if options.feedback:
            write_feedback(options.out, nb, replace(with_human_grades(gradebook, task.verdict), late=task.late))
        self.keep(task)

    def record(self, task: Task, gradebook: "Gradebook") -> NotebookNode | None:
        """Write verdict and lateness into the gradebook. Returns the annotated notebook; None without one."""
        timestamp, _ = read_timestamp(task.submission.folder)
        nb = annotate(task.rebuilt.nb, task.verdict, task.source) if task.rebuilt else None
        verdict = task.verdict
        record(gradebook, verdict, nb, timestamp)
        late = assign_penalties(gradebook, self.rules, [verdict.assignment], verdict.student)
        task.late = late[verdict.assignment, verdict.student]
        verdict.seconds_late = task.late.seconds
        return nb

    def keep(self, task: Task) -> None:
        """Enter the verdict into the journal; where there is none, the next run tries again."""
        if not task.ungraded:
            submitted = submission_digest(task.submission)
            if self.rules.settings.attempts.count == "best":
                self._journal.set_aside(task.verdict, submitted)
            task.verdict = self._journal.compared(task.verdict, submitted)
            self._journal.put(task.verdict)
            if self.rules.settings.attempts.count == "last":
                self._journal.drop_attempt(task.verdict)


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
        nothing = _all(task.source, "ungraded", str(error))
        return replace(task, verdict=replace(task.verdict, exercises=nothing, cells=[]))
    return _with(task, judged)


def _with(task: Task, judged: Judged) -> Task:
    """The task with its verdict: what was judged now, and what still holds."""
    whole = merged(task.source, task.rebuilt, task.kept, task.valid, judged)
    return replace(task, verdict=replace(task.verdict, exercises=whole.exercises, cells=whole.cells))


def handed_in(folder: Path) -> str:
    """When a submission was handed in, for people to read; "" if that is not known."""
    timestamp, _ = read_timestamp(folder)
    return f"{timestamp:%Y-%m-%d %H:%M:%S} UTC" if timestamp else ""


def _all(source: Source, status: str, message: str) -> list[ExerciseVerdict]:
    """The same verdict on every exercise, without points."""
    return [ExerciseVerdict(e.id, e.title, 0.0, e.points, status, message) for e in source.exercises]
