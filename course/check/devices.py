"""check.runs_on_any_device: right on a GPU too, held without one."""

from collections.abc import Callable
from typing import Any

from course.check import stand_in
from course.check.failure import CheckFailed, check, failing_line
from course.check.values import Rules, held_to

NO_CAUSE = "the call does not run on another device than the CPU"


@check
def runs_on_any_device(fn: Callable, *args: Any, expected: Any, **kwargs: Any) -> None:
    """Hold that `fn(*args, **kwargs)` is `expected` when everything it is given is on another device.

    `fn` is a function or a module; its parameters and buffers move too. Needs no GPU: see
    course.check.stand_in. Every tensor that `fn` makes must be made on the device of its inputs.

    Raises CheckFailed that names the mistake: a tensor made on the CPU, moved there, or kept there from
    before.
    """
    elsewhere = getattr(fn, "on_stand_in_device", None)
    try:
        result = elsewhere(*args, **kwargs) if elsewhere is not None else stand_in.run(fn, args, kwargs)
    except Exception as error:
        if not is_mixed(error):
            raise
        raise failure(error) from error
    held_to(result, expected, Rules(), name="the result on another device")


def is_mixed(error: Exception) -> bool:
    """Is this the stand-in's MixedDevices, raised here or in another process?"""
    return isinstance(error, stand_in.MixedDevices) or getattr(error, "type_name", None) == "MixedDevices"


def failure(error: Exception) -> CheckFailed:
    """The failure that names the mistake. Another process's text is taken only if it starts as ours does."""
    text = getattr(error, "message", None) or str(error)
    mistake = next((m for m in stand_in.MISTAKES if text.startswith(m)), None)
    line = getattr(error, "line", None)
    where = f"line {line} of your cell" if isinstance(line, int) else failing_line(error.__traceback__) or ""
    return CheckFailed(text if mistake else NO_CAUSE, mistake, where)
