"""What the self-test found of the sandbox, layer by layer: plain data, so that who only reads it needs no torch."""

from dataclasses import dataclass

from course.errors import CourseError
from course.grading.sandbox import remedy


@dataclass(frozen=True)
class Layer:
    """One layer of the sandbox. `problem` is empty where it holds."""

    name: str
    holds: str
    problem: str = ""


def require_whole(layers: list[Layer]) -> None:
    """CourseError with the reason and the remedy if a layer is missing."""
    missing = [layer for layer in layers if layer.problem]
    if missing:
        raise CourseError(not_whole(f"{missing[0].name}: {missing[0].problem}"), 1)


def not_whole(reason: str) -> str:
    """One line: why nothing is graded, and what to do."""
    return (
        f"the sandbox is not whole ({reason}). {remedy()}. `course doctor` tells more; "
        "--unsandboxed grades without: only what you would also run yourself"
    )
