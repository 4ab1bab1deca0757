"""Pictures of positions show the table they are given, and the angles between hands."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from course.models.positions import sinusoidal
from course.plots import positions

PE = sinusoidal(20, 8)


def test_the_table_is_drawn_row_by_row(ax):
    positions.table(ax, PE)
    np.testing.assert_allclose(ax.images[0].get_array(), PE)
    assert (ax.get_ylabel(), ax.images[0].get_clim()) == ("position t", (-1, 1))


def test_waves_are_columns_and_the_dots_one_row(ax):
    positions.waves(ax, PE, [0, 5], at=7)
    first, dot, second, _ = ax.lines[:4]
    np.testing.assert_allclose(first.get_ydata(), PE[:, 0])
    shifted = np.asarray(second.get_ydata())
    np.testing.assert_allclose(shifted - shifted[0], PE[:, 5] - PE[0, 5], atol=1e-5)
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (7, pytest.approx(PE[7, 0].item()))
    assert [text.get_text() for text in ax.texts] == [f"{PE[7, column]:.2f}" for column in (0, 5)]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["column 0", "column 5"]


def test_wavelengths_beside_the_longest_sequence(ax):
    positions.wavelengths(ax, torch.tensor([6.0, 60.0, 600.0]), 50)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [6, 60, 600])
    assert set(ax.lines[1].get_ydata()) == {50}
    assert ax.get_yscale() == "log"


@pytest.mark.parametrize(("omega", "t", "k"), [(0.3, 4, 3), (1.0, 2, -5), (0.01, 7, 0)])
def test_hands_point_to_cosine_and_sine_and_the_arc_spans_the_angle_between(ax, omega: float, t: int, k: int):
    positions.clock(ax, omega, t, k)
    for line, when in ((ax.lines[1], t), (ax.lines[3], t + k)):
        tip = line.get_xdata()[-1], line.get_ydata()[-1]
        np.testing.assert_allclose(tip, (math.cos(omega * when), math.sin(omega * when)))
    (arc,) = ax.patches
    assert math.radians(arc.theta2 - arc.theta1) == pytest.approx(min(abs(omega * k), 2 * math.pi))


def test_the_waves_of_a_pair_pass_through_its_two_positions(ax):
    positions.pair_of_waves(ax, 0.5, 3, 4, 64)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.sin(0.5 * ax.lines[0].get_xdata()), atol=1e-6)
    np.testing.assert_allclose(ax.lines[1].get_ydata(), np.cos(0.5 * ax.lines[1].get_xdata()), atol=1e-6)
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == [3, 7]


def test_similarity_shows_the_products(ax):
    positions.similarity(ax, PE @ PE.T, title="alike")
    np.testing.assert_allclose(ax.images[0].get_array(), PE @ PE.T)
    assert ax.get_title() == "alike"


def test_the_mean_of_a_diagonal_stands_at_its_distance(ax):
    matrix = torch.rand(8, 8)
    positions.by_distance(ax, {"random": matrix, "sines": PE[:8] @ PE[:8].T}, ylabel="product")
    np.testing.assert_allclose(ax.lines[0].get_ydata()[3], matrix.diagonal(3).mean(), rtol=1e-6)
    band, flat = (collection.get_paths()[0].vertices[:, 1] for collection in ax.collections)
    assert band.min() == pytest.approx(min(matrix.diagonal(n).min().item() for n in range(6)))
    heights = torch.tensor(ax.lines[1].get_ydata())
    torch.testing.assert_close(heights, (PE[:8] @ PE[0])[:6])  # sines: distance alone, no band
    assert flat.max() == pytest.approx(4.0, rel=1e-5)


def test_shares_are_drawn_over_the_scale(ax):
    scales, same, near = torch.tensor([0.1, 1.0]), torch.tensor([0.0, 1.0]), torch.tensor([0.9, 0.1])
    positions.closeness(ax, scales, same, near)
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(drawn["the same word"], same)
    np.testing.assert_allclose(drawn["the place next to it"], near)
    assert ax.get_xscale() == "log"
    plt.close(ax.figure)
