"""The judge: runs the source notebook's test cells in a trusted process and reaches the answers over the border.

Positive proof: a test cell earns its points if it ran to its end and a check in it held. Silence, a crash, a reply that
is none: 0.
"""

import ast
import builtins
import hashlib
import random
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import CodeType
from typing import Any

import torch

from course.check import CheckFailed, ledger
from course.grading.border import Border
from course.grading.notebook import Exercise, Source, TestCell
from course.grading.own_work import Finding
from course.grading.program import Program, program_for
from course.grading.proxies import AuthorError, StudentError, StudentGone, StudentTimeout
from course.grading.rebuild import Rebuilt, rebuild
from course.grading.verdict import CellVerdict, ExerciseVerdict, exercise_verdict
from course.grading.warm import connect

# A message goes into a table's cell; what a student's exception says may be any length.
MAX_MESSAGE = 300
# What PyTorch's own errors mean: said in words of ours, since in a hidden test an error's text may hold its inputs.
KNOWN_ERRORS = {
    "without overflow": "a constant can't be converted to half precision without overflow",
    "must match the size": "the sizes of two tensors do not fit together",
    "shapes cannot be multiplied": "the shapes of a matrix product do not fit together",
    "view size is not compatible": "a .view() of a tensor that lies in memory in another order: use .reshape()",
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


def judge(
    source: Source, rebuilt: Rebuilt, bench: Bench, wanted: Collection[str] | None = None
) -> tuple[list[ExerciseVerdict], list[CellVerdict]]:
    """The verdict on every exercise of one submission that has tests, or on those `wanted` by their ids."""
    setup = setup_namespace(source)
    exercises, cells = [], []
    for exercise in source.exercises:
        if exercise.tests and (wanted is None or exercise.id in wanted):
            verdicts = judge_exercise(source, rebuilt, exercise, bench, setup)
            cells.extend(verdicts)
            exercises.append(exercise_verdict(exercise.id, exercise.title, verdicts))
    return exercises, cells


def setup_namespace(source: Source) -> dict[str, Any]:
    """What the setup cells define, in this process."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in source.setup:
        exec(_compiled(cell.source, f"<{cell.grade_id}>"), namespace)
    return namespace


def prepare(source: Source) -> None:
    """Parse and compile, once for all submissions, what judging needs of the source notebook. Runs nothing of it."""
    for cell in (*source.setup, *(test for exercise in source.exercises for test in exercise.tests)):
        with suppress(SyntaxError):  # an author's slip is told where the cell runs
            _compiled(cell.source, f"<{cell.grade_id}>")
            _names_read(cell.source)
    # What is found of the reference's text is found of every submission's: setup, stand-ins, cells that nobody changed.
    reference = rebuild(source, source.nb)
    for exercise in source.exercises:
        with suppress(Exception):
            program_for(source, reference, exercise)
    _ = source.trainers


@lru_cache(maxsize=4096)
def _compiled(source: str, label: str) -> CodeType:
    return compile(source, label, "exec", dont_inherit=True)


@lru_cache(maxsize=4096)
def _names_read(source: str) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))


def judge_exercise(
    source: Source, rebuilt: Rebuilt, exercise: Exercise, bench: Bench, setup: dict[str, Any]
) -> list[CellVerdict]:
    """Run the test cells of one exercise against one student process."""
    try:
        program = program_for(source, rebuilt, exercise)
    except (RecursionError, MemoryError, ValueError, RuntimeError, SyntaxError) as error:  # what a text can lead to
        return _all(exercise, "error", f"the answer can't be read as Python ({type(error).__name__})")
    if program.problem:
        return _all(exercise, *program.problem)
    if program.forbidden:
        first = {finding.call: finding for finding in reversed(program.forbidden)}
        return _all(exercise, "forbidden", "; ".join(map(str, first.values())))
    verdicts: dict[str, CellVerdict] = {}
    border, end = None, None
    try:
        try:
            border = Border(
                connect(bench.zygote), exercise.seconds, setup, source.limits, exercise.forbids, source.trainers
            )
            errors = border.run(program.chunks)
        except (StudentTimeout, StudentGone, StudentError) as error:
            end = _end(error)
        given = lru_cache(maxsize=1)(partial(_given, program, setup))
        # Hidden cells last: what a visible one shows is then nothing that the process saw in a hidden one.
        for test in sorted(exercise.tests, key=lambda test: test.hidden):
            if end is None:
                proxies = partial(_proxies, source, exercise, test, border, given)
                verdicts[test.grade_id], end = _run_test(exercise, test, border, bench, setup, errors, proxies)
            else:
                verdicts[test.grade_id] = _verdict(exercise, test, *end)
    finally:
        if border:
            border.close()
    if border and border.forbidden:
        message = "; ".join(str(Finding(call, line, cell=0)) for call, line in border.forbidden.items())
        return _all(exercise, "forbidden", message)
    return [verdicts[test.grade_id] for test in exercise.tests]


def _given(program: Program, setup: dict[str, Any]) -> dict[str, Any]:
    """The stand-ins for earlier exercises, in this process: what a test compares with is not the student's word."""
    namespace = dict(setup)
    for label, code in program.chunks:
        if label == "given":
            exec(_compiled(code, "<given>"), namespace)
    return namespace


def _run_test(exercise, test, border, bench, setup, errors, proxies) -> tuple[CellVerdict, tuple[str, str] | None]:
    """One test cell in a fresh copy of the setup's names; also whether the exercise ends here (time-out, crash)."""
    namespace = dict(setup)
    _seed(bench, test)
    ledger.reset()
    try:
        border.begin(random.getrandbits(48))
        namespace |= proxies()
        exec(_compiled(test.source, f"<{test.grade_id}>"), namespace)
    except CheckFailed as failure:
        told = failure.mistake or not test.hidden
        verdict = _verdict(exercise, test, "failed", failure.message if told else _without_values(failure.message))
        verdict.mistake, verdict.details = failure.mistake, failure.details
        return verdict, None
    except StudentError as error:
        return _verdict(exercise, test, *_outcome(error, test, errors)), None
    except (StudentTimeout, StudentGone) as error:
        return _verdict(exercise, test, *_end(error)), _end(error)
    except AuthorError:
        raise
    except Exception as error:  # the test could not go on with what the answer returned, or is wrong itself
        reason = type(error).__name__ if test.hidden else f"{type(error).__name__}: {error}"
        message = _short(f"the test can't use what the answer returned ({reason})")
        return _verdict(exercise, test, "failed", f"{message}; if it is right, tell your teacher"), None
    if ledger.passed == 0:
        if "check" not in _names_read(test.source):
            raise AuthorError(f"{test.grade_id}: no check ran in this test cell")
        return _verdict(exercise, test, "failed", "the answer returned nothing that could be checked"), None
    return _verdict(exercise, test, "passed"), None


def _proxies(
    source: Source, exercise: Exercise, test: TestCell, border: Border, given: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """What this test reads of the names that the references define up to here: the student's own for this exercise and
    those that it needs, else the stand-ins.
    """
    found = {}
    for asked in (*source.before(exercise), exercise):
        own = asked is exercise or asked.id in exercise.needs
        for name, kind in asked.names.items():
            if name in _names_read(test.source):
                stands_in = not own and name in given()
                found[name] = border.given(name, given()[name]) if stands_in else border.proxy(name, kind)
    return found


def _seed(bench: Bench, test: TestCell) -> None:
    """The inputs of a test come from the course's secret, the student and the cell: the same in every run."""
    text = "\0".join((bench.secret, bench.student, test.grade_id))
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])
    torch.default_generator.manual_seed(number)  # the judge has no other device
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
        # A type of the student's own may be called anything: the first ancestor that Python knows says enough.
        kind = next((name for name in (error.type_name, *error.mro) if hasattr(builtins, name)), "an error")
        return "error", f"the answer raises {kind}{known}{where}"
    return "error", _short(f"the answer raises {error}")


def _end(error: Exception) -> tuple[str, str]:
    if isinstance(error, StudentTimeout):
        return "timeout", f"the exercise {error}"
    if isinstance(error, StudentError):
        return "error", _short(f"the answer's cells could not be run: {error}")
    return "crashed", str(error)


def _without_values(message: str) -> str:
    """A message on a hidden test: numbers and quoted words in it may be the answer's own, and so tell of its inputs."""
    return re.sub(r"(?<![\w.])-?\d[\d.]*(?:e[+-]?\d+)?|'[^']*'|\"[^\"]*\"", "…", message)


def _short(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"


def _verdict(exercise: Exercise, test: TestCell, outcome: str, message: str = "") -> CellVerdict:
    score = test.points if outcome == "passed" else 0.0
    return CellVerdict(test.grade_id, exercise.id, test.view, test.hidden, score, test.points, outcome, message)


def _all(exercise: Exercise, outcome: str, message: str) -> list[CellVerdict]:
    return [_verdict(exercise, test, outcome, message) for test in exercise.tests]
