"""Patches stand in their order, maps are those of the numbers, and the diagram has all that the model has."""

import numpy as np
import pytest
import torch

from course.plots import vision
from tests.support.pictures import texts


def cut(picture: torch.Tensor, size: int) -> torch.Tensor:
    """Patch by patch, with a loop."""
    _, height, width = picture.shape
    tiles = [picture[:, y : y + size, x : x + size] for y in range(0, height, size) for x in range(0, width, size)]
    return torch.stack([tile.flatten() for tile in tiles])


def test_a_photograph_keeps_its_colours_and_a_drawing_is_ink_on_paper(ax):
    photo = torch.rand(3, 4, 6)
    vision.show(ax, photo)
    np.testing.assert_allclose(ax.images[0].get_array(), photo.permute(1, 2, 0))
    vision.show(ax, photo[:1])
    np.testing.assert_allclose(ax.images[1].get_array(), photo[0])
    assert ax.images[1].cmap(1.0)[:3] == (0, 0, 0) and ax.images[1].get_clim() == (0, 1)


def test_the_sequence_shows_each_patch_in_its_turn(figure):
    photo = torch.rand(3, 12, 9)
    vision.as_sequence(figure, photo, cut(photo, 3), 3)
    whole, row = figure.axes
    assert whole.get_title() == "12 patches" and "12 tokens, 27 numbers" in row.get_title()
    assert len(row.images) == 12
    np.testing.assert_allclose(row.images[4].get_array(), photo[:, 3:6, 3:6].permute(1, 2, 0))
    places = [(image.get_extent()[0], -image.get_extent()[2]) for image in row.images]
    assert sorted(places, key=lambda place: (place[1], place[0])) == places  # as one reads
    assert texts(row) == [f"$x_{{{i}}}$" for i in range(1, 13)]


def test_lines_lie_between_patches(ax):
    vision.lines(ax, torch.rand(1, 8, 12), 4)
    across, down = (collection.get_segments() for collection in ax.collections)
    assert [segment[0][1] for segment in across] == [3.5]
    assert [segment[0][0] for segment in down] == [3.5, 7.5]


def test_cost_is_the_square_of_the_number_of_tokens(ax):
    vision.cost(ax, 48, [4, 6, 8, 16], 8)
    assert ax.lines[0].get_ydata().tolist() == [144**2, 64**2, 36**2, 9**2]
    assert (ax.lines[1].get_xdata(), ax.lines[1].get_ydata()) == ([8], [1296])


def test_the_diagram_has_every_token_and_both_residuals(ax):
    photo = torch.rand(3, 6, 6)
    vision.model(ax, cut(photo, 2), 2, "cat")
    assert len(ax.images) == 9
    np.testing.assert_allclose(ax.images[5].get_array(), photo[:, 2:4, 4:6].permute(1, 2, 0))
    words = texts(ax)
    assert [f"${i}$" for i in range(10)] == [word for word in words if word.strip("$").isdigit()]
    assert words.count("+") == 2 and words.count("layer norm") == 2 and words.count("$*$") == 1
    assert {"head", "cat", "multi-head attention", "MLP, GELU", "$z_L^0$"} <= set(words)


def test_accuracy_is_drawn_with_its_spread_and_pairs_share_a_colour(ax):
    found = {name: {10: (0.5, 0.4, 0.7), 100: (0.9, 0.8, 0.95)} for name in ("ViT", "linear", "ViT, moved")}
    vision.accuracy_by_pictures(ax, found)
    plain, linear, moved = (container.lines[0] for container in ax.containers)
    assert plain.get_ydata().tolist() == [0.5, 0.9] and plain.get_xdata().tolist() == [10, 100]
    assert plain.get_color() == moved.get_color() != linear.get_color()
    assert (plain.get_linestyle(), moved.get_linestyle()) == ("--", "-")
    bars = ax.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], [[0.4, 0.7], [0.8, 0.95]])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [*found]


def test_positions_are_compared_by_their_cosine(figure):
    positions = torch.randn(6, 5)
    vision.position_similarity(figure, positions, columns=3)
    maps = figure.axes[:6]
    for i in (0, 4):
        expected = torch.cosine_similarity(positions[i], positions, dim=-1).reshape(2, 3)
        np.testing.assert_allclose(maps[i].images[0].get_array(), expected, atol=1e-6)
        assert maps[i].patches[0].get_xy() == (i % 3 - 0.5, i // 3 - 0.5)
    assert maps[3].get_ylabel() == "row 2" and maps[5].get_xlabel() == "column 3"


def test_filters_are_centred_on_white(figure):
    kernels = torch.randn(3, 6 * 6)
    vision.filters(figure, kernels, 6, ["a", "b", "c"])
    for ax, kernel in zip(figure.axes, kernels, strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), kernel.reshape(6, 6))
        assert ax.images[0].get_clim() == pytest.approx((-kernel.abs().max().item(), kernel.abs().max().item()))


def test_the_veil_is_denser_where_the_weight_is_larger(ax):
    weights = torch.tensor([[0.1, 0.4], [0.2, 0.0]])
    vision.looks(ax, torch.rand(1, 8, 8), weights, title="map")
    veil = ax.images[1].get_array()
    np.testing.assert_allclose(veil[..., 3], 0.65 * weights / 0.4, rtol=1e-5)
    assert ax.images[1].get_extent() == [-0.5, 7.5, 7.5, -0.5]
    ax.clear()
    vision.looks(ax, torch.rand(3, 8, 8), weights, top=0.2)
    np.testing.assert_allclose(ax.images[1].get_array()[..., 3], 0.65 * (weights / 0.2).clamp(max=1), rtol=1e-5)
