"""check.close: is this the expected value, and if not, which mistake is it?"""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Number
from typing import Any

import torch

from course.check import table
from course.check.failure import CheckFailed, check
from course.check.naming import dtype_name, wrong_type
from course.check.tolerance import bounds, dtype_of


@dataclass(frozen=True)
class Mismatch:
    """The first thing that differs; with both tensors (float64, CPU) where there are two to show."""

    message: str
    details: str = ""
    expected: torch.Tensor | None = None
    actual: torch.Tensor | None = None


@dataclass(frozen=True)
class Rules:
    """How to compare: the author's tolerances and dtype, room for longer chains, does NaN equal NaN."""

    rtol: float | None = None
    atol: float | None = None
    dtype: torch.dtype | None = None
    slack: float = 1.0
    nan_is_equal: bool = False


@check
def close(
    actual: Any,
    expected: Any,
    *,
    mistakes: dict[str, Any] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    dtype: torch.dtype | None = None,
    name: str = "the result",
) -> None:
    """Hold that `actual` is `expected`: tensors, numbers, strings, or equally long tuples (lists) of them.

    Values are compared in float64, with the tolerance of the lower precision of the two dtypes
    (course.check.tolerance has the table), so a float64 or bfloat16 answer to a float32 question passes
    unless `dtype` demands one.

    Args:
        mistakes: {message: wrong value, or a function without arguments that computes it}. If `actual` is one of
            them, and that one is not the expected value after all, the failure's message is that message.
        name: what messages call the value.

    Raises:
        CheckFailed: it is not.
        TypeError, ValueError: an `expected` that cannot be held to.
    """
    held_to(actual, expected, Rules(rtol, atol, dtype), mistakes, name)


def held_to(actual: Any, expected: Any, rules: Rules, mistakes: dict | None = None, name: str = "the result") -> None:
    """Raise CheckFailed unless `actual` is `expected`, with the message of the first mistake that it
    equals.
    """
    if expected is None:
        raise TypeError("check: the expected value is None; give a tensor, a number, or a tuple of them")
    found = mismatch(actual, expected, rules, name)
    if found is None:
        return
    mistake = recognise(actual, expected, rules, mistakes or {})
    picture = (found.expected, found.actual) if found.expected is not None and found.expected.dim() else None
    raise CheckFailed(mistake or found.message, mistake, found.details, picture)


def recognise(actual: Any, expected: Any, rules: Rules, mistakes: dict[str, Any]) -> str | None:
    """The message of the first mistake whose value `actual` has, None if there is none."""
    rules = Rules(rules.rtol, rules.atol, None, rules.slack, nan_is_equal=True)
    for message, wrong in mistakes.items():
        wrong = computed(message, wrong)
        # random inputs may make a mistake harmless: then it explains nothing
        if mismatch(actual, wrong, rules) is None and mismatch(wrong, expected, rules) is not None:
            return message
    return None


def computed(message: str, wrong: Any | Callable[[], Any]) -> Any:
    """The value of a mistake, computed if it was given as a function."""
    if isinstance(wrong, torch.Tensor) or not callable(wrong):
        return wrong
    try:
        return wrong()
    except Exception as error:
        raise ValueError(f"check: the mistake {message!r} could not be computed: {error}") from error


def mismatch(actual: Any, expected: Any, rules: Rules, name: str = "the result") -> Mismatch | None:
    """What is first found to differ, None if nothing is."""
    if isinstance(expected, tuple | list):
        return mismatch_of_parts(actual, expected, rules, name)
    if expected is None or isinstance(expected, str):
        same = type(actual) is type(expected) and actual == expected
        wanted = "None" if expected is None else "the expected text"
        return None if same else Mismatch(f"{name}: not the expected value", f"expected {wanted}")
    if not isinstance(expected, torch.Tensor | Number):
        raise TypeError(f"check: cannot compare with {type(expected).__name__}; give tensors or numbers")
    if not isinstance(actual, torch.Tensor | Number):
        return Mismatch(wrong_type(actual, "a tensor" if isinstance(expected, torch.Tensor) else "a number"))
    return mismatch_of_tensors(actual, expected, rules, name)


def mismatch_of_parts(actual: Any, expected: tuple | list, rules: Rules, name: str) -> Mismatch | None:
    """Compare tuples and lists part by part."""
    parts = f"{len(expected)} parts"
    if not isinstance(actual, tuple | list):
        return Mismatch(wrong_type(actual, f"a {type(expected).__name__} of {parts}"))
    if len(actual) != len(expected):
        return Mismatch(f"{name} should have {parts} and has {len(actual)}")
    for place, (mine, wanted) in enumerate(zip(actual, expected, strict=True), start=1):
        found = mismatch(mine, wanted, rules, f"part {place} of {name}")
        if found is not None:
            return found
    return None


def mismatch_of_tensors(actual: Any, expected: Any, rules: Rules, name: str) -> Mismatch | None:
    """Compare two tensors or numbers: shape, values, dtype, in the order in which a student mends them."""
    mine, wanted = plain(actual), plain(expected)
    if wanted.isnan().any() and not rules.nan_is_equal:
        raise ValueError("check: the expected value holds NaN")
    if mine.shape != wanted.shape:
        shapes = f"{name} has shape {tuple(mine.shape)}, expected {tuple(wanted.shape)}"
        return Mismatch(shapes, f"expected shape {tuple(wanted.shape)}, yours {tuple(mine.shape)}")
    mine_dtype, wanted_dtype = dtype_of(actual), dtype_of(expected)
    wrong = ~agree(mine, wanted, mine_dtype, wanted_dtype, rules)
    if wrong.any():
        mine, wanted = mine.double(), wanted.double()
        return Mismatch(kind_of_difference(mine, wanted, wrong, name), table.side_by_side(wanted, mine), wanted, mine)
    if rules.dtype is not None and mine_dtype != rules.dtype:
        return Mismatch(f"{name} has dtype {dtype_name(mine_dtype)}, expected {dtype_name(rules.dtype)}")
    return None


def plain(value: Any) -> torch.Tensor:
    """A number or tensor as a dense CPU tensor outside any graph: float64 if it is floating, else int64."""
    if not isinstance(value, torch.Tensor):
        value = torch.tensor(value, dtype=torch.int64 if isinstance(value, int) else torch.float64)
    if value.is_complex():
        raise TypeError("check: complex numbers are not supported")
    value = value.detach().cpu()
    value = value if value.layout is torch.strided else value.to_dense()
    return value.to(torch.float64 if value.is_floating_point() else torch.int64)


def agree(
    mine: torch.Tensor, wanted: torch.Tensor, mine_dtype: torch.dtype, wanted_dtype: torch.dtype, rules: Rules
) -> torch.Tensor:
    """Where two tensors of one shape (from `plain`) hold the same value."""
    equal = mine == wanted  # exact for integers, and right for infinities
    if mine_dtype.is_floating_point or wanted_dtype.is_floating_point:
        mine, wanted = mine.double(), wanted.double()
        rtol, atol = bounds(mine_dtype, wanted_dtype, wanted, rules.rtol, rules.atol)
        near = (mine - wanted).abs() <= rules.slack * (rtol * wanted.abs() + atol)
        equal = equal | (near & wanted.isfinite())
    if rules.nan_is_equal:
        equal = equal | (mine.isnan() & wanted.isnan())
    return equal


def kind_of_difference(mine: torch.Tensor, wanted: torch.Tensor, wrong: torch.Tensor, name: str) -> str:
    """One line on how values of one shape differ, without a value."""
    if mine[wrong].isnan().any():
        return f"{name} holds NaN"
    if (mine[wrong].isinf() & wanted[wrong].isfinite()).any():
        return f"{name} holds infinite values"
    return f"{name}: not the expected value"
