"""How far two values may lie apart: a table by dtype, scaled to the values at hand.

A value passes where |actual - expected| <= rtol·|expected| + atol. The lower precision of the two dtypes
decides:

| dtype             | rtol | in eps | room for                                              |
| ----------------- | ---- | ------ | ----------------------------------------------------- |
| float64           | 5e-7 | 2e9    | a constant such as √d that was rounded to float32     |
| float32, a number | 2e-5 | 170    | a sum of thousands of terms, taken in another order   |
| float16           | 5e-3 | 5      | a chain of rounded steps: scores, softmax, mean       |
| bfloat16          | 4e-2 | 5      | the same                                              |
| integers, bool    | 0    |        | nothing: they are exact                               |

atol is rtol times the *typical size* of the expected values: rounding errors of a sum are as large as its
terms, not as its result. So zeros do not pass for a small gradient, and a mask's -1e9 does not drown the
scores beside it. It is at least rtol/40 (5e-7 in float32), so that a rounding error passes where the expected
value is an exact 0.
"""

from typing import Any

import torch

RTOL = {torch.float64: 5e-7, torch.float32: 2e-5, torch.float16: 5e-3, torch.bfloat16: 4e-2}

SMALLEST_SIZE = 1 / 40


def dtype_of(value: Any) -> torch.dtype:
    """The dtype that decides a tolerance. A Python float counts as float32: most come out of such a
    tensor.
    """
    if isinstance(value, torch.Tensor):
        return value.dtype
    if isinstance(value, bool):
        return torch.bool
    return torch.int64 if isinstance(value, int) else torch.float32


def relative(*dtypes: torch.dtype) -> float:
    """The relative tolerance of the lowest precision among `dtypes`; 0 if none is floating."""
    return max((RTOL.get(d, 5 * torch.finfo(d).eps) for d in dtypes if d.is_floating_point), default=0.0)


def typical_size(expected: torch.Tensor) -> float:
    """A magnitude that most entries of `expected` share: float64 in, a number ≥ 0 out.

    At most the largest magnitude. Up to 1 that is taken as it is; beyond 1, eight times the lower tenth (for
    normal noise that is its standard deviation), so that a few huge entries, as masks have them, do not
    count.
    """
    size = expected[expected.isfinite() & (expected != 0)].abs().flatten()
    if size.numel() == 0:
        return 0.0
    largest = size.max().item()
    lower_tenth = size.kthvalue(1 + (size.numel() - 1) // 10).values.item()
    return max(min(1.0, largest), min(largest, 8 * lower_tenth))


def bounds(
    actual_dtype: torch.dtype,
    expected_dtype: torch.dtype,
    expected: torch.Tensor,
    rtol: float | None = None,
    atol: float | None = None,
) -> tuple[float, float]:
    """The (rtol, atol) to compare with; either one given by the author stands as it is."""
    usual = relative(actual_dtype, expected_dtype)
    atol = usual * max(typical_size(expected), SMALLEST_SIZE) if atol is None else atol
    return (usual if rtol is None else rtol), atol
