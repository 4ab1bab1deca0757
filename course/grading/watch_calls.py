"""Watches for forbidden calls while an answer runs: what the source alone does not tell (own_work.py).

A call that was made through `getattr` with a computed name, or through `exec`, is seen here. This runs beside the
student's code and can be undone by it: it may cost points, it never gives any.
"""

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_TORCH = str(Path(torch.__file__).parent)


class CallWatch(TorchFunctionMode):
    """Notes the calls of forbidden torch functions that the student's own code makes: name -> line, or None.

    forbids: full names such as "torch.nn.functional.softmax". A class among them is seen through the functions that it
    calls; a call by a stand-in or a setup cell is none of the student's.
    """

    def __init__(self, forbids: Iterable[str]):
        super().__init__()
        self._names = {function: name for name in forbids if (function := _resolve(name)) is not None}
        self.found: dict[str, int | None] = {}

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func in self._names:
            by_student, line = _caller(sys._getframe(1))
            if by_student:
                self.found.setdefault(self._names[func], line)
        return func(*args, **(kwargs or {}))


def _resolve(name: str) -> Any:
    """The function of this full name; None if there is none, or if it is a class."""
    module, *path = name.split(".")
    value = importlib.import_module(module)
    for part in path:
        value = getattr(value, part, None)
    return None if isinstance(value, type) else value


def _caller(frame: FrameType | None) -> tuple[bool, int | None]:
    """Is the first caller outside of torch the student's code, and on which line of an answer cell?"""
    while frame is not None and frame.f_code.co_filename.startswith(_TORCH):
        frame = frame.f_back
    if frame is None:
        return False, None
    label = frame.f_code.co_filename
    if label.startswith("<A"):
        return True, frame.f_lineno
    return label.startswith("<"), None  # "<a helper cell>", "<string>"; a file's path is a library's
