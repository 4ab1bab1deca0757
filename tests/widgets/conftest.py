"""What the tests of widgets share."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from course.widgets.explorer import Explorer

MOST_SECONDS = 0.1  # of processor time: what feels like at once


def react(widget: Explorer, name: str, values: Iterable[Any]) -> list[float]:
    """Move one control through `values`: each must change picture and sentence; returns the seconds that each took."""
    seconds = []
    for value in values:
        before = widget.png, widget.sentence
        begun = time.process_time()
        widget.controls[name].value = value
        seconds.append(time.process_time() - begun)
        assert widget.png != before[0], f"{name} = {value!r} does not change the picture"
        assert widget.sentence != before[1], f"{name} = {value!r} does not change the sentence"
    return seconds


@pytest.fixture
def hold_quick() -> Callable[[Explorer, str, Iterable[Any]], None]:
    """Holds that a control changes what is seen, and does so at once (the median of its moves)."""

    def hold(widget: Explorer, name: str, values: Iterable[Any]) -> None:
        seconds = sorted(react(widget, name, values))
        assert seconds[len(seconds) // 2] < MOST_SECONDS, f"{name} takes {seconds[len(seconds) // 2]:.2f} s"

    return hold
