"""Drawings of tokens that attend: the weights, the winners and the moved rows are those that were given."""

import numpy as np
import pytest
import torch

from course.plots import tokens
from course.plots.palette import BLUE, VERMILION
from tests.support.pictures import texts

WORDS = ["it", "looks", "floats"]


def test_the_layer_has_one_source_for_queries_keys_and_values(ax):
    shown = texts(tokens.layer(ax))
    assert [sum(text.startswith(letter) for text in shown) for letter in ("X\n", "Q:", "K:", "V:", "Y\n")] == [1] * 5
    assert {"W_Q", "W_K", "W_V"} <= set(shown)


def test_a_line_is_as_thick_as_its_weight_and_leads_from_query_to_key(ax):
    weights = torch.rand(3, 3).softmax(dim=-1)
    tokens.connections(ax, WORDS, weights)
    widths = torch.tensor([line.get_linewidth() for line in ax.lines]).reshape(3, 3)
    torch.testing.assert_close(widths / widths[0, 0], weights / weights[0, 0])
    ends = [tuple(line.get_ydata()) for line in ax.lines]
    assert ends == [(2 - row, 2 - column) for row in range(3) for column in range(3)]


def test_one_query_shows_its_weights_in_numbers(ax):
    weights = torch.tensor([[0.1, 0.7, 0.2], [0.3, 0.25, 0.45], [1.0, 0.0, 0.0]])
    tokens.connections(ax, WORDS, weights, query=1)
    assert len(ax.lines) == 3
    assert [text for text in texts(ax) if text.startswith("0.")] == ["0.30", "0.25", "0.45"]


def test_the_winner_of_each_case_is_filled(ax):
    scores = torch.tensor([[2.0, 1.0], [0.5, 0.75]])
    tokens.verdicts(ax, scores, cases=["dry", "wet"], candidates=["car", "boat"])
    heights = torch.tensor([bar.get_height() for bar in ax.patches]).reshape(2, 2).T
    torch.testing.assert_close(heights, scores, check_dtype=False)
    filled = torch.tensor([bar.get_facecolor()[3] == 1 for bar in ax.patches]).reshape(2, 2).T
    assert filled.tolist() == [[True, False], [False, True]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["car", "boat"]


def test_a_product_is_drawn_on_one_scale(figure):
    left, right = torch.randn(3, 5), torch.randn(5, 2)
    axes = figure.subplots(1, 3)
    tokens.product(axes, left, right, left @ right, names=("X", "W", "Q"))
    titles = ("X\n(3, 5)", "W\n(5, 2)", "Q\n(3, 2)")
    for ax, matrix, title in zip(axes, (left, right, left @ right), titles, strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), matrix)
        assert ax.get_title() == title
        assert ax.images[0].get_clim() == axes[0].images[0].get_clim()


def test_points_outputs_and_weights_stand_where_they_should(figure):
    points, weights = torch.rand(3, 2), torch.rand(3, 3).softmax(dim=-1)
    left, right = figure.subplots(1, 2)
    tokens.plane((left, right), points, weights, weights @ points, WORDS)
    marked = {kind: [line for line in left.lines if line.get_marker() == kind] for kind in "ox"}
    for kind, expected in (("o", points), ("x", weights @ points)):
        drawn = torch.tensor([[line.get_xdata()[0], line.get_ydata()[0]] for line in marked[kind]])
        torch.testing.assert_close(drawn, expected, check_dtype=False)
    np.testing.assert_allclose(right.images[0].get_array(), weights)
    assert texts(right) == [f"{weight:.2f}" for weight in weights.flatten().tolist()]


@pytest.mark.parametrize("changed", [False, True])
def test_a_line_follows_its_token_and_tells_whether_numbers_changed(figure, changed: bool):
    before, order = torch.randn(3, 4), torch.tensor([2, 0, 1])
    after = before[order].clone()
    after[1] += changed
    tokens.rows_move(figure, before, after, order, WORDS)
    ax = figure.axes[0]
    for image, matrix in zip(ax.images, (before, after), strict=True):
        np.testing.assert_allclose(image.get_array(), matrix)
    assert [label.get_text() for label in ax.get_yticklabels()] == WORDS
    assert texts(ax) == ["out(X)", "out(PX)", "floats", "it", "looks"]
    assert [tuple(line.get_ydata()) for line in ax.lines] == [(2, 0), (0, 1), (1, 2)]
    assert [line.get_color() for line in ax.lines] == [BLUE, VERMILION if changed else BLUE, BLUE]


def test_a_row_of_signals_has_one_legend(figure):
    axes = figure.subplots(1, 2)
    curves = [torch.rand(3, 8).unbind(), torch.rand(3, 8).unbind()]
    tokens.signal_row(axes, curves, ["a", "b"])
    for ax, signal, title in zip(axes, curves, "ab", strict=True):
        for line, curve in zip(ax.lines, signal, strict=True):
            np.testing.assert_allclose(line.get_ydata(), curve)
        assert ax.get_title() == title
    assert axes[0].get_legend() is None
    assert [text.get_text() for text in axes[1].get_legend().get_texts()] == ["input", "target", "output"]


def test_the_map_has_the_signal_along_both_axes(figure):
    signal, weights = torch.rand(8), torch.rand(8, 8)
    tokens.map_beside_signal(figure, signal, weights)
    middle, above, beside = figure.axes[:3]
    np.testing.assert_allclose(middle.images[0].get_array(), weights)
    np.testing.assert_allclose(above.lines[0].get_ydata(), signal)
    np.testing.assert_allclose(beside.lines[0].get_xdata(), signal)
    assert (middle.get_xlabel(), beside.get_ylabel()) == ("key: sample", "query: sample")
