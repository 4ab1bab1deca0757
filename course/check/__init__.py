"""Checks that name the mistake: what a test cell calls. `from course import check`

    close(actual, expected, *, mistakes, rtol, atol, dtype, name)  the value is the expected one
    shape(actual, "batch queries d_v", batch=2, queries=3, d_v=5)  the axes are the expected ones
    gradient(fn, *args, reference, mistakes)                       gradients flow and are right
    unchanged(fn, *args, expected, **kwargs)                       no argument is changed in place
    runs_on_any_device(fn, *args, expected, **kwargs)              right on a GPU too, held without one
    causal(fn, x, *, axis=-2)                                      no position sees a later one
    equivariant(fn, x, *, axis=-2)                                 permuted positions give permuted results
    raises(exception_type, fn, *args, match, **kwargs)             the right error is raised

    sizes("B T S d_k d_v", low=2, high=9)                          random distinct sizes
    budget(full=2000, graded=200)                                  fewer steps while a submission is graded

    CheckFailed      what a check raises: .message (no values), .mistake, .details (values side by side)
    ledger           .passed counts the checks that held since ledger.reset()
    stand_in         stand_in.run(fn, args, kwargs): a call on the stand-in device

A check that is used wrongly raises TypeError or ValueError, never CheckFailed. Tolerances:
course.check.tolerance.
"""

from course.check import ledger, stand_in
from course.check.budgets import budget
from course.check.devices import runs_on_any_device
from course.check.draw import sizes
from course.check.errors import raises
from course.check.failure import CheckFailed
from course.check.gradients import gradient
from course.check.properties import causal, equivariant, unchanged
from course.check.shapes import shape
from course.check.values import close

__all__ = [
    "CheckFailed",
    "budget",
    "causal",
    "close",
    "equivariant",
    "gradient",
    "ledger",
    "raises",
    "runs_on_any_device",
    "shape",
    "sizes",
    "stand_in",
    "unchanged",
]
