"""The judge: runs the source notebook's test cells in a trusted process and reaches the answers over the border.

Positive proof: a test cell earns its points if it ran to its end and a check in it held. Silence, a crash, a reply that
is none: 0.
"""

import ast
import hashlib
import random
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from course.check import CheckFailed, ledger
from course.grading.border import AuthorError, Border, StudentError, StudentGone, StudentTimeout
from course.grading.notebook import Exercise, Source, TestCell
from course.grading.program import program_for
from course.grading.rebuild import Rebuilt
from course.grading.verdict import CellVerdict, ExerciseVerdict, exercise_verdict
from course.grading.zygote import connect

# A message goes into a table's cell; what a student's exception says may be any length.
MAX_MESSAGE = 300
# What PyTorch's own errors mean: said in words of ours, since in a hidden test an error's text may hold its inputs.
KNOWN_ERRORS = {
    "without overflow": "a constant can't be converted to half precision without overflow",
    "must match the size": "the sizes of two tensors do not fit together",
    "shapes cannot be multiplied": "the shapes of a matrix product do not fit together",
    "same device": "two tensors live on different devices",
    "same dtype": "two tensors have different dtypes",
    "inplace operation": "a tensor that the gradient needs was changed in place",
    "leaf Variable that requires grad": "an input that needs a gradient is changed in place",
    "Dimension out of range": "a dimension is named that the tensor has not",
    "is not defined": "a name is not defined",
}


@dataclass(frozen=True)
class Bench:
    """Where a submission is judged: the zygote's socket, and what the inputs of the tests are drawn from."""

    zygote: Path
    secret: str
    student: str


def judge(source: Source, rebuilt: Rebuilt, bench: Bench) -> tuple[list[ExerciseVerdict], list[CellVerdict]]:
    """The verdict on every exercise of one submission."""
    setup = setup_namespace(source)
    exercises, cells = [], []
    for exercise in source.exercises:
        if exercise.tests:
            verdicts = judge_exercise(source, rebuilt, exercise, bench, setup)
            cells.extend(verdicts)
            exercises.append(exercise_verdict(exercise.id, exercise.title, verdicts))
        if exercise.manual_points:
            exercises.append(_manual(exercise, rebuilt))
    return exercises, cells


def setup_namespace(source: Source) -> dict[str, Any]:
    """What the setup cells define, in this process."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in source.setup:
        exec(compile(cell.source, f"<{cell.grade_id}>", "exec", dont_inherit=True), namespace)
    return namespace


def judge_exercise(
    source: Source, rebuilt: Rebuilt, exercise: Exercise, bench: Bench, setup: dict[str, Any]
) -> list[CellVerdict]:
    """Run the test cells of one exercise against one student process."""
    program = program_for(source, rebuilt, exercise)
    if program.problem:
        outcome, message = program.problem
        return [_verdict(exercise, test, outcome, message) for test in exercise.tests]
    if program.forbidden:
        first = {finding.call: finding for finding in reversed(program.forbidden)}
        message = "; ".join(map(str, first.values()))
        return [_verdict(exercise, test, "forbidden", message) for test in exercise.tests]
    verdicts: list[CellVerdict] = []
    border, end = None, None
    try:
        try:
            border = Border(connect(bench.zygote), exercise.seconds, setup)
            errors = border.run(program.chunks)
        except (StudentTimeout, StudentGone) as error:
            end = _end(error)
        for test in exercise.tests:
            if end is None:
                verdict, end = _run_test(source, exercise, test, border, bench, setup, errors)
                verdicts.append(verdict)
            else:
                verdicts.append(_verdict(exercise, test, *end))
    finally:
        if border:
            border.close()
    return verdicts


def _run_test(source, exercise, test, border, bench, setup, errors) -> tuple[CellVerdict, tuple[str, str] | None]:
    """One test cell in a fresh copy of the setup's names; also whether the exercise ends here (time-out, crash)."""
    namespace = dict(setup)
    _seed(bench, test)
    ledger.reset()
    try:
        border.begin(random.getrandbits(48))
        namespace |= _proxies(source, exercise, test, border)
        exec(compile(test.source, f"<{test.grade_id}>", "exec", dont_inherit=True), namespace)
    except CheckFailed as failure:
        verdict = _verdict(exercise, test, "failed", failure.message)
        verdict.mistake, verdict.details = failure.mistake, failure.details
        return verdict, None
    except StudentError as error:
        return _verdict(exercise, test, *_outcome(error, test, errors)), None
    except (StudentTimeout, StudentGone) as error:
        return _verdict(exercise, test, *_end(error)), _end(error)
    except AuthorError:
        raise
    except Exception as error:  # the test could not go on with what the answer returned
        reason = type(error).__name__ if test.hidden else f"{type(error).__name__}: {error}"
        return _verdict(exercise, test, "failed", f"the test can't use what the answer returned ({reason})"), None
    if ledger.passed == 0:
        raise AuthorError(f"{test.grade_id}: no check ran in this test cell")
    return _verdict(exercise, test, "passed"), None


def _proxies(source: Source, exercise: Exercise, test: TestCell, border: Border) -> dict[str, Any]:
    """Proxies of the names that this test reads, among those that the reference's answers define up to here."""
    kinds = {name: kind for e in (*source.before(exercise), exercise) for name, kind in e.names.items()}
    read = {node.id for node in ast.walk(ast.parse(test.source)) if isinstance(node, ast.Name)}
    return {name: border.proxy(name, kind) for name, kind in kinds.items() if name in read}


def _seed(bench: Bench, test: TestCell) -> None:
    """The inputs of a test come from the course's secret, the student and the cell: the same in every run."""
    text = "\0".join((bench.secret, bench.student, test.grade_id))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])
    torch.manual_seed(number)
    torch.set_default_dtype(torch.float32)
    random.seed(number)
    with suppress(ImportError):
        import numpy

        numpy.random.seed(number % 2**32)


def _outcome(error: StudentError, test: TestCell, errors: list[dict]) -> tuple[str, str]:
    """An error of the student's code as outcome and message.

    In a hidden test their own words stay out: they may hold its inputs.
    """
    if error.type_name == "NotImplementedError":
        return "not_attempted", "not attempted yet"
    own = next((e for e in errors if str(e.get("label", "")).startswith("<A")), None)
    if error.type_name == "NameError" and own:
        return "error", _short(f"the answer cell stopped with {StudentError(own)}")
    if test.hidden:
        known = next((f": {words}" for text, words in KNOWN_ERRORS.items() if text in error.message), "")
        where = f" (line {error.line} of the answer)" if error.line else ""
        return "error", f"the answer raises {error.type_name}{known}{where}"
    return "error", _short(f"the answer raises {error}")


def _end(error: Exception) -> tuple[str, str]:
    if isinstance(error, StudentTimeout):
        return "timeout", f"the exercise {error}"
    return "crashed", f"the answer's process is gone: {error}"


def _short(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"


def _verdict(exercise: Exercise, test: TestCell, outcome: str, message: str = "") -> CellVerdict:
    score = test.points if outcome == "passed" else 0.0
    return CellVerdict(test.grade_id, exercise.id, test.view, test.hidden, score, test.points, outcome, message)


def _manual(exercise: Exercise, rebuilt: Rebuilt) -> ExerciseVerdict:
    written = any(text.strip() and text.strip() != "YOUR ANSWER HERE" for text in rebuilt.manual.values())
    message = "waits for a person" if written else "no answer was written; a person confirms"
    return ExerciseVerdict(exercise.id, exercise.title, 0.0, exercise.manual_points, "manual_pending", message)
