"""Pictures of CLIP show the numbers that they are given, and the lowest loss is one."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba

from course.plots import clip
from course.plots.palette import GREEN
from tests.support.pictures import texts

CAPTIONS = ["latin small e with tilde below", "greek capital alpha", "cyrillic small ha"]


@pytest.fixture
def pictures():
    return torch.rand(3, 1, 6, 5, generator=torch.Generator().manual_seed(0))


def loss(cosines: torch.Tensor, scale: float) -> float:
    """Both directions, by hand."""
    logits = scale * cosines
    own = logits.diagonal()
    return ((logits.logsumexp(0) - own) / 2 + (logits.logsumexp(1) - own) / 2).mean().item()


def test_the_towers_meet_in_a_matrix_whose_diagonal_is_filled(ax):
    clip.two_towers(ax, pairs=3, classes=2)
    cells = [text for text in texts(ax) if r"\!\cdot\!" in text]
    assert len(cells) == 3 * 3 + 2
    found = [text for text in texts(ax) if text.startswith("$T_")]
    assert len(found) == 3 + 2
    green = [patch for patch in ax.patches if patch.get_facecolor()[:3] == to_rgba(GREEN)[:3] and patch.get_fill()]
    assert len(green) >= 3 + 1  # the pairs, the chosen text (and its arrow)


def test_the_gallery_has_every_picture_in_black_on_white_with_its_caption(figure, pictures):
    clip.gallery(figure, pictures, CAPTIONS, columns=2)
    shown = [ax for ax in figure.axes if ax.images]
    assert len(shown) == 3 and len(figure.axes) == 4
    for ax, picture, caption in zip(shown, pictures, CAPTIONS, strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), 1 - picture[0])
        assert ax.get_title().replace("\n", " ") == caption
        assert max(map(len, ax.get_title().split("\n"))) <= 22


def test_the_matrix_stands_beside_its_pictures_and_pairs_are_framed(ax, pictures):
    matrix = torch.rand(3, 3) * 2 - 1
    clip.similarity(ax, pictures, CAPTIONS, matrix, title="cosine")
    heat, strip = ax.images
    np.testing.assert_allclose(heat.get_array(), matrix)
    assert heat.get_clim() == (-1, 1)
    np.testing.assert_allclose(strip.get_array(), 1 - torch.cat([*pictures[:, 0]]))
    left, right, bottom, top = strip.get_extent()
    assert right < -0.5 and (bottom, top) == (2.5, -0.5)  # a picture is as high as its row
    frames = [(patch.get_x() + 0.48, patch.get_y() + 0.48) for patch in ax.patches]
    np.testing.assert_allclose(frames, [(0, 0), (1, 1), (2, 2)])
    own = [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]
    assert own == [f"{i}  {caption}" for i, caption in enumerate(CAPTIONS, 1)]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "3"]
    assert len(ax.figure.axes) == 2  # with its colour bar
    clip.similarity(plt.figure().subplots(), pictures, CAPTIONS, matrix, bar=False)
    assert len(plt.gcf().axes) == 1
    plt.close()


@pytest.mark.parametrize("pairs", [2, 3, 8])
@pytest.mark.parametrize("scale", [0.5, 1.0, 14.0])
def test_the_lowest_loss_is_that_of_a_simplex_and_no_vectors_get_below(pairs: int, scale: float):
    corners = torch.eye(pairs, dtype=torch.double) - 1 / pairs
    corners = corners / corners.norm(dim=1, keepdim=True)
    least = clip.lowest_loss(pairs, torch.tensor(scale, dtype=torch.double)).item()
    assert loss(corners @ corners.T, scale) == pytest.approx(least)
    generator = torch.Generator().manual_seed(pairs)
    for spread in [0.1] * 10 + [10.0] * 10:  # near the simplex, and anywhere
        images, names = (
            corners + spread * torch.randn(corners.shape, dtype=torch.double, generator=generator) for _ in range(2)
        )
        cosines = torch.cosine_similarity(images.unsqueeze(1), names.unsqueeze(0), dim=2)
        assert loss(cosines, scale) >= least


def test_the_curve_of_losses_is_drawn_with_its_bounds_and_the_temperature_of_now(ax):
    taus, losses = torch.logspace(-2, 1, 31), torch.linspace(2, 0.5, 31)
    clip.losses_by_temperature(ax, taus, {"one": losses}, pairs=4, now=taus[10].item())
    curve, best, guess, dot = ax.lines
    np.testing.assert_allclose(curve.get_ydata(), losses)
    np.testing.assert_allclose(best.get_ydata(), clip.lowest_loss(4, 1 / taus), atol=1e-6)
    assert set(guess.get_ydata()) == {math.log(4)}
    assert dot.get_xdata()[0] == pytest.approx(taus[10].item())
    assert dot.get_ydata()[0] == pytest.approx(losses[10].item())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "best possible", "guessing: log 4"]


def test_bars_are_the_probabilities_and_the_true_text_is_green(figure, pictures):
    ranked = [("greek capital alpha", 0.7), ("cyrillic small ha", 0.2)]
    clip.zero_shot(figure, pictures, [ranked] * 3, ["greek capital alpha", "cyrillic small ha", "?"])
    drawn = figure.axes[:6]
    for left, right, picture, green in zip(drawn[::2], drawn[1::2], pictures, (0, 1, None), strict=True):
        np.testing.assert_allclose(left.images[0].get_array(), 1 - picture[0])
        assert [bar.get_width() for bar in right.patches] == [0.7, 0.2]
        is_green = [bar.get_facecolor()[:3] == to_rgba(GREEN)[:3] for bar in right.patches]
        assert is_green == [i == green for i in range(2)]
        assert texts(right) == ["0.70  greek capital alpha", "0.20  cyrillic small ha"]
    assert not any(ax.axison for ax in figure.axes[6:])
