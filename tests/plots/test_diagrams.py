"""Boxes stand where they are put, and arrows join the points that were named."""

import pytest

from course.plots.diagrams import arrow, box, canvas
from course.plots.palette import GREEN


def test_a_box_has_its_text_in_its_middle_and_its_four_points_on_its_edge(ax):
    canvas(ax, 10, 4)
    drawn = box(ax, "softmax", (3, 2), width=2, height=1, colour=GREEN)
    assert (drawn.top, drawn.bottom, drawn.left, drawn.right) == ((3, 2.5), (3, 1.5), (2, 2), (4, 2))
    (text,) = ax.texts
    assert text.get_text() == "softmax" and text.get_position() == (3, 2)
    (patch,) = ax.patches
    assert patch.get_bbox().bounds == pytest.approx((2, 1.5, 2, 1))


def test_an_outline_is_not_filled(ax):
    box(ax, "", (0, 0), filled=False)
    assert ax.patches[0].get_facecolor()[3] == 0


def test_a_canvas_has_its_size_and_no_axes(ax):
    canvas(ax, 7, 3)
    assert (ax.get_xlim(), ax.get_ylim(), ax.axison) == ((0, 7), (0, 3), False)
    assert ax.get_aspect() == 1


def test_an_arrow_joins_two_points_and_carries_its_label_in_the_middle(ax):
    arrow(ax, (1, 1), (3, 2), "Q", shift=(0, 0.5))
    start, end = ax.patches[0]._posA_posB
    assert (tuple(start), tuple(end)) == ((1, 1), (3, 2))
    assert ax.texts[0].get_position() == (2, 2)


def test_an_arrow_without_a_label_has_no_text(ax):
    arrow(ax, (0, 0), (1, 0))
    assert not ax.texts
