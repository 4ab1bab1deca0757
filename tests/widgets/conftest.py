"""What the tests of widgets share."""

import gc
import time
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

import ipywidgets
import pytest

from course.widgets.explorer import Explorer

MOST_SECONDS = 0.1  # of processor time: what feels like at once
ONE_LINE = 0.05  # what a picture of one line takes where that is promised: two cores, nothing else running


def react(widget: Explorer, name: str, values: Iterable[Any]) -> list[float]:
    """Move one control through `values`: each must change picture and sentence; returns the seconds that each took."""
    seconds = []
    for value in values:
        before = widget.png, widget.sentence
        gc.freeze()  # a collection in between is the widget's own, and does not walk through what other tests left
        begun = time.process_time()
        widget.controls[name].value = value
        seconds.append(time.process_time() - begun)
        gc.unfreeze()
        assert widget.png != before[0], f"{name} = {value!r} does not change the picture"
        assert widget.sentence != before[1], f"{name} = {value!r} does not change the sentence"
    return seconds


def busy() -> float:
    """How many times as long as on a quiet machine everything takes now; at least 1."""

    def line(figure, slope: float) -> str:
        figure.subplots().plot([0, 1], [0, slope])
        return f"slope {slope}"

    widget = Explorer(line, {"slope": ipywidgets.FloatSlider(1.0, description="slope")}, title="A line")
    return max(1.0, median(react(widget, "slope", [2.0, 3.0, 4.0])) / ONE_LINE)


@pytest.fixture
def hold_quick() -> Callable[[Explorer, str, Iterable[Any]], None]:
    """Holds that a control changes what is seen, and does so at once (the median of its moves)."""

    def hold(widget: Explorer, name: str, values: Iterable[Any]) -> None:
        before = busy()
        seconds = median(react(widget, name, values))
        slowness = max(before, busy())  # others come and go while we measure
        assert seconds < MOST_SECONDS * slowness, f"{name} takes {seconds:.2f} s; a line {slowness * ONE_LINE:.2f} s"

    return hold
