"""`course check`: what a student runs. The visible tests in a fresh kernel, and a table of exercises.

The student's code runs on the student's own computer, as any notebook does: unfenced. Its verdict is for the student;
points are given by `course grade` alone.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from course.grading.handout import changed, find_handout
from course.grading.junit import write_junit
from course.grading.kernel import CellRun, Kernel
from course.grading.notebook import Exercise, Source, grade_id_of, plain_python, read_notebook
from course.grading.verdict import CellVerdict, exercise_verdict

CELL_SECONDS = 600.0
_DELETED = ("missing", "a test cell was deleted here; it still counts when the assignment is graded")
STUB = "raise NotImplementedError"
# An answer is graded where the textbook does not exist; here it must not exist either.
WITHOUT_TEXTBOOK = """
import sys
class _WithoutTextbook:
    def find_spec(self, name, path=None, target=None):
        if name == "course.models":
            message = "course.models is the textbook: it isn't there when your answer is graded"
            raise ModuleNotFoundError(message, name=name)
sys.meta_path.insert(0, _WithoutTextbook())
del sys, _WithoutTextbook
"""
# IPython names a cell's text 1714954587.py in the message of a SyntaxError.
_CELL_FILE = re.compile(r"\((?:\d+\.py|<[^>]*>), line (\d+)\)")
_NAME = re.compile(r"name '(\w+)' is not defined")


@dataclass
class Row:
    """One exercise. Points: earned in visible tests, of `visible`; `hidden` and `manual` more that grading decides.

    status: one of course.grading.verdict.STATUSES.
    """

    exercise: str
    title: str
    earned: float
    visible: float
    hidden: float
    manual: float
    status: str
    messages: list[str] = field(default_factory=list)


@dataclass
class SelfCheck:
    """The rows of the table, the verdicts on the visible test cells, and notes on the notebook as a whole."""

    rows: list[Row]
    cells: list[CellVerdict]
    notes: list[str]

    @property
    def failed(self) -> bool:
        """Whether a visible test is not passed yet."""
        return any(cell.outcome != "passed" for cell in self.cells)


@dataclass
class _Step:
    """A code cell to run: `kind` is test, answer, setup, demo, or extra (a cell that the student added)."""

    cell: NotebookNode
    grade_id: str
    kind: str
    exercise: str
    changed: bool = False


@dataclass
class _Runs:
    """What became of the cells, by exercise and by test."""

    seconds: float
    tests: dict[str, CellRun] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)  # exercise -> why its answer does not run
    lost: dict[str, tuple[str, str]] = field(default_factory=dict)  # exercise -> outcome, message


def self_check(path: Path, junit: Path | None = None, cell_seconds: float = CELL_SECONDS) -> SelfCheck:
    """Run a student's notebook and say what its visible tests say. The notebook's file is left as it is.

    junit: also write the verdicts there, as JUnit XML. cell_seconds: the limit of each cell. CourseError (one line) if
    the file is no notebook of this course.
    """
    nb = read_notebook(path)
    handout = find_handout(path, nb)
    steps = _steps(nb, handout)
    environment = {"NBGRADER_EXECUTION": None}  # the student's own run has all its training steps
    with Kernel(path.resolve().parent, cell_seconds, environment, first=WITHOUT_TEXTBOOK) as kernel:
        runs = _run(kernel, steps, cell_seconds, _progress())
    rows, cells = [], []
    for exercise in handout.exercises:
        own = [step for step in steps if step.exercise == exercise.id]
        found = _cells(exercise, own, runs, _forbidden(exercise, steps, handout))
        rows.append(_row(exercise, found, own, nb, handout))
        cells += found
    check = SelfCheck(rows, cells, _notes(handout, steps, runs))
    if junit is not None:
        write_junit(check.cells, junit, suite=f"{handout.assignment}/{handout.notebook}")
    return check


def format_table(check: SelfCheck) -> str:
    """The table as text, for a terminal."""
    width = max(len(row.title) for row in check.rows)
    lines = [f"{'':7} {'':{width}} {'visible':>9} {'hidden':>7}"]
    for row in check.rows:
        earned = f"{row.earned:g} of {row.visible:g}" if row.visible else "-"
        hidden = f"+ {row.hidden:g}" if row.hidden else "-"
        status = row.status.replace("_", " ")
        lines.append(f"{row.exercise:7} {row.title:{width}} {earned:>9} {hidden:>7}  {status}")
        lines += [f"{'':7}   {message}" for message in row.messages]
    earned, visible = sum(row.earned for row in check.rows), sum(row.visible for row in check.rows)
    lines += ["", f"Visible tests: {earned:g} of {visible:g} points."]
    hidden, manual = sum(row.hidden for row in check.rows), sum(row.manual for row in check.rows)
    if hidden:
        lines.append(f"Hidden tests are worth another {hidden:g}; they run when the assignment is graded.")
    if manual:
        lines.append(f"What a person reads is worth another {manual:g}.")
    return "\n".join(lines + [f"Note: {note}" for note in check.notes])


# --- what to run -----------------------------------------------------------------------------------------------------


def _steps(nb: NotebookNode, handout: Source) -> list[_Step]:
    """The student's code cells in their order. Changed tests run as they were handed out; hidden ones are not there."""
    tests = {test.grade_id: (test, ex.id) for ex in handout.exercises for test in ex.tests}
    answers = {cell.grade_id: (cell, ex.id) for ex in handout.exercises for cell in ex.answers}
    setup = {cell.grade_id: cell for cell in [*handout.setup, *handout.given]}
    stand_in = _is_stand_in(nb, handout)
    steps, here = [], ""
    for cell in nb.cells:
        grade_id = grade_id_of(cell)
        facts = cell.metadata.get("course")
        here = facts.get("exercise", here) if isinstance(facts, dict) else here
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        known = tests.get(grade_id) or answers.get(grade_id) or (setup.get(grade_id), here)
        original, exercise = known
        different = original is not None and changed(cell, None if stand_in else original.source)
        if grade_id in tests:
            if not original.hidden:
                runs = NotebookNode(cell, source=original.source)
                steps.append(_Step(runs, grade_id, "test", exercise, different))
        else:
            kind = "answer" if grade_id in answers else "setup" if grade_id in setup else _kind(cell)
            steps.append(_Step(cell, grade_id, kind, exercise, different))
    return steps


def _kind(cell: NotebookNode) -> str:
    facts = cell.metadata.get("course")
    return "demo" if isinstance(facts, dict) and facts.get("role") == "demo" else "extra"


def _is_stand_in(nb: NotebookNode, handout: Source) -> bool:
    """Whether no handed-out copy was found, so that the handout is the student's notebook itself."""
    return handout.nb == nb


# --- running ---------------------------------------------------------------------------------------------------------


def _run(kernel: Kernel, steps: list[_Step], seconds: float, progress: Callable[[str], None]) -> _Runs:
    """Run all cells. One that ends the kernel costs its exercise: what stood before it is run again in a new one."""
    runs = _Runs(seconds)
    done: list[_Step] = []
    for number, step in enumerate(steps, start=1):
        progress(f"running {number} of {len(steps)} cells{', ' + step.exercise if step.exercise else ''}")
        if step.kind in ("test", "demo") and step.exercise in runs.lost:
            continue  # it calls the answer that was lost: each would take as long again
        run = kernel.run(step.cell)
        _note_run(runs, step, run)
        if run.lost:
            progress(f"starting again after {step.exercise or 'a cell'}")
            done = _again(kernel, done)
        elif step.kind not in ("test", "demo"):
            done.append(step)
    progress("")
    return runs


def _again(kernel: Kernel, done: list[_Step]) -> list[_Step]:
    kernel.restart()
    for step in done:
        if kernel.run(step.cell).lost:
            kernel.restart()
            return []
    return done


def _note_run(runs: _Runs, step: _Step, run: CellRun) -> None:
    if step.kind == "test":
        runs.tests.setdefault(step.grade_id, run)
    if run.lost:
        runs.lost.setdefault(step.exercise, _lost(run, runs.seconds, _what(step)))
    elif step.kind in ("answer", "setup") and run.failed and run.ename != "NotImplementedError":
        runs.broken.setdefault(step.exercise, f"{_what(step)} stops with {_error(run)}")


def _what(step: _Step) -> str:
    return f"the cell {step.grade_id}" if step.grade_id else "an added cell"


def _lost(run: CellRun, seconds: float, what: str) -> tuple[str, str]:
    if run.lost == "timeout":
        return "timeout", f"{what} was still running after {seconds:g} s: is there an endless loop?"
    return "crashed", f"{what} ended the kernel"


def _progress() -> Callable[[str], None]:
    """Show one line that changes, on a terminal; say nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


# --- judging ---------------------------------------------------------------------------------------------------------


def _cells(exercise: Exercise, own: list[_Step], runs: _Runs, forbidden: list[str]) -> list[CellVerdict]:
    """The verdicts on the visible tests of an exercise."""
    attempted = any(step.kind == "answer" and (step.changed or STUB not in step.cell.source) for step in own)
    verdicts = []
    for test in exercise.tests:
        if test.hidden:
            continue
        there = any(step.grade_id == test.grade_id for step in own)
        run = runs.tests.get(test.grade_id)
        outcome, message = _outcome(run, exercise, runs, attempted) if there else _DELETED
        if forbidden:
            outcome, message = "forbidden", forbidden[0]
        if not any(step.kind == "answer" for step in own) and outcome != "passed":
            outcome, message = "missing", "its answer cell was deleted; take it from the released notebook"
        score = test.points if outcome == "passed" else 0.0
        verdicts.append(
            CellVerdict(test.grade_id, exercise.id, test.view, False, score, test.points, outcome, _short(message))
        )
    return verdicts


def _outcome(run: CellRun | None, exercise: Exercise, runs: _Runs, attempted: bool) -> tuple[str, str]:
    if run is not None and not run.failed:
        return "passed", ""
    if run is None or exercise.id in runs.lost:
        return runs.lost[exercise.id]
    if exercise.id in runs.broken:
        return "error", runs.broken[exercise.id]
    if run.ename == "NotImplementedError":
        if attempted:
            return "error", "it reaches a NotImplementedError: is an answer that it builds on still to be written?"
        return "not_attempted", ""
    if run.ename in ("CheckFailed", "AssertionError"):
        return "failed", run.evalue.partition("\n\n")[0] or "a check failed"  # what follows are values, side by side
    unknown = _NAME.search(run.evalue) if run.ename == "NameError" else None
    if unknown and unknown[1] not in exercise.names:
        return "error", f"it uses {unknown[1]}, which no cell above has defined"
    return "error", _error(run)


def _error(run: CellRun) -> str:
    return _CELL_FILE.sub(r"(line \1)", f"{run.ename}: {run.evalue}" if run.evalue else run.ename)


def _short(message: str, length: int = 240) -> str:
    line = " ".join(message.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _forbidden(exercise: Exercise, steps: list[_Step], handout: Source) -> list[str]:
    from course.grading.own_work import find_forbidden

    answers = [plain_python(s.cell.source) for s in steps if s.kind == "answer" and s.exercise == exercise.id]
    helpers = [
        plain_python(s.cell.source)
        for s in steps
        if s.kind == "extra" or (s.kind == "answer" and s.exercise != exercise.id)
    ]
    setup = [cell.source for cell in [*handout.setup, *handout.given]]
    found = find_forbidden(answers, helpers, setup, exercise.forbids, tuple(exercise.names) or None)
    return [str(finding) for finding in found]


def _row(exercise: Exercise, cells: list[CellVerdict], own: list[_Step], nb: NotebookNode, handout: Source) -> Row:
    hidden = sum(test.points for test in exercise.tests if test.hidden)
    if exercise.manual_points:
        return _manual_row(exercise, hidden, nb, handout)
    verdict = exercise_verdict(exercise.id, exercise.title, cells)
    status = verdict.status if cells else "ungraded"
    messages = list(dict.fromkeys(cell.message for cell in cells if cell.message))
    tampered = [step.grade_id for step in own if step.kind == "test" and step.changed]
    messages += [f"the test cell {grade_id} was changed; the original counts" for grade_id in tampered]
    return Row(exercise.id, exercise.title, verdict.score, verdict.max_score, hidden, 0.0, status, messages)


def _manual_row(exercise: Exercise, hidden: float, nb: NotebookNode, handout: Source) -> Row:
    texts = {grade_id_of(cell): cell for cell in handout.nb.cells if _is_manual_of(cell, exercise.id)}
    written = [
        cell for cell in nb.cells if grade_id_of(cell) in texts and cell.source.strip() not in ("", "YOUR ANSWER HERE")
    ]
    status = "manual_pending" if written else "not_attempted"
    points = exercise.manual_points
    return Row(exercise.id, exercise.title, 0.0, 0.0, hidden, points, status, [f"a person reads it: {points:g} points"])


def _is_manual_of(cell: NotebookNode, exercise: str) -> bool:
    facts = cell.metadata.get("course", {})
    return facts.get("role") == "manual" and facts.get("exercise") == exercise


def _notes(handout: Source, steps: list[_Step], runs: _Runs) -> list[str]:
    """What concerns no single exercise: setup cells that are gone, changed or broken."""
    there = {step.grade_id: step for step in steps if step.kind == "setup"}
    notes = []
    for cell in [*handout.setup, *handout.given]:
        if cell.grade_id not in there:
            notes.append(f"the cell {cell.grade_id} was deleted; take it from the released notebook")
        elif there[cell.grade_id].changed:
            notes.append(f"the cell {cell.grade_id} was changed; grading also runs the original")
    headers = {exercise.id for exercise in handout.exercises}
    notes += [message for exercise, message in runs.broken.items() if exercise not in headers]
    notes += [message for exercise, (_, message) in runs.lost.items() if exercise not in headers]
    return notes
