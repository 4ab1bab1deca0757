"""Pictures of a captioner at work: where it looked for each word, what it wrote, and the model itself."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import torch
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course.plots import vision
from course.plots.alignment import source_free
from course.plots.diagrams import arrow, box, canvas
from course.plots.palette import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from course.plots.scores import placed

Image = Float[Tensor, "height width"]
OPACITY, CLOUD = 0.75, VERMILION
FIRST, SECOND = BLUE, GREEN  # the digit that is named first, and the other


class Captioned(NamedTuple):
    """An image with the caption that was written for it, and where the model looked for each word."""

    image: Image  # from 0 (paper) to 1 (ink)
    words: list[str]  # as they were written, with "<eos>" at the end
    weights: Float[Tensor, "words places"]  # each row sums to one; places row by row, as many rows as columns


class Digits(NamedTuple):
    """The two digits of an image, in the order in which they should be named, and what is looked at of them."""

    names: list[str]
    boxes: Int[Tensor, "2 4"]  # top, left, bottom, right in pixels
    shares: Float[Tensor, "words 2"]  # of each word's attention on each of the two
    even: Float[Tensor, " 2"]  # what even weights would give


# --- one word, one picture


def overlay(
    ax: Axes, image: Image, weights: Float[Tensor, " places"], *, top: float, opacity: float = OPACITY, title: str = ""
) -> Axes:
    """The image, and over it the weights as a smooth cloud: the larger a weight, the denser.

    Args:
        top: the weight at which the cloud has its full `opacity`.
    """
    show(ax, image)
    side = round(len(weights) ** 0.5)
    cloud = {"top": top, "density": opacity, "colour": CLOUD, "interpolation": "bilinear"}
    vision.veil(ax, image.shape, weights.reshape(side, side), **cloud)
    ax.set_title(title)
    return ax


def show(ax: Axes, image: Image) -> Axes:
    """The image alone, ink on paper, in a thin frame."""
    vision.show(ax, image[None])
    ax.spines[:].set(visible=True, color=GREY, linewidth=0.6)
    return ax


def frames(ax: Axes, boxes: Int[Tensor, "2 4"]) -> Axes:
    """A frame around each of the two digits, in its colour."""
    for (top, left, bottom, right), colour in zip(boxes.tolist(), (FIRST, SECOND), strict=True):
        corner = left - 0.5, top - 0.5
        ax.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, edgecolor=colour, linewidth=1.4))
    return ax


# --- the whole caption


def strips(captioned: Sequence[Captioned], *, size: float = 1.35) -> Figure:
    """A row for each canvas: it alone, then once for each word with the weights over it and the word above it."""
    columns = 1 + max(len(one.words) for one in captioned)
    figure, axes = plt.subplots(
        len(captioned), columns, figsize=(size * columns + 0.6, (size + 0.28) * len(captioned)), squeeze=False
    )
    top = max(one.weights.max().item() for one in captioned)
    for row, one in zip(axes, captioned, strict=True):
        show(row[0], one.image).set_title("the canvas", color=GREY)
        for ax, word, weights in zip(row[1:], source_free(one.words), one.weights, strict=False):
            overlay(ax, one.image, weights, top=top, title=word)
        for ax in row[1 + len(one.words) :]:
            ax.set_axis_off()
    fade = LinearSegmentedColormap.from_list("cloud", [(*to_rgb(CLOUD), 0.0), (*to_rgb(CLOUD), OPACITY)])
    figure.colorbar(ScalarMappable(Normalize(0, top), fade), ax=axes, label="weight of a place", aspect=25, pad=0.01)
    return figure


def gallery(
    images: Float[Tensor, "n 1 height width"], written: Sequence[str], true: Sequence[str], *, columns: int = 6
) -> Figure:
    """Canvases with what was written of them; where that is wrong, in red, with what is right below it."""
    rows = -(-len(written) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(1.45 * columns, 1.85 * rows), squeeze=False)
    figure.set_layout_engine("constrained", h_pad=0.1)  # what is below a canvas is not read as the next one's title
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image, text, truth in zip(axes.flat, images, written, true, strict=False):
        ax.set_axis_on()
        show(ax, image[0])
        right = text == truth
        ax.set_title(text, fontsize=8, color=BLACK if right else VERMILION)
        ax.set_xlabel("" if right else f"is: {truth}", fontsize=8)
    return figure


def looked_at(figure: Figure, captioned: Captioned, digits: Digits, word: int, opacity: float = OPACITY) -> str:
    """Left where the model looked for word number `word` (from 1), right the shares of all words; says it in words.

    A word beyond the end is the last one.
    """
    words = source_free(captioned.words)
    word = min(word, len(words))
    left, right = placed(figure, (0.02, 0.06, 0.40, 0.80), (0.53, 0.2, 0.45, 0.6))
    weights = captioned.weights[word - 1]
    overlay(left, captioned.image, weights, top=weights.max().item(), opacity=opacity)
    frames(left, digits.boxes).set_title(f"word {word}: “{words[word - 1]}”")
    shares, places = digits.shares.detach().cpu(), torch.arange(len(words))
    for shift, name, of_words, colour in zip((-0.2, 0.2), digits.names, shares.T, (FIRST, SECOND), strict=True):
        right.bar((places + shift).tolist(), of_words.tolist(), width=0.38, color=colour, label=f"on the {name}")
    right.axvspan(word - 1.48, word - 0.52, color=CLOUD, alpha=0.2, linewidth=0, zorder=0)
    right.set_xticks(places.tolist(), words, fontsize=8)
    right.set(ylim=(0, 1), yticks=[0, 0.5, 1], ylabel="share of the attention", xlim=(-0.55, len(words) - 0.45))
    right.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, columnspacing=1.0)
    first, second = (f"{value:.2f}" for value in shares[word - 1].tolist())
    even = " and ".join(f"{value:.2f}" for value in digits.even.tolist())
    written = " ".join(words[:-1] if words[-1] == "end" else words)
    a, b = digits.names
    return (
        f"It writes “{written}”. While it writes word {word}, “{words[word - 1]}”, {first} of the attention is on the "
        f"{a} (blue frame) and {second} on the {b} (green); even weights would give {even}. "
        f"The cloud covers up to {opacity:.0%}."
    )


# --- the model


def show_attend_tell(ax: Axes, image: Image, weights: Float[Tensor, " places"]) -> Axes:
    """One step of the captioner: the map of the convolutions, the weights over it, the LSTM, and its loop."""
    canvas(ax, 12, 5.4)
    side = round(len(weights) ** 0.5)
    height, width = image.shape
    ax.imshow(image.detach().cpu().numpy(), cmap="gray_r", vmin=0, vmax=1, extent=(0.3, 2.3, 0.3, 2.3))
    ax.add_patch(Rectangle((0.3, 0.3), 2, 2, fill=False, edgecolor=GREY))
    ax.text(1.3, 0.05, f"image, {height} × {width}", ha="center", va="top", fontsize=8)
    grid = weights.detach().cpu().reshape(side, side).numpy()
    fade = LinearSegmentedColormap.from_list("fade", ["white", CLOUD])
    for x, content, colours, label in (
        (4.2, grid * 0 + 0.35, LinearSegmentedColormap.from_list("sky", ["white", SKY]), "annotations $a_i$"),
        (7.0, grid, fade, "weights $\\alpha_{ti}$"),
    ):
        ax.imshow(content, cmap=colours, vmin=0, vmax=max(content.max(), 0.6), extent=(x, x + 2, 0.3, 2.3))
        for k in range(side + 1):
            step = 2 * k / side
            ax.plot([x, x + 2], [0.3 + step] * 2, color=GREY, linewidth=0.5)
            ax.plot([x + step] * 2, [0.3, 2.3], color=GREY, linewidth=0.5)
        ax.text(x + 1, 0.05, label, ha="center", va="top", fontsize=8)
    ax.set(xlim=(0, 12), ylim=(-0.4, 5.4), aspect="equal")
    before = box(ax, "$h_{t-1}$", (4.4, 4.0), width=1.0, height=0.62, colour=GREEN)
    now = box(ax, "$h_t$", (8.0, 4.0), width=1.0, height=0.62, colour=GREEN)
    context = box(
        ax, r"$\hat{z}_t = \beta_t \sum_i \alpha_{ti} a_i$", (10.7, 2.6), width=2.5, height=0.7, colour=ORANGE
    )
    wrote = box(ax, "$y_{t-1}$", (6.2, 5.05), width=1.0, height=0.55, colour=VERMILION)
    writes = box(ax, "$y_t$", (10.7, 4.7), width=1.0, height=0.55, colour=VERMILION)
    score = box(ax, "softmax$_i$ $f_{att}(a_i, h_{t-1})$", (5.2, 2.95), width=2.9, height=0.6, colour=PURPLE)
    arrow(ax, (2.35, 1.3), (4.15, 1.3), "convolutions", shift=(0, 0.2), colour=BLUE)
    arrow(ax, (5.2, 2.35), score.bottom, "keys", colour=PURPLE, shift=(-0.35, 0))
    arrow(ax, before.bottom, (4.4, 3.27), "query", colour=PURPLE, shift=(-0.42, 0))
    arrow(ax, score.right, (7.5, 2.35), colour=PURPLE)
    arrow(ax, (6.25, 1.0), (6.95, 1.0), "values", colour=ORANGE, shift=(0, 0.2))
    arrow(ax, (9.05, 1.3), context.bottom, colour=ORANGE, width=1.8)
    arrow(ax, before.right, now.left, "LSTM", shift=(-0.6, 0.17))
    arrow(ax, context.left, now.bottom, colour=ORANGE, width=1.8)
    arrow(ax, context.top, writes.bottom, colour=ORANGE)
    arrow(ax, wrote.bottom, (7.45, 4.2), colour=VERMILION)
    arrow(ax, now.right, writes.left)
    arrow(ax, wrote.right, writes.left, colour=VERMILION, bend=-0.08)
    return ax
