"""check.shape: shapes in the language of axis names."""

from typing import Any

import torch

from course.check.failure import CheckFailed, check
from course.check.naming import wrong_type


@check
def shape(actual: Any, axes: str, /, **sizes: int) -> None:
    """Hold that the tensor `actual` has the named axes.

    `check.shape(out, "batch queries d_v", batch=2, queries=3, d_v=5)`

    Raises CheckFailed that names the axis that is wrong; TypeError if a name has no size or a size no name.
    """
    names = axes.split()
    if len(set(names)) < len(names):
        raise ValueError(f"check.shape: an axis comes twice in {axes!r}")
    if missing := [name for name in names if name not in sizes]:
        raise TypeError(f"check.shape: no size was given for axis {', '.join(missing)}")
    if unknown := [name for name in sizes if name not in names]:
        raise TypeError(f"check.shape: unknown axis {', '.join(unknown)} (the axes are {axes!r})")
    if not isinstance(actual, torch.Tensor):
        raise CheckFailed(wrong_type(actual))
    expected = {name: sizes[name] for name in names}
    yours = tuple(actual.shape)
    if yours != tuple(expected.values()):
        raise CheckFailed(describe(expected, yours))


def describe(expected: dict[str, int], yours: tuple[int, ...]) -> str:
    """One line on how a shape differs from the named one."""
    spoken = ", ".join(f"{name}={size}" for name, size in expected.items())
    if len(yours) != len(expected):
        count = f"{len(expected)} {'axis' if len(expected) == 1 else 'axes'}"
        return f"expected {count} ({spoken}); yours has {len(yours)}: {yours}"
    wrong = [(name, size, own) for (name, size), own in zip(expected.items(), yours, strict=True) if size != own]
    distinct = len(set(expected.values())) == len(expected)
    if distinct and sorted(yours) == sorted(expected.values()):
        names = {size: name for name, size in expected.items()}
        reason = "the axes are in the order " + ", ".join(names[own] for own in yours)
    else:
        reason = "; ".join(f"axis {name} should be {size} and is {own}" for name, size, own in wrong)
    return f"expected ({spoken}); yours is {yours}: {reason}"
