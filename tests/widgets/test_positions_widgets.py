"""The clocks turn at once, and what they say is true."""

import math
import re

import pytest

from course.models.positions import angles
from course.widgets.positions import clocks


@pytest.fixture
def widget():
    return clocks(angles)


def said(widget, pattern: str) -> float:
    return float(re.search(pattern, widget.sentence)[1].replace(",", ""))


def test_each_control_changes_what_is_seen_at_once(widget, hold_quick):
    hold_quick(widget, "k", [-7, 5, 12])
    hold_quick(widget, "t", [0, 11, 40])
    hold_quick(widget, "pair", [0, 3, 7])
    hold_quick(widget, "d_model", [8, 64, 512])


def test_the_sentence_gives_angle_wavelength_and_share(widget):
    for name, value in (("d_model", 64), ("pair", 5), ("k", -6), ("t", 9)):
        widget.controls[name].value = value
    omega = 10_000 ** (-2 * 5 / 64)
    assert said(widget, r"ωk = (-?[\d.]+) rad") == pytest.approx(-6 * omega, abs=1e-3)
    assert said(widget, r"a turn in ([\d.,]+) positions") == pytest.approx(2 * math.pi / omega, abs=0.1)
    assert said(widget, r"cos ωk = (-?[\d.]+)") == pytest.approx(math.cos(6 * omega), abs=0.01)


def test_the_angle_is_the_same_for_every_t(widget):
    spoken = set()
    for t in (0, 7, 31):
        widget.controls["t"].value = t
        spoken.add(said(widget, r"ωk = (-?[\d.]+) rad"))
    assert len(spoken) == 1


def test_a_smaller_d_model_has_fewer_pairs(widget):
    widget.controls["d_model"].value = 64
    widget.controls["pair"].value = 31
    widget.controls["d_model"].value = 8
    assert widget.controls["pair"].max == widget.controls["pair"].value == 3
    assert "Pair 3 of 4, d_model = 8" in widget.sentence
