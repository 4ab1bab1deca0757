"""A heat map shows the matrix that it is given, with what its rows and columns stand for."""

import numpy as np
import torch

from course.plots.matrices import heat_map


def test_it_draws_the_numbers_on_the_axes_it_is_given(ax):
    matrix = torch.rand(3, 5)
    assert heat_map(matrix, rows="query", columns="key", title="weights", axes=ax) is ax
    (picture,) = ax.images
    np.testing.assert_allclose(picture.get_array(), matrix.numpy())
    assert (ax.get_ylabel(), ax.get_xlabel(), ax.get_title()) == ("query", "key", "weights")
    assert picture.get_clim() == (0, 1)
    assert picture.colorbar is not None


def test_words_stand_beside_their_rows_and_columns(ax):
    words = (["le", "chat"], ["the", "black", "cat"])
    heat_map(torch.rand(2, 3), rows="", columns="", ticks=words, axes=ax)
    shown = [[label.get_text() for label in side] for side in (ax.get_yticklabels(), ax.get_xticklabels())]
    assert shown == list(words)
    np.testing.assert_array_equal(ax.get_xticks(), [0, 1, 2])


def test_its_range_can_be_chosen_and_a_graph_is_no_hindrance():
    ax = heat_map(torch.randn(2, 2, requires_grad=True), rows="", columns="", bottom=-1, top=0.5)
    assert ax.images[0].get_clim() == (-1, 0.5)
