"""A photograph is cut, shown and put together again."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from course.plots import patches


def cut(photo: torch.Tensor, size: int) -> torch.Tensor:
    """Patch by patch, with a loop."""
    height, width = photo.shape[:2]
    tiles = [photo[y : y + size, x : x + size] for y in range(0, height, size) for x in range(0, width, size)]
    return torch.stack([tile.flatten() for tile in tiles])


def test_the_grid_lies_between_patches(ax):
    photo = torch.rand(12, 20, 3)
    patches.grid(ax, photo, 4, title="cut")
    np.testing.assert_allclose(ax.images[0].get_array(), photo)
    ys = [line.get_ydata()[0] for line in ax.lines if len(set(line.get_ydata())) == 1]
    xs = [line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1]
    assert (ys, xs) == ([3.5, 7.5], [3.5, 7.5, 11.5, 15.5])


def test_assembling_undoes_cutting():
    photo = torch.rand(12, 20, 3)
    torch.testing.assert_close(patches.assembled(cut(photo, 4), 3, 4), photo)


def test_the_gallery_shows_each_patch_above_its_vector():
    photo = torch.rand(12, 20, 3)
    cuts, embedded = cut(photo, 4), torch.randn(15, 6)
    figure, axes = plt.subplots(2, 2)
    patches.gallery(axes.flatten(), cuts, embedded, [7, 2], 4)
    np.testing.assert_allclose(axes[0, 0].images[0].get_array(), photo[4:8, 8:12])
    np.testing.assert_allclose(axes[1, 1].images[0].get_array()[:, 0], embedded[2])
    assert [ax.get_title() for ax in axes[0]] == ["patch 7", "patch 2"]
    plt.close(figure)


def test_photographs_stand_side_by_side_within_the_range_of_colours():
    figure, axes = plt.subplots(1, 2)
    photos = [torch.rand(4, 4, 3), 3 * torch.randn(4, 4, 3)]
    patches.side_by_side(axes, photos, ["a", "b"])
    np.testing.assert_allclose(axes[0].images[0].get_array(), photos[0])
    np.testing.assert_allclose(axes[1].images[0].get_array(), photos[1].clamp(0, 1))
    assert [ax.get_title() for ax in axes] == ["a", "b"]
    plt.close(figure)
