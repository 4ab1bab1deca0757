"""Pictures of captions show the canvases, weights and words that they are given, and the sentence tells the truth."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from course.plots import captions
from course.plots.captions import Captioned, Digits
from course.plots.palette import BLACK, VERMILION
from tests.support.pictures import texts

SIDE, GRID = 12, 3


def captioned(words: str, seed: int = 0) -> Captioned:
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(SIDE, SIDE, generator=generator)
    written = [*words.split(), "<eos>"]
    weights = torch.rand(len(written), GRID**2, generator=generator).softmax(-1)
    return Captioned(image, written, weights)


BOXES, SHARES = torch.tensor([[1, 2, 5, 6], [7, 8, 11, 12]]), torch.rand(4, 2) / 2
DIGITS = Digits(["seven", "two"], BOXES, SHARES, torch.tensor([0.25, 0.375]))
ONE, OTHER = captioned("seven above two"), captioned("six left of two", 1)


@pytest.fixture
def drawn():
    """Closes what a test draws."""
    yield
    plt.close("all")


def test_the_cloud_is_as_dense_as_the_weights_and_lies_over_the_whole_image(ax):
    weights = ONE.weights[0]
    captions.overlay(ax, ONE.image, weights, top=0.5, opacity=0.6, title="seven")
    image, cloud = (picture.get_array() for picture in ax.images)
    np.testing.assert_allclose(image, ONE.image)
    np.testing.assert_allclose(cloud[..., 3], 0.6 * (weights.reshape(GRID, GRID) / 0.5).clamp(max=1), rtol=1e-6)
    np.testing.assert_allclose(cloud[..., :3], np.broadcast_to(to_rgb(captions.CLOUD), (GRID, GRID, 3)), rtol=1e-6)
    assert tuple(ax.images[1].get_extent()) == tuple(ax.images[0].get_extent()) == (-0.5, SIDE - 0.5, SIDE - 0.5, -0.5)
    assert ax.get_title() == "seven" and ax.images[0].get_cmap().name == "gray_r"


def test_a_weight_above_the_top_is_no_denser_than_the_cloud_can_be(ax):
    captions.overlay(ax, ONE.image, torch.tensor([4.0] + [0.0] * 8), top=1.0, opacity=0.5)
    assert ax.images[1].get_array()[..., 3].max() == 0.5


@pytest.mark.usefixtures("drawn")
def test_a_strip_has_a_picture_for_each_word_on_one_scale():
    figure = captions.strips([ONE, OTHER])
    axes = figure.axes[:-1]  # the last is the bar
    assert [ax.get_title() for ax in axes] == [
        "the canvas", "seven", "above", "two", "end", "", "the canvas", "six", "left", "of", "two", "end",
    ]  # fmt: skip
    top = max(ONE.weights.max(), OTHER.weights.max())
    for row, one in zip((axes[:6], axes[6:]), (ONE, OTHER), strict=True):
        for ax, weights in zip(row[1:], one.weights, strict=False):
            np.testing.assert_allclose(ax.images[0].get_array(), one.image)
            expected = captions.OPACITY * weights.reshape(GRID, GRID) / top
            np.testing.assert_allclose(ax.images[1].get_array()[..., 3], expected, rtol=1e-5)
    assert not axes[5].axison and not axes[5].images
    assert figure.axes[-1].get_ylabel() == "weight of a place"
    assert figure.axes[-1].get_ylim()[1] == pytest.approx(float(top))


@pytest.mark.usefixtures("drawn")
def test_in_the_gallery_what_is_wrong_is_red_and_put_right():
    images = torch.rand(3, 1, SIDE, SIDE)
    figure = captions.gallery(images, ["a", "b", "c"], ["a", "x", "c"], columns=2)
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == 3 and len(figure.axes) == 4
    for ax, image in zip(shown, images, strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), image[0])
    assert [ax.get_title() for ax in shown] == ["a", "b", "c"]
    assert [ax.title.get_color() for ax in shown] == [BLACK, VERMILION, BLACK]
    assert [ax.get_xlabel() for ax in shown] == ["", "is: x", ""]


@pytest.mark.parametrize("word", [1, 3, 4])
def test_one_word_shows_its_weights_the_shares_of_all_and_says_them(figure, word):
    sentence = captions.looked_at(figure, ONE, DIGITS, word, opacity=0.5)
    left, right = figure.axes
    weights = ONE.weights[word - 1]
    expected = 0.5 * weights.reshape(GRID, GRID) / weights.max()
    np.testing.assert_allclose(left.images[1].get_array()[..., 3], expected, rtol=1e-5)
    np.testing.assert_allclose([[bar.get_height() for bar in bars] for bars in right.containers], SHARES.T)
    names = ["seven", "above", "two", "end"]
    assert [label.get_text() for label in right.get_xticklabels()] == names
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["on the seven", "on the two"]
    frames = {(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in left.patches}
    assert frames == {(1.5, 0.5, 4, 4), (7.5, 6.5, 4, 4)}
    band = right.patches[-1]
    assert band.get_x() < word - 1 < band.get_x() + band.get_width()
    first, second = SHARES[word - 1].tolist()
    assert sentence == (
        f"It writes “seven above two”. While it writes word {word}, “{names[word - 1]}”, {first:.2f} of the attention "
        f"is on the seven (blue frame) and {second:.2f} on the two (green); even weights would give 0.25 and 0.38. "
        f"The cloud covers up to 50%."
    )


def test_a_word_beyond_the_end_is_the_end(figure):
    assert "word 4, “end”" in captions.looked_at(figure, ONE, DIGITS, 9)


def test_the_drawing_of_the_model_shows_the_image_and_the_weights_that_it_is_given(ax):
    captions.show_attend_tell(ax, ONE.image, ONE.weights[0])
    arrays = [picture.get_array() for picture in ax.images]
    np.testing.assert_allclose(arrays[0], ONE.image)
    np.testing.assert_allclose(arrays[2], ONE.weights[0].reshape(GRID, GRID))
    shown = texts(ax)
    assert {"$h_{t-1}$", "$h_t$", "$y_{t-1}$", "$y_t$", "query", "keys", "values", "LSTM", "convolutions"} <= set(shown)
