"""Pictures of attention heads: what each looks at, how heads are split and merged, what they cost, what they know.

A head is named by two numbers, "2.9": its layer and its place in the layer, both from 0.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course.plots.diagrams import arrow, box, canvas
from course.plots.palette import BLACK, BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, VERMILION
from course.plots.training import learning_curves

FAINTEST, FAINTEST_OF_ALL = 0.03, 0.08  # weights below are not drawn, of one word and of all words
SPREAD = 0.16  # between the lines of several heads, in rows


def name(head: int, heads: int) -> str:
    """The name of a head whose number counts through all layers: 33 of 12 a layer is "2.9"."""
    return ".".join(map(str, divmod(head, heads)))


def links(
    ax: Axes,
    weights: Float[Tensor, "heads queries keys"],
    words: Sequence[str],
    *,
    query: int | None = None,
    names: Sequence[str] = (),
) -> Axes:
    """The sentence twice, and a line from each word to each word it looks at, as opaque as the weight.

    Args:
        weights: of one head or more, a colour for each; rows sum to 1.
        words: as many as queries and keys.
        query: the only word whose lines are drawn; all words' unless given.
        names: of the heads, for a legend.
    """
    rows = range(len(words)) if query is None else [query]
    faintest = FAINTEST_OF_ALL if query is None else FAINTEST
    number = len(weights)
    for i, (head, colour) in enumerate(zip(weights.detach().cpu(), COLOURS, strict=False)):
        down = SPREAD * (i - (number - 1) / 2)
        ends, colours = [], []
        for row in rows:
            for column, weight in enumerate(head[row].tolist()):
                if weight >= faintest:
                    ends.append([(0, row + down), (1, column + down)])
                    colours.append(to_rgba(colour, min(weight, 1.0)))
        ax.add_collection(LineCollection(ends, colors=colours, linewidths=2.2))
        if names:
            ax.plot([], [], color=colour, linewidth=2.2, label=names[i])
    for i, word in enumerate(words):
        heavy = "bold" if i == query else "normal"
        ax.text(-0.04, i, word, ha="right", va="center", fontsize=9, fontweight=heavy)
        ax.text(1.04, i, word, ha="left", va="center", fontsize=9)
    ax.text(-0.04, -1.1, "this word", ha="right", va="center", fontsize=8, color=GREY)
    ax.text(1.04, -1.1, "looks at", ha="left", va="center", fontsize=8, color=GREY)
    ax.set(xlim=(-0.55, 1.55), ylim=(len(words) - 0.4, -1.6))
    ax.set_axis_off()
    if names:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=number, fontsize=8, handlelength=1.2)
    return ax


def two_questions(ax: Axes, losses: Mapping[str, Sequence[float]], *, floor: float) -> Axes:
    """Learning curves with the floor that no head gets under whose weights depend on places alone."""
    ax.axhline(floor, color=GREY, linestyle="--", label="one head that looks by place alone: at best half")
    learning_curves(ax, losses, window=20, ylabel="share of the variance\nthat is left")
    ax.legend(fontsize=8)
    return ax


def side_by_side(pictures: Mapping[str, tuple[Tensor, Sequence[str]]], *, query: int | None = None) -> Figure:
    """Links of one head each, (words, words) with their words, under their titles."""
    figure, axes = plt.subplots(1, len(pictures), figsize=(1.6 + 2.2 * len(pictures), 3.2), squeeze=False)
    for ax, (title, (weights, words)) in zip(axes[0], pictures.items(), strict=True):
        links(ax, weights[None], words, query=query)
        ax.set_title(title, fontsize=9)
    return figure


def ring_maps(maps: Mapping[str, Float[Tensor, "T T"]]) -> Figure:
    """Maps of heads over places on a ring, side by side, with one colour bar."""
    figure, axes = plt.subplots(1, len(maps), figsize=(9.6, 2.8))
    for ax, (title, weights) in zip(axes, maps.items(), strict=True):
        picture = ax.imshow(weights.detach().cpu().numpy(), cmap="viridis", vmin=0, vmax=1)
        ticks = range(0, len(weights), 3)
        ax.set(xlabel="looks at place", ylabel="place", title=title, xticks=ticks, yticks=ticks)
    figure.colorbar(picture, ax=list(axes), label="weight")
    return figure


def heads_drawn(ax: Axes, *, d_model: int = 512, heads: int = 8) -> Axes:
    """Multi-head attention as boxes, from left to right, with a shape on every arrow."""
    d_k = d_model // heads
    whole, cut = f"(B, T, {d_model})", f"(B, {heads}, T, {d_k})"
    canvas(ax, 16.4, 6.4)
    entry = box(ax, "x", (0.6, 3), width=0.7, colour=BLACK)
    merged = box(ax, "merge\n(concat)", (12.2, 3), width=1.3, height=1.2, colour=ORANGE)
    out = box(ax, "$W_O$", (14.6, 3), width=1.0, colour=GREEN)
    for shift in (0.5, 0.25, 0.0):  # a pile of cards, one for each head
        sheet = Rectangle((7.7 + shift, 1.6 + shift), 1.9, 2.8, facecolor="white", edgecolor=PURPLE, linewidth=1.2)
        ax.add_patch(sheet)
    ax.text(8.65, 3, "attention\nof head i\n$T \\times T$ weights\nof its own", ha="center", va="center", fontsize=8)
    ax.text(9.3, 5.3, f"{heads} heads", ha="center", fontsize=9, color=PURPLE)
    for height, letter in ((5, "Q"), (3, "K"), (1, "V")):
        projection = box(ax, f"$W_{letter}$", (3.4, height), width=1.0, colour=GREEN)
        cutter = box(ax, "split", (5.4, height), width=1.0, colour=ORANGE)
        arrow(ax, entry.right, projection.left)
        arrow(ax, projection.right, cutter.left)
        arrow(ax, cutter.right, (7.7, 3 + (height - 3) * 0.5))
        ax.text(4.4, height + 0.62, whole, ha="center", fontsize=7)
        ax.text(6.75, height + 0.62 if height > 1 else 0.72, cut, ha="center", fontsize=7)
    arrow(ax, (10.1, 3), merged.left, cut, shift=(0.15, 0.9), fontsize=7)
    arrow(ax, merged.right, out.left, whole, shift=(0, 0.55), fontsize=7)
    arrow(ax, out.right, (16.3, 3), whole, shift=(0.1, 0.55), fontsize=7)
    ax.text(2.1, 3.14, whole, ha="center", fontsize=7)
    return ax


def tokens_of_heads(ax: Axes, tokens: Int[Tensor, "heads rows"], *, title: str = "") -> Axes:
    """For each head, which token each of its rows was cut from: a number and a shade."""
    heads, rows = tokens.shape
    ax.imshow(tokens.detach().cpu().numpy(), cmap="cividis", vmin=0, vmax=int(tokens.max()))
    for head in range(heads):
        for row in range(rows):
            token = int(tokens[head, row])
            dark = token > tokens.max() / 2
            ax.text(row, head, token, ha="center", va="center", color=BLACK if dark else "white")
    ax.set(xlabel="row of the head", ylabel="head", title=title, xticks=range(rows), yticks=range(heads))
    return ax


def cut_and_reach(
    tokens: Sequence[Int[Tensor, "heads rows"]], reached: Sequence[Float[Tensor, "T T"]], *, names: Sequence[str]
) -> Figure:
    """For each way to cut: the token of each row of each head, and which tokens reach which.

    Args:
        tokens: of each way, as `tokens_of_heads` takes them.
        reached: of each way, 1 where output t (row) changes with token s (column), else 0.
        names: of the ways.
    """
    figure, axes = plt.subplots(1, 2 * len(names), figsize=(9.6, 2.7), width_ratios=[1.6, 1] * len(names))
    for i, name in enumerate(names):
        rows, square = axes[2 * i : 2 * i + 2]
        tokens_of_heads(rows, tokens[i], title=f"{name}:\ntoken of each row")
        square.imshow(reached[i].detach().cpu().numpy(), cmap="cividis", vmin=0, vmax=1)
        square.set(xlabel="token that changes", ylabel="output", title="reached (yellow)")
    return figure


def bleu_by_heads(ax: Axes, heads: Sequence[int], bleu: Sequence[float]) -> Axes:
    """BLEU of a model for each number of heads at one d_model; the best is written beside its point."""
    ax.semilogx(heads, bleu, "o-", base=2, color=BLUE)
    ax.set_xticks(heads, [f"{h}" for h in heads])
    for h, value in zip(heads, bleu, strict=True):
        ax.annotate(f"{value}", (h, value), textcoords="offset points", xytext=(0, -14), ha="center", fontsize=8)
    low, high = min(bleu), max(bleu)
    ax.set(xlabel="heads (d_k = 512 / heads)", ylabel="BLEU, newstest2013", ylim=(low - 0.3, high + 0.15))
    return ax


def hidden_keys(
    keys: Float[Tensor, "keys 2"],
    reached: Bool[Tensor, " keys"],
    d_k: Sequence[int],
    shares: Sequence[float],
) -> Figure:
    """Left: keys in the plane, those that are some query's favourite and those that are nobody's. Right: by d_k.

    Args:
        reached: which keys get the highest score of some query.
        shares: of keys that are reached, for each of `d_k`.
    """
    figure, (plane, curve) = plt.subplots(1, 2, figsize=(8.6, 3.1))
    keys, reached = keys.detach().cpu(), reached.cpu()
    for own, colour, marker, label in (
        (reached, VERMILION, "o", "some query's favourite"),
        (~reached, GREY, "x", "no query's favourite"),
    ):
        plane.scatter(*keys[own].T.numpy(), color=colour, marker=marker, s=22, label=f"{label}: {int(own.sum())}")
    plane.set(xlabel="first coordinate of a key", ylabel="second", title="d_k = 2", aspect="equal")
    plane.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), fontsize=8, handletextpad=0.2)
    curve.semilogx(d_k, shares, "o-", base=2, color=VERMILION)
    curve.set_xticks(d_k, [f"{d}" for d in d_k])
    curve.set(xlabel="d_k", ylabel="share of keys that are\nsome query's favourite", ylim=(0, 1.05))
    return figure


def word_map(ax: Axes, weights: Float[Tensor, "words words"], words: Sequence[str], *, title: str = "") -> Axes:
    """The map of one head over the words of a sentence: a row for each word that looks."""
    picture = ax.imshow(weights.detach().cpu().numpy(), cmap="viridis", vmin=0, vmax=1)
    ax.set_xticks(range(len(words)), words, rotation=90, fontsize=8)
    ax.set_yticks(range(len(words)), words, fontsize=8)
    ax.set(xlabel="looks at", ylabel="this word", title=title)
    ax.figure.colorbar(picture, ax=ax, label="weight")
    return ax


def head_map(ax: Axes, scores: Float[Tensor, "layers heads"], *, title: str, top: float = 1.0) -> Axes:
    """A score of every head, a row for each layer; the highest has a frame and its number."""
    layers, heads = scores.shape
    scores = scores.detach().cpu()
    picture = ax.imshow(scores.numpy(), cmap="viridis", vmin=0, vmax=top)
    layer, head = divmod(int(scores.argmax()), heads)
    ax.add_patch(Rectangle((head - 0.5, layer - 0.5), 1, 1, fill=False, edgecolor=VERMILION, linewidth=2))
    best = f"best: head {layer}.{head}, {scores.max():.2f}"
    ax.set(xlabel="head", ylabel="layer", title=f"{title}\n{best}", xticks=range(0, heads, 2), yticks=range(layers))
    ax.figure.colorbar(picture, ax=ax, shrink=0.75)
    return ax


def score_maps(scores: Mapping[str, Float[Tensor, "layers heads"]]) -> Figure:
    """Six scores or fewer, a map for each."""
    figure, axes = plt.subplots(2, 3, figsize=(9.6, 4.2))
    for ax, (title, by_head) in zip(axes.flat, scores.items(), strict=False):
        head_map(ax, by_head, title=title)
    return figure


def place_or_meaning(
    ax: Axes,
    first: Float[Tensor, " heads"],
    second: Float[Tensor, " heads"],
    *,
    marked: Mapping[str, int] | None = None,
    legend: bool = True,
) -> Axes:
    """Each head a point: how often it prefers the right noun where the first is meant, and where the second is.

    A head that follows a place lies on the falling line, whatever the place. One that knew the meaning would lie in
    the corner at the top right.

    Args:
        first, second: shares of sentences, from 0 to 1.
        marked: the numbers of some heads, by what the legend calls them.
    """
    first, second = first.detach().cpu().numpy(), second.detach().cpu().numpy()
    ax.plot([0, 1], [1, 0], color=GREY, linewidth=1, linestyle="--", label="follows a place: 0.5 balanced")
    ax.scatter(first, second, s=22, color=BLUE, alpha=0.7, label="a head", linewidths=0)
    ax.scatter([1], [1], marker="*", s=110, color=ORANGE, label="would know the meaning", clip_on=False, zorder=3)
    for (label, head), colour in zip((marked or {}).items(), (VERMILION, GREEN, PURPLE), strict=False):
        ax.scatter(
            [first[head]], [second[head]], s=110, facecolors="none", edgecolors=colour, linewidths=2, label=label
        )
    ax.set(xlabel="right where the first noun is meant", ylabel="right where the second is meant")
    ax.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1], aspect="equal")
    if legend:
        ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=8)
    return ax


def shares(ax: Axes, by_name: Mapping[str, float], *, xlabel: str, expected: Mapping[str, float] | None = None) -> Axes:
    """A bar for each name from 0 to 1, with its number; a black tick stands where it was expected."""
    names = list(by_name)
    ax.barh(range(len(names)), list(by_name.values()), color=BLUE, height=0.6)
    for i, value in enumerate(by_name.values()):
        ax.text(value + 0.01, i, f"{value:.2f}", va="center", fontsize=8)
    for label, value in (expected or {}).items():
        row = names.index(label)
        ax.plot([value, value], [row - 0.4, row + 0.4], color=BLACK, linewidth=2)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel=xlabel, xlim=(0, 1.12), ylim=(len(names) - 0.5, -0.5))
    return ax


def exchanged_and_hidden(exchanged: Mapping[str, float], hidden: Mapping[str, float]) -> Figure:
    """By place: how often the pronoun changes with its vector, and how often it is right without its vector."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 2.5), sharey=True)
    shares(left, exchanged, xlabel="vector exchanged: the pronoun changes")
    shares(right, hidden, xlabel="vector hidden: the pronoun is still right (dashed: a coin)")
    right.axvline(0.5, color=BLACK, linestyle="--", linewidth=1)
    return figure


def switched_off(ax: Axes, right: Float[Tensor, "modules heads"], modules: Sequence[str], *, title: str = "") -> Axes:
    """What is left of a share when one head is switched off: a number for each head, darker where more is lost."""
    ax.imshow(right.detach().cpu().numpy(), cmap="Blues_r", vmin=0, vmax=1.3)
    for (row, column), value in np.ndenumerate(right.detach().cpu().numpy()):
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", color="white" if value < 0.65 else BLACK)
    ax.set_yticks(range(len(modules)), modules)
    ax.set(xlabel="head that is switched off", title=title, xticks=range(right.shape[1]))
    return ax
