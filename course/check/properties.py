"""check.causal, check.equivariant, check.unchanged: what a function must leave as it is.

All three compare values. Nothing is probed with NaN: 0·NaN is NaN in right answers too.
"""

from collections.abc import Callable
from typing import Any

import torch

from course.check.failure import CheckFailed, check
from course.check.naming import argument_names, wrong_type
from course.check.nested import leaves, map_leaves, tensors
from course.check.values import Rules, held_to, mismatch

LEAK = "a position sees later positions"
RESTLESS = "two calls with the same input give different results (dropout, or something kept between calls)"
INVARIANT = "the result ignores the order of the positions, instead of following it"
IN_PLACE = "an argument was changed in place"
MANY_STEPS = 32


@check
def causal(fn: Callable, x: torch.Tensor, *, axis: int = -2) -> None:
    """Hold that the output of `fn(x)` at each position depends on no later position along `axis`.

    For each t, everything after t is changed by finite amounts (token ids: to other ids of x); the outputs up
    to t may not change. At most 33 calls. If `fn` returns a tuple, its first tensor counts; its axis of
    positions is found where x has it.

    Raises CheckFailed that names the leak; ValueError if x has fewer than two positions or one token id only.
    """
    positions = length(x, axis, "causal")
    before = first_output(fn, x)
    place = output_axis(before, x, axis)
    cuts = torch.randperm(positions - 1)[:MANY_STEPS].sort().values.tolist()
    for t in cuts:
        after = first_output(fn, changed_after(x, axis, t))
        if after.shape != before.shape:
            raise CheckFailed("the shape of the result changes with the values of the input")
        past, same_past = (out.narrow(place, 0, t + 1) for out in (before, after))
        if mismatch(same_past, past, Rules()) is not None:
            raise restless(fn, x, before) or leak(past, same_past, place, t)


@check
def equivariant(fn: Callable, x: torch.Tensor, *, axis: int = -2) -> None:
    """Hold that permuting the positions of x along `axis` permutes the output of `fn`, and does no more.

    If `fn` returns a tuple, its first tensor counts; its axis of positions is found where x has it.

    Raises CheckFailed; ValueError if x has fewer than two positions.
    """
    positions = length(x, axis, "equivariant")
    before = first_output(fn, x)
    place = output_axis(before, x, axis)
    for _ in range(2):
        order = derangement(positions)
        after = first_output(fn, x.index_select(axis, order))
        wanted = before.index_select(place, order)
        if mismatch(after, wanted, Rules()) is None:
            continue
        if (failure := restless(fn, x, before)) is not None:
            raise failure
        if mismatch(after, before, Rules()) is None:
            raise CheckFailed(INVARIANT, INVARIANT)
        held_to(after, wanted, Rules(), name="the result for permuted positions")


@check
def unchanged(fn: Callable, *args: Any, expected: Any = None, **kwargs: Any) -> None:
    """Hold that `fn(*args, **kwargs)` changes no argument in place, and is `expected` if that is given.

    Raises CheckFailed that names the argument.
    """
    names = argument_names(fn, args, kwargs)
    given = [*args, *kwargs.values()]
    before = map_leaves(lambda v: v.detach().clone() if isinstance(v, torch.Tensor) else v, given)
    result = fn(*args, **kwargs)
    if expected is not None:
        held_to(result, expected, Rules())
    changed = [name for name, old, new in zip(names, before, given, strict=True) if not identical(old, new)]
    changed += [name for name in getattr(fn, "changed_by_last_call", None) or [] if isinstance(name, str)]
    if changed:
        raise CheckFailed(f"the call changed {changed[0]} in place: work on a new tensor or on a .clone()", IN_PLACE)


def length(x: torch.Tensor, axis: int, who: str) -> int:
    """How many positions x has along `axis`; at least two, or there is nothing to hold."""
    if not isinstance(x, torch.Tensor) or not -x.dim() <= axis < x.dim():
        raise TypeError(f"check.{who}: x must be a tensor with an axis {axis}")
    if x.shape[axis] < 2:
        raise ValueError(f"check.{who}: x needs at least two positions along axis {axis}")
    return x.shape[axis]


def first_output(fn: Callable, x: torch.Tensor) -> torch.Tensor:
    """The first tensor that `fn` returns for a copy of x, outside any graph and free of NaN."""
    with torch.no_grad():
        result = fn(x.detach().clone())
    found = tensors(result)
    if not found:
        raise CheckFailed(wrong_type(result))
    if found[0].isnan().any():
        raise CheckFailed("the result holds NaN")
    return found[0].detach().clone()


def output_axis(out: torch.Tensor, x: torch.Tensor, axis: int) -> int:
    """Where the output has x's axis of positions: counted from the front, else from the back."""
    front = axis % x.dim()
    for place in (front, front - x.dim()):
        if -out.dim() <= place < out.dim() and out.shape[place] == x.shape[axis]:
            return place % out.dim()
    raise CheckFailed(
        f"the result has no axis of {x.shape[axis]} positions where x has it: its shape is {tuple(out.shape)}"
    )


def changed_after(x: torch.Tensor, axis: int, t: int) -> torch.Tensor:
    """A copy of x in which every value after position t is another one."""
    x = x.detach().clone()
    future = x.narrow(axis, t + 1, x.shape[axis] - t - 1)
    if x.dtype == torch.bool:
        future.logical_not_()
    elif x.is_floating_point():
        future.add_(torch.randn_like(future).mul_(3) + future.sign())
    else:
        low, high = x.min(), x.max()
        if low == high:
            raise ValueError("check.causal: x holds one token id only")
        shift = 1 + torch.randint_like(future, int(high - low))  # 1 … range: never back to the same id
        future.copy_(low + (future - low + shift) % (high - low + 1))
    return x


def leak(past: torch.Tensor, same_past: torch.Tensor, place: int, t: int) -> CheckFailed:
    """Say which position saw what it may not see."""
    moved = (past.double() - same_past.double()).abs().movedim(place, 0).reshape(t + 1, -1).amax(1)
    seen = f"the output at position {int(moved.argmax())} changes when only what follows position {t} is changed"
    return CheckFailed(f"{LEAK}: {seen}", LEAK)


def restless(fn: Callable, x: torch.Tensor, before: torch.Tensor) -> CheckFailed | None:
    """The failure of a function that does not repeat itself: then nothing else can be said of it."""
    again = first_output(fn, x)
    return CheckFailed(RESTLESS, RESTLESS) if mismatch(again, before, Rules()) is not None else None


def derangement(count: int) -> torch.Tensor:
    """A random permutation that leaves no position in its place."""
    order = torch.randperm(count)
    return order[(order.argsort() + 1) % count]


def identical(old: Any, new: Any) -> bool:
    """Are two arguments the same to the last bit? NaN equals NaN; containers are compared item by item."""
    old, new = leaves(old), leaves(new)
    return len(old) == len(new) and all(same_leaf(a, b) for a, b in zip(old, new, strict=True))


def same_leaf(old: Any, new: Any) -> bool:
    """Are two leaves the same? Only tensors and plain values are looked at."""
    if isinstance(old, torch.Tensor):
        same = isinstance(new, torch.Tensor) and old.shape == new.shape
        return same and bool(((old == new) | ((old != old) & (new != new))).all())
    return not isinstance(old, int | float | str) or old == new or old != old
