"""Learning curves show the losses that they are given."""

import matplotlib
import numpy as np
import pytest

from course.plots import style
from course.plots.palette import COLOURS
from course.plots.training import learning_curves


def test_each_run_is_a_line_on_a_logarithmic_scale(ax):
    learning_curves(ax, {"one": [4.0, 2.0, 1.0], "two": [3.0, 3.0]}, every=10)
    one, two = ax.lines
    np.testing.assert_array_equal(one.get_xdata(), [10, 20, 30])
    np.testing.assert_array_equal(one.get_ydata(), [4.0, 2.0, 1.0])
    assert [two.get_label(), ax.get_yscale()] == ["two", "log"]


def test_a_point_is_the_mean_of_its_window_at_its_last_step(ax):
    learning_curves(ax, {"run": [4.0, 2.0, 1.0, 3.0]}, every=5, window=2)
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [10, 15, 20])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [3.0, 1.5, 2.0])


def test_a_run_shorter_than_its_window_is_refused(ax):
    with pytest.raises(RuntimeError, match="maximum size"):
        learning_curves(ax, {"run": [1.0]}, window=2)


def test_the_style_has_the_colours_of_the_palette():
    with matplotlib.rc_context():
        style.use()
        assert [entry["color"] for entry in matplotlib.rcParams["axes.prop_cycle"]] == list(COLOURS)
