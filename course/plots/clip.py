"""Pictures of CLIP: its two towers, what they match, what the temperature does, and what it calls a picture."""

import math
from collections.abc import Sequence
from textwrap import fill

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator
from torch import Tensor

from course.plots.diagrams import arrow, box, canvas
from course.plots.palette import BLACK, BLUE, GREEN, GREY, ORANGE, SKY, VERMILION

Pictures = Float[Tensor, "pictures 1 height width"]  # 0 is paper, 1 is ink
Matrix = Float[Tensor, "pictures texts"]


# --- the model


def two_towers(ax: Axes, pairs: int = 4, classes: int = 4) -> Axes:
    """Radford et al.'s Figure 1: learn to match pairs, write a classifier in words, name a picture with it."""
    canvas(ax, 23.4, 9.2)
    for x, y, text in (
        (0.2, 8.8, "1  learn which text belongs to which picture"),
        (12.6, 8.8, "2  write the classes as texts"),
        (12.6, 3.75, "3  name a picture"),
    ):
        ax.text(x, y, text, fontsize=9, weight="bold", va="center")

    texts = box(ax, "captions", (1.5, 7.5), width=2.4, colour=GREY, filled=False)
    images = box(ax, "pictures", (1.5, 3.0), width=2.4, colour=GREY, filled=False)
    text_tower = box(ax, "text\ntower", (4.4, 7.5), width=1.7, height=1.2, colour=ORANGE)
    image_tower = box(ax, "image\ntower", (4.4, 3.0), width=1.7, height=1.2, colour=BLUE)
    arrow(ax, texts.right, text_tower.left)
    arrow(ax, images.right, image_tower.left)
    left, top, cell = 7.1, 5.5, 1.1
    for i in range(pairs):
        _cell(ax, (left + (i + 0.5) * cell, 7.5), rf"$T_{i + 1}$", ORANGE)
        _cell(ax, (left - 0.75, top - (i + 0.5) * cell), rf"$I_{i + 1}$", BLUE)
        for j in range(pairs):
            centre = left + (j + 0.5) * cell, top - (i + 0.5) * cell
            _cell(ax, centre, rf"$I_{i + 1}\!\cdot\!T_{j + 1}$", GREEN if i == j else GREY, filled=i == j)
    arrow(ax, text_tower.right, (left - 0.05, 7.5))
    middle = left + pairs * cell / 2
    arrow(ax, (middle, 6.9), (middle, top + 0.05))
    arrow(ax, image_tower.right, (left - 1.3, 3.0))
    ax.text(middle - 0.6, 0.5, "rows: which text?  columns: which picture?", ha="center", fontsize=8, color=GREY)

    x0, step = 19.0, 1.1
    labels = box(ax, "“latin small o\nwith …”", (14.0, 6.7), width=2.8, height=1.1, colour=GREY, filled=False)
    tower = box(ax, "text\ntower", (17.1, 6.7), width=1.5, height=1.2, colour=ORANGE)
    arrow(ax, labels.right, tower.left)
    picture = box(ax, "a new\npicture", (13.7, 2.2), width=1.9, height=1.1, colour=GREY, filled=False)
    eye = box(ax, "image\ntower", (16.1, 2.2), width=1.5, height=1.2, colour=BLUE)
    arrow(ax, picture.right, eye.left)
    _cell(ax, (17.95, 2.2), "$I$", BLUE)
    arrow(ax, eye.right, (17.4, 2.2))
    for j in range(classes):
        x = x0 + (j + 0.25) * step
        _cell(ax, (x, 6.7), rf"$T_{j + 1}$", ORANGE)
        chosen = j == classes - 2
        _cell(ax, (x, 2.2), rf"$I\!\cdot\!T_{j + 1}$", GREEN if chosen else GREY, filled=chosen)
        arrow(ax, (x, 6.15), (x, 2.75), colour=GREY, width=0.8)
    arrow(ax, tower.right, (x0 - 0.3, 6.7))
    x = x0 + (classes - 2 + 0.25) * step
    ax.text(x - 1.2, 0.5, "softmax: the likeliest text is the class", ha="center", fontsize=8, color=GREEN)
    arrow(ax, (x, 1.65), (x, 0.85), colour=GREEN)
    return ax


def _cell(ax: Axes, centre: tuple[float, float], text: str, colour: str, filled: bool = True) -> None:
    box(ax, text, centre, width=1.04, height=1.0, colour=colour, filled=filled, fontsize=8)


# --- data


def gallery(figure: Figure, pictures: Pictures, captions: Sequence[str], columns: int = 4) -> None:
    """Pictures with their captions below, broken into lines."""
    rows = -(-len(captions) // columns)
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for ax in axes:
        ax.set_axis_off()
    for ax, picture, caption in zip(axes, pictures, captions, strict=False):
        show_picture(ax, picture)
        ax.set_title(fill(caption, 22), fontsize=8, y=-0.02, va="top")


def show_picture(ax: Axes, picture: Float[Tensor, "1 height width"]) -> None:
    """Ink in black on paper."""
    ax.imshow(1 - picture[0].detach().cpu().numpy(), cmap="gray", vmin=0, vmax=1)
    ax.set_axis_off()


# --- what belongs together


def similarity(
    ax: Axes,
    pictures: Pictures,
    captions: Sequence[str],
    matrix: Matrix,
    *,
    title: str = "",
    bottom: float | int = -1,
    top: float | int = 1,
    bar: bool = True,
) -> Axes:
    """A number for each picture (row) and text (column): text i belongs to picture i, whose cell is framed.

    Args:
        captions: the texts; each stands to the right of its picture's row.
        bottom, top: the numbers of the darkest and of the brightest cell; cosines unless given.
        bar: whether to explain the colours.
    """
    n = len(matrix)
    drawn = ax.imshow(matrix.detach().cpu().numpy(), vmin=bottom, vmax=top)
    strip = 1 - pictures[:, 0].flatten(0, 1).detach().cpu()  # (B · height, width): the pictures in a column
    ax.imshow(strip.numpy(), extent=(-1.7, -0.7, n - 0.5, -0.5), cmap="gray", vmin=0, vmax=1)
    for i in range(n):
        ax.add_patch(Rectangle((i - 0.48, i - 0.48), 0.96, 0.96, fill=False, edgecolor=VERMILION, linewidth=1.2))
    ax.set(xlim=(-1.75, n - 0.5), ylim=(n - 0.5, -0.5), xlabel=title, ylabel="picture")
    ax.spines[:].set_visible(False)
    ax.xaxis.tick_top()
    ax.yaxis.tick_right()
    ax.set_xticks(range(n), range(1, n + 1))
    ax.set_yticks(range(n), [fill(f"{i}  {caption}", 34) for i, caption in enumerate(captions, 1)])
    ax.tick_params(length=0, labelsize=7)
    if bar:
        ax.figure.colorbar(drawn, ax=ax, location="left", shrink=0.7)
    return ax


def lowest_loss(pairs: int, scale: Float[Tensor, "*scales"]) -> Float[Tensor, "*scales"]:
    """What no vectors of length 1 can get below: log(1 + (B - 1) exp(-B/(B - 1) / τ)), for B pairs, in nats.

    The vectors that reach it point to the corners of a regular simplex, each picture with its own text: cosines are 1
    within a pair and -1/(B - 1) elsewhere. (Jensen's inequality, applied to the log-sum-exp of all rows.)
    """
    return torch.log1p((pairs - 1) * torch.exp(-scale * pairs / (pairs - 1)))


def losses_by_temperature(
    ax: Axes,
    temperatures: Float[Tensor, " taus"],
    curves: dict[str, Float[Tensor, " taus"]],
    pairs: int,
    now: float | None = None,
) -> Axes:
    """The loss of a batch of B pairs at each temperature, what is possible at best, and log B, which guessing pays.

    Args:
        curves: name of a batch -> its losses in nats.
        now: a temperature to mark on the first curve.
    """
    taus = temperatures.detach().cpu()
    for (name, losses), colour in zip(curves.items(), (BLUE, ORANGE, GREEN), strict=False):
        ax.plot(taus.numpy(), losses.detach().cpu().numpy(), color=colour, label=name)
    ax.plot(taus.numpy(), lowest_loss(pairs, 1 / taus).numpy(), "--", color=BLACK, linewidth=1, label="best possible")
    ax.axhline(math.log(pairs), color=GREY, linewidth=1, linestyle=":", label=f"guessing: log {pairs}")
    if now is not None:
        losses = next(iter(curves.values())).detach().cpu()
        nearest = (taus.log() - math.log(now)).abs().argmin()
        ax.plot([now], [losses[nearest].item()], "o", color=VERMILION, markersize=7, clip_on=False)
    ax.set(xscale="log", xlabel="temperature τ", ylabel="loss (nats)", ylim=(0, 2 * math.log(pairs)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.legend(fontsize=8, loc="upper right")
    return ax


# --- names for pictures


def zero_shot(
    figure: Figure,
    pictures: Pictures,
    choices: Sequence[Sequence[tuple[str, float]]],
    truths: Sequence[str],
    *,
    columns: int = 2,
) -> None:
    """Pictures, each with a bar for its likeliest texts; the true one is green.

    Args:
        choices: for each picture its texts and their probabilities, the likeliest first.
        truths: the true text of each picture.
    """
    rows = -(-len(truths) // columns)
    axes = figure.subplots(rows, 2 * columns, squeeze=False, width_ratios=[1, 3.4] * columns).reshape(-1, 2)
    for pair in axes[len(truths) :]:
        for ax in pair:
            ax.set_axis_off()
    for (left, right), picture, ranked, truth in zip(axes, pictures, choices, truths, strict=False):
        show_picture(left, picture)
        bars(right, ranked, truth)


def bars(ax: Axes, ranked: Sequence[tuple[str, float]], truth: str | None) -> Axes:
    """A bar for the probability of each text, with number and text written over it; that of `truth` is green."""
    names, shares = zip(*ranked, strict=True)
    colours = [GREEN if name == truth else SKY for name in names]
    ax.barh(range(len(names)), shares, color=colours, alpha=0.6)
    for y, (name, share) in enumerate(ranked):
        ax.text(0.02, y, f"{share:.2f}  {name}", va="center", fontsize=7.5).set_in_layout(False)
    ax.set(xlim=(0, 1), ylim=(len(names) - 0.5, -0.5), yticks=[], xticks=[0, 0.5, 1], xlabel="probability")
    ax.tick_params(labelsize=7)
    ax.xaxis.label.set_size(8)
    return ax
