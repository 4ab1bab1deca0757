"""Who reads whom in each kind of layer, how long the ways are, and what the plots say about costs."""

import math

import numpy as np
import pytest

from course.plots import complexity


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("T", [2, 9, 26])
def test_paths_are_those_of_the_formulas(T: int, k: int):
    length = complexity.path_length
    assert length(complexity.self_attention(T)) == 1
    assert length(complexity.recurrence(T)) == T
    assert length(complexity.convolutions(T, k, dilated=False)) == math.ceil((T - 1) / (k - 1))
    layers = next(n for n in range(T) if k**n >= T)
    assert length(complexity.convolutions(T, k, dilated=True)) == layers


def test_what_reads_what():
    assert len(complexity.self_attention(4)) == 16
    assert set(complexity.recurrence(3)) == {((t, 0), (t, 1)) for t in range(3)} | {((0, 1), (1, 1)), ((1, 1), (2, 1))}
    edges = complexity.convolutions(5, 3, dilated=True)
    assert {source[0] for source, target in edges if target == (4, 2)} == {4, 1}  # strides of 3 in the second layer
    assert all(source[0] >= 0 and source[1] + 1 == target[1] for source, target in edges)


def test_a_path_is_connected_and_the_shortest():
    edges = [((0, 0), (1, 1)), ((1, 1), (2, 2)), ((2, 2), (3, 3)), ((1, 1), (3, 3))]
    assert complexity.shortest_path(edges, (0, 0), (3, 3)) == [((0, 0), (1, 1)), ((1, 1), (3, 3))]


def test_where_no_way_leads_it_says_so():
    with pytest.raises(ValueError, match="no way leads"):
        complexity.shortest_path([((0, 0), (0, 1))], (0, 0), (1, 1))


def test_the_drawing_has_every_edge_and_an_arrow_for_each_of_the_way(ax):
    edges = complexity.convolutions(9, 3, dilated=False)
    length = complexity.connectivity(ax, edges, title="convolution")
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    plain = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert (length, len(arrows)) == (4, 4)
    assert len(plain) + len(arrows) == len(edges)
    assert ax.get_title() == "convolution"


def test_dots_are_measured_lines_are_formulas_and_share_a_colour(ax):
    sizes = [4, 8, 16]
    complexity.scaling(
        ax, sizes, {"a": [1, 2, 5], "b": [3, 3, 3]}, {"a": [1, 2, 4]}, ylabel="cost", crossings={"T = 8": (8, 2)}
    )
    line, dots, other, circle = ax.lines
    np.testing.assert_array_equal(line.get_ydata(), [1, 2, 4])
    np.testing.assert_array_equal(dots.get_ydata(), [1, 2, 5])
    assert (line.get_marker(), dots.get_linestyle()) == ("None", "None")
    assert line.get_color() == dots.get_color() != other.get_color()
    assert (circle.get_xdata()[0], circle.get_ydata()[0]) == (8, 2)
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylabel()) == ("log", "log", "cost")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
