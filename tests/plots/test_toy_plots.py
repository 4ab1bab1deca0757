"""The toy task's plot shows the numbers that it is given."""

import numpy as np
import pytest

from course.data import toy
from course.plots.toy import signals


@pytest.mark.parametrize("with_output", [False, True])
def test_signal_target_and_output_are_drawn(ax, with_output: bool):
    x, y = (side[0, 0] for side in toy.sequences(1, seed=3))
    signals(ax, x, y, x + y if with_output else None)
    expected = {"input": x, "target": y} | ({"output": x + y} if with_output else {})
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert drawn.keys() == expected.keys()
    for name, curve in expected.items():
        np.testing.assert_allclose(drawn[name], curve)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(expected)
