"""What a failed check is and how it shows itself: one line, two values, none of this library's frames."""

import functools
import linecache
import os
from collections.abc import Callable
from types import TracebackType

import torch

from course.check import ledger

HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
RED, PLAIN = "\x1b[1;31m", "\x1b[0m"


class CheckFailed(AssertionError):
    """A check did not hold.

    Attributes:
        message: one short line without any value of a tensor, so that it may be shown for a hidden test
        mistake: the named mistake that was recognised, or None
        details: expected and actual side by side, as text; may hold values
        picture: (expected, actual) tensors to draw in a notebook, or None
    """

    def __init__(
        self,
        message: str,
        mistake: str | None = None,
        details: str = "",
        picture: tuple[torch.Tensor, torch.Tensor] | None = None,
    ):
        super().__init__(message)
        self.message = message
        self.mistake = mistake
        self.details = details
        self.picture = picture
        self._drawn = False

    def __str__(self) -> str:
        return f"{self.message}\n\n{self.details}" if self.details else self.message

    def _render_traceback_(self) -> list[str]:
        """What IPython prints for a traceback: the message, the values, the line of the test cell."""
        lines = [f"{RED}{self.message}{PLAIN}"]
        if not self._draw() and self.details:
            lines += ["", *self.details.splitlines()]
        where = failing_line(self.__traceback__)
        return lines + (["", where] if where else [])

    def _draw(self) -> bool:
        """Draw the picture, once, if this is a notebook that can; True if it is there to be seen."""
        if self._drawn or self.picture is None:
            return self._drawn
        from course.check import picture  # only here: matplotlib and IPython are not needed to run a check

        self._drawn = picture.show(*self.picture)
        return self._drawn


def check(function: Callable) -> Callable:
    """Make `function` a public check: counted when it holds, its own frames cut off what it raises."""

    @functools.wraps(function)
    def held(*args, **kwargs):
        __tracebackhide__ = True  # pytest leaves this frame out
        try:
            result = function(*args, **kwargs)
        except CheckFailed as failure:
            failure.__cause__, failure.__suppress_context__ = None, True
            failure.__traceback__ = None  # a bare raise then starts it anew in the caller, the test cell
            raise
        except Exception as error:  # the student's code, or the author's use: theirs are the frames worth seeing
            error.__traceback__ = without_frames_of(error.__traceback__, HERE)
            raise
        ledger.count()
        return result

    return held


def without_frames_of(traceback: TracebackType | None, *folders: str) -> TracebackType | None:
    """The same traceback without the frames of files inside `folders`."""
    kept = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(folders):
            kept.append(traceback)
        traceback = traceback.tb_next
    chain = None
    for entry in reversed(kept):
        chain = TracebackType(chain, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return chain


def failing_line(traceback: TracebackType | None) -> str | None:
    """The innermost line that is neither this library's nor torch's: "line 3: check.close(…)"."""
    traceback = without_frames_of(traceback, HERE, TORCH)
    if traceback is None:
        return None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    source = linecache.getline(traceback.tb_frame.f_code.co_filename, traceback.tb_lineno).strip()
    return f"line {traceback.tb_lineno}: {source}" if source else None
