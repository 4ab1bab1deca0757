"""Masks and maps show what they are given; what seeps through layers is what a stack of attentions would show."""

import numpy as np
import pytest
import torch

from course.models.attention import attention, causal_mask
from course.plots.masks import attention_maps, cells, frame, future, mask_panels, masked_weights, reach
from tests.support.pictures import texts


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_reached_is_what_changes_when_a_token_changes(layers: int, seed: int):
    """Held to a stack of attentions with residual connections: change token j, and see which outputs move."""
    generator = torch.Generator().manual_seed(seed)
    T = 6
    mask = torch.rand(T, T, generator=generator) < 0.3
    x = 0.3 * torch.randn(T, 5, generator=generator, dtype=torch.float64)  # so that no weight is 0 by rounding

    def stack(x):
        for _ in range(layers):
            x = x + attention(x, x, x, mask)
        return x

    for j in range(T):
        other = x.clone()
        other[j] += 0.1 * torch.randn(5, generator=generator, dtype=torch.float64)
        assert ((stack(x) - stack(other)).abs().amax(-1) > 0).tolist() == reach(mask, layers)[:, j].tolist()


def test_without_layers_a_token_knows_itself_alone_and_a_causal_mask_leaks_through_no_depth():
    assert reach(causal_mask(5, 5), 0).equal(torch.eye(5, dtype=torch.bool))
    assert not (reach(causal_mask(5, 5), 4) & future(5)).any()
    assert future(3).equal(~causal_mask(3, 3))


def test_panels_show_each_mask_with_its_words(figure):
    square, wide = torch.rand(3, 3) < 0.5, torch.rand(3, 4) < 0.5
    queries, keys = ["le", "chat", "dort"], ["the", "cat", "sleeps", "."]
    masks = {"self": (square, queries, queries), "cross": (wide, queries, keys)}
    assert mask_panels(figure, masks) is figure
    for ax, (title, (mask, rows, columns)) in zip(figure.axes, masks.items(), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), mask.numpy())
        assert texts(ax) == [*rows, *columns, "query", "key"]
        assert ax.get_title() == title


def test_long_words_below_the_columns_are_turned_and_short_ones_are_not(ax):
    cells(ax, torch.ones(1, 2, dtype=torch.bool), [], ["the", "elephant"])
    assert {text.get_rotation() for text in ax.texts} == {60}
    ax.clear()
    cells(ax, torch.ones(1, 2, dtype=torch.bool), [], ["the", "cat"])
    assert {text.get_rotation() for text in ax.texts} == {0}


def test_weights_are_written_in_hundredths_and_those_on_the_future_are_framed(ax):
    weights = torch.tensor([[0.25, 0.75, 0], [0, 0, 0], [0.5, 0, 0.5]])
    masked_weights(ax, weights, ["a", "b", "c"])
    np.testing.assert_allclose(ax.images[0].get_array(), weights.numpy())
    written = {(text.get_position()[::-1], text.get_text()) for text in ax.texts if text.get_text().isdigit()}
    assert written == {((0, 0), "25"), ((0, 1), "75"), ((2, 0), "50"), ((2, 2), "50")}
    assert framed(ax) == [(0, 1)]


def framed(ax) -> list[tuple[int, int]]:
    centres = [path.get_extents() for path in ax.collections[-1].get_paths()]
    return [(round((box.y0 + box.y1) / 2), round((box.x0 + box.x1) / 2)) for box in centres]


def test_a_frame_stands_around_each_cell_that_is_true(ax):
    chosen = torch.tensor([[True, False, True], [False, True, False]])
    frame(ax, chosen)
    assert framed(ax) == [(0, 0), (0, 2), (1, 1)]


def test_each_head_of_each_layer_has_its_map_and_words_stand_at_the_outer_ones(figure):
    weights = torch.rand(2, 3, 4, 2)
    queries, keys = list("abcd"), list("xy")
    attention_maps(figure, weights, queries, keys)
    maps = figure.axes[:6]
    for i, ax in enumerate(maps):
        layer, head = divmod(i, 3)
        np.testing.assert_allclose(ax.images[0].get_array(), weights[layer, head].numpy())
        assert ax.get_title() == f"layer {layer + 1}, head {head + 1}"
        assert ax.images[0].get_clim() == (0, 1)
        assert texts(ax) == (queries if head == 0 else []) + (keys if layer == 1 else [])
    assert figure.axes[6].get_ylabel() == "weight"
