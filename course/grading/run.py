"""`course grade`: find the submissions, judge them side by side, write gradebook, feedback and reports.

Judges run in processes; everything that is written is written here, by one thread, one submission at a time.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from importlib import import_module
from threading import Thread

from tqdm import tqdm

from course.errors import CourseError
from course.grading.changes import changes_table
from course.grading.desk import Desk, Options, handed_in
from course.grading.gradebook import open_gradebook
from course.grading.journal import Journal
from course.grading.notebook import Source, read_source
from course.grading.output import line, number
from course.grading.penalties import Rules, assign_penalties, set_due_dates
from course.grading.record import register, with_human_grades
from course.grading.report import write_reports
from course.grading.submissions import find_assignments, find_submissions, refused_folders, unknown_folders
from course.grading.verdict import Lateness, Verdict


def grade(options: Options) -> int:
    """Grade what was handed in. Returns the exit code: 0 if every submission has a verdict, 1 if some have none.

    A class is never in memory as a whole: of each submission there is a folder until its turn comes.

    Raises:
        CourseError: a name is wrong, nothing was handed in, a layer of the sandbox is missing, or the place to write
            to can't be used.
    """
    everything = {source.assignment: source for source in map(read_source, find_assignments(options.root, []))}
    sources = _wanted(options, everything)
    found = [(s, find_submissions(options.submitted, s, list(options.students))) for s in sources]
    folders = [(source, folder) for source, folders in found for folder in folders]
    for folder, reason in refused_folders(options.submitted):
        print(f"not looked at: {line(str(folder))} ({reason})", file=sys.stderr)
    for folder in unknown_folders(options.submitted, options.root):
        print(f"not looked at: {line(str(folder))} (no assignment is called {line(folder.name)})", file=sys.stderr)
    if not folders:
        names = ", ".join(source.assignment for source in sources)
        raise CourseError(
            f"no submissions of {names} in {options.submitted}: "
            f"expected STUDENT/{sources[0].assignment}/{sources[0].notebook}.ipynb there"
        )
    journal = Journal(options.out)
    desk = Desk(options, journal)
    _check_rules(desk.rules, everything)
    waiting = {pair[1]: desk.waiting(*pair) for pair in folders}
    fresh = [(source, attempt) for source, folder in folders for attempt in waiting[folder]]
    current = {(folder.parent.name, source.assignment): folder for source, folder in folders}
    left = Counter({folder: len(attempts) for folder, attempts in waiting.items()})
    known = [pair for pair in folders if not left[pair[1]]]
    ungraded, unsettled, changed, moved = [], [], [], []
    best_counts = desk.rules.settings.attempts.count == "best"
    # The judges' processes import torch while this one opens the gradebook.
    judged_by = desk.judging({source.assignment: source for source, _ in fresh})
    with judged_by as judging, open_gradebook(options.out / "gradebook.db") as gradebook:
        for source, folders in found:
            if folders:
                register(gradebook, source)
        set_due_dates(gradebook, desk.rules)
        if fresh:  # the report's plots take half a second to import: now, while the judges are at work
            Thread(target=import_module, args=["course.grading.charts"], daemon=True).start()
        say = _Progress(len(fresh), len(known))
        for task in desk.judged(fresh, judging):
            if task.ungraded:
                ungraded.append(task)
            desk.enter(task)
            say.done(task.verdict, handed_in(task.submission.folder) if best_counts else "")
            folder = current[task.verdict.student, task.verdict.assignment]
            left[folder] -= 1
            if not left[folder]:  # of several attempts all are judged
                counts = desk.settle(task.source, folder, gradebook, task)
                if counts is None:
                    moved.append(folder)
                    continue
                if counts.ungraded:
                    unsettled.append(counts.verdict)
                changed.append(counts.verdict)
        say.close()
        moved += [folder for source, folder in known if desk.settle(source, folder, gradebook) is None]
        verdicts = {(v.assignment, v.student): v for v in [*journal.all(), *unsettled]}
        late = assign_penalties(gradebook, desk.rules, everything)
        final = [replace(with_human_grades(gradebook, verdicts[key]), late=late.get(key)) for key in sorted(verdicts)]
    write_reports(options.out, final, everything)
    print(changes_table(changed), end="")
    print(_lateness_line(late.values()), end="")
    for task in ungraded:
        print(
            f"not graded: {line(task.verdict.student)}, {task.verdict.assignment}: {line(task.ungraded)}",
            file=sys.stderr,
        )
    for folder in moved:
        print(f"not graded: {line(str(folder))} changed meanwhile; run the command again", file=sys.stderr)
    print(f"report: {options.out / 'reports' / 'class.html'}")
    return 1 if ungraded or moved else 0


def _check_rules(rules: Rules, known: Collection[str]) -> None:
    """A name that fits no assignment is a slip, and would cost somebody points: CourseError, or a line of warning."""
    there_is = f"there is {', '.join(known)}"
    for name in rules.settings.due:
        if name not in known:
            raise CourseError(f"course.toml: [due] names {name!r}, which is no assignment; {there_is}")
    for name, student in rules.extensions:
        if name not in known:
            print(
                f"no such assignment: {line(name)}, of {line(student)} in extensions.csv; {there_is}", file=sys.stderr
            )


def _lateness_line(found: Iterable[Lateness]) -> str:
    """What lateness took, in a line that ends; "" if it took nothing."""
    late = [one for one in found if one.percent]
    if not late:
        return ""
    points = number(sum(one.points for one in late))
    return f"late: {len(late)} submission{'' if len(late) == 1 else 's'}, {points} points taken (reports/summary.csv)\n"


def _wanted(options: Options, everything: dict[str, Source]) -> list[Source]:
    """The assignments to grade. Where exercises are named, those that have them. CourseError for a wrong name."""
    find_assignments(options.root, list(options.assignments))
    sources = [everything[name] for name in options.assignments or everything]
    tested = {source.assignment: [e.id for e in source.exercises if e.tests] for source in sources}
    known = {exercise: everything[assignment] for assignment, exercises in tested.items() for exercise in exercises}
    for name in options.exercises:
        if name not in known:
            there_is = "; ".join(f"{assignment} has {', '.join(exercises)}" for assignment, exercises in tested.items())
            raise CourseError(f"no exercise {name!r} that a judge tests: {there_is}")
    named = [known[name] for name in options.exercises]
    return [source for source in sources if source in named] if options.exercises else sources


class _Progress:
    """A bar with the time left on a terminal, a plain line a submission elsewhere."""

    def __init__(self, total: int, known: int):
        self._total, self._count = total, 0
        self._bar = tqdm(total=total, unit="submission", disable=not (sys.stderr.isatty() and total))
        self._line: Callable[[str], None] = (lambda text: None) if not self._bar.disable else print
        kept = f", {known} unchanged" if known else ""
        print(f"{total} submission{'' if total == 1 else 's'} to grade{kept}")

    def done(self, verdict: Verdict, handed_in: str) -> None:
        """handed_in: which of several attempts this is; "" where there is one."""
        self._count += 1
        self._bar.update()
        points = f"{number(verdict.score)}/{number(verdict.max_score)}"
        attempt = f" ({handed_in})" if handed_in else ""
        self._line(f"{self._count} of {self._total}: {line(verdict.student)}{attempt} {points}")

    def close(self) -> None:
        self._bar.close()


def default_jobs() -> int:
    """As many judges as there are cores for this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
