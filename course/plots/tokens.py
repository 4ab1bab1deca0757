"""Tokens that attend to each other: who looks at whom, where the outputs lie, which rows move."""

import itertools
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from torch import Tensor

from course.plots.diagrams import arrow, box, canvas
from course.plots.palette import BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, VERMILION
from course.plots.toy import signals

Words = Sequence[str]


def layer(ax: Axes) -> Axes:
    """A self-attention layer: one sequence X is projected to queries, keys and values, which make Y."""
    canvas(ax, 10.2, 3.4)
    source = box(ax, "X\n(T, d_model)", (0.9, 1.7), colour=GREY, height=0.9)
    target = box(ax, "Y\n(T, d_v)", (9.3, 1.7), colour=GREEN, height=0.9)
    mixing = box(ax, "softmax(Q Kᵀ/√d_k) V", (6.9, 1.7), width=2.4, height=0.9, colour=PURPLE)
    rows = [("Q", "W_Q", BLUE, "asks"), ("K", "W_K", VERMILION, "is found"), ("V", "W_V", ORANGE, "tells")]
    places = (2.8, (-0.3, 0.25)), (1.7, (0.1, 0.18)), (0.6, (-0.3, -0.25))
    for (y, shift), (name, weights, colour, job) in zip(places, rows, strict=True):
        made = box(ax, f"{name}: {job}", (4.1, y), colour=colour)
        arrow(ax, source.right, made.left, weights, colour=colour, shift=shift)
        arrow(ax, made.right, (mixing.left[0], 1.7 + (y - 1.7) * 0.25), colour=colour)
    arrow(ax, mixing.right, target.left)
    return ax


def connections(
    ax: Axes,
    words: Words,
    weights: Float[Tensor, "tokens tokens"],
    *,
    query: int | None = None,
    title: str = "",
) -> Axes:
    """The tokens twice, as queries on the left and as keys on the right: the thicker a line, the larger the weight.

    Args:
        query: draw only what this token looks at, with the weights in numbers; all of them unless given.
    """
    last = len(words) - 1
    for row, word in enumerate(words):
        ax.text(-0.04, last - row, word, ha="right", va="center", color=COLOURS[row % len(COLOURS)])
        ax.text(1.04, last - row, word, ha="left", va="center")
        for column in range(len(words)) if query in (None, row) else ():
            weight = weights[row, column].item()
            colour = COLOURS[row % len(COLOURS)]
            ax.plot([0, 1], [last - row, last - column], color=colour, linewidth=7 * weight, alpha=0.75)
            if query is not None:
                where = last - row + 0.72 * (row - column)
                halo = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
                ax.text(0.72, where, f"{weight:.2f}", ha="center", va="center", fontsize=8, bbox=halo)
    ax.text(-0.04, last + 0.75, "asks", ha="right", color=GREY)
    ax.text(1.04, last + 0.75, "is asked", ha="left", color=GREY)
    ax.set(xlim=(-1.05, 2.05), ylim=(-0.6, last + 1.2), title=title)
    ax.set_axis_off()
    return ax


def verdicts(ax: Axes, scores: Float[Tensor, "cases candidates"], *, cases: Words, candidates: Words) -> Axes:
    """For each case a bar a candidate; the winner's bar is filled, the others are outlines."""
    width = 0.8 / len(candidates)
    for column, colour in zip(range(len(candidates)), COLOURS, strict=False):
        for row in range(len(cases)):
            won = scores[row].argmax().item() == column
            x, height = row + (column - (len(candidates) - 1) / 2) * width, scores[row, column].item()
            ax.bar(x, height, 0.9 * width, edgecolor=colour, linewidth=1.5, color=to_rgba(colour, 1.0 if won else 0.12))
            ax.text(x, height + 0.02, f"{height:.2f}", ha="center", va="bottom", fontsize=8)
    handles = [Patch(color=colour, label=name) for name, colour in zip(candidates, COLOURS, strict=False)]
    ax.set_xticks(range(len(cases)), cases)
    ax.set(ylabel="similarity to the output", ylim=(0, 1.2 * scores.max().item()))
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax


def product(
    axes: Iterable[Axes],
    left: Float[Tensor, "rows inner"],
    right: Float[Tensor, "inner columns"],
    result: Float[Tensor, "rows columns"],
    *,
    names: tuple[str, str, str],
) -> None:
    """A matrix product as three pictures on one scale, each with its name and its shape."""
    matrices = [matrix.detach().cpu().numpy() for matrix in (left, right, result)]
    top = max(abs(matrix).max() for matrix in matrices)
    for ax, matrix, name, sign in zip(axes, matrices, names, ("", "·", "="), strict=True):
        ax.imshow(matrix, cmap="PuOr", vmin=-top, vmax=top)
        ax.set(title=f"{name}\n{tuple(matrix.shape)}", xticks=[], yticks=[])
        ax.text(-0.14, 0.5, sign, transform=ax.transAxes, ha="right", va="center", fontsize=16)


def plane(
    axes: tuple[Axes, Axes],
    points: Float[Tensor, "tokens 2"],
    weights: Float[Tensor, "tokens tokens"],
    outputs: Float[Tensor, "tokens 2"],
    labels: Words,
    *,
    limit: float = 2.0,
) -> None:
    """Tokens as points, a line from each to its output (a cross); beside them the attention weights."""
    ax, beside = axes
    ax.axhline(0, color=GREY, linewidth=0.6)
    ax.axvline(0, color=GREY, linewidth=0.6)
    for index, (name, colour) in enumerate(zip(labels, COLOURS, strict=False)):
        start, end = points[index].tolist(), outputs[index].tolist()
        ax.plot(*start, "o", color=colour, markersize=8)
        ax.plot(*end, "x", color=colour, markersize=8, markeredgewidth=2)
        ax.plot(*zip(start, end, strict=True), color=colour, linewidth=1)
        ax.text(start[0] + 0.06 * limit, start[1] + 0.06 * limit, name)
    edge = 1.15 * limit
    ticks = [-limit, 0, limit]
    ax.set(xlim=(-edge, edge), ylim=(-edge, edge), aspect="equal", xticks=ticks, yticks=ticks)
    ax.set(title="● token — × its output", xlabel="first coordinate", ylabel="second coordinate")
    beside.imshow(weights.detach().cpu().numpy(), vmin=0, vmax=1)
    for row, column in itertools.product(range(len(labels)), repeat=2):
        weight = weights[row, column].item()
        beside.text(column, row, f"{weight:.2f}", ha="center", va="center", color="white" if weight < 0.6 else "black")
    beside.set(title="attention weights", xlabel="key", ylabel="query")
    beside.set_xticks(range(len(labels)), labels)
    beside.set_yticks(range(len(labels)), labels)


def rows_move(
    figure: Figure,
    before: Float[Tensor, "tokens d_v"],
    after: Float[Tensor, "tokens d_v"],
    order: Int[Tensor, " tokens"],
    words: Words,
    *,
    titles: tuple[str, str] = ("out(X)", "out(PX)"),
) -> None:
    """Outputs before and after a reordering, a row a token; a line joins the two rows of each token.

    A line is blue where the row only moved, and vermilion where its numbers changed too.

    Args:
        order: row `i` of `after` belongs to the token `order[i]` of `before`.
    """
    figure.set_layout_engine("none")  # a fixed layout, and one axes for both pictures, take half of the time
    ax, bar = figure.subplots(1, 2, width_ratios=(1, 0.03), gridspec_kw={"left": 0.1, "right": 0.9, "wspace": 0.3})
    before, after, places = before.detach().cpu(), after.detach().cpu(), order.tolist()
    top = max(before.abs().max().item(), after.abs().max().item(), 1e-9)
    T, width = before.shape
    for left, matrix, title in ((0.0, before, titles[0]), (1.5, after, titles[1])):
        edges = (left * width, (left + 1) * width, T - 0.5, -0.5)
        picture = ax.imshow(matrix.numpy(), cmap="PuOr", vmin=-top, vmax=top, aspect="auto", extent=edges)
        ax.text((left + 0.5) * width, -0.6, title, ha="center", va="bottom")
    for row, place in enumerate(places):
        same = torch.allclose(after[row], before[place], atol=1e-4)
        colour, style = (BLUE, "-") if same else (VERMILION, "--")
        ax.plot([width, 1.5 * width], [place, row], style, color=colour, linewidth=1.5)
        ax.text(2.52 * width, row, words[place], va="center")
    ax.set(xlim=(0, 2.5 * width), ylim=(T - 0.5, -0.5), xticks=[], xlabel="coordinates of each output")
    ax.set_yticks(range(T), words)
    for side in ax.spines.values():
        side.set_visible(False)
    figure.colorbar(picture, cax=bar, label="output", ticks=[-top, 0, top], format="%.1f")


def signal_row(
    axes: Iterable[Axes],
    curves: Sequence[tuple[Tensor, ...]],
    titles: Words = (),
) -> None:
    """Signals of the toy task in a row, (input, target) or (input, target, output) each, with one legend at the end."""
    axes = list(axes)
    for ax, signal in zip(axes, curves, strict=True):
        signals(ax, *signal).get_legend().remove()
        ax.label_outer()
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(title)
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def map_beside_signal(
    figure: Figure, signal: Float[Tensor, " T"], weights: Float[Tensor, "T T"], *, title: str = ""
) -> None:
    """An attention map between samples of a signal, with the signal drawn above the keys and beside the queries."""
    grid = figure.add_gridspec(2, 2, width_ratios=(1, 4), height_ratios=(1, 4))
    middle = figure.add_subplot(grid[1, 1])
    above, beside = figure.add_subplot(grid[0, 1], sharex=middle), figure.add_subplot(grid[1, 0], sharey=middle)
    signal, weights = signal.detach().cpu().numpy(), weights.detach().cpu().numpy()
    picture = middle.imshow(weights, aspect="auto", vmin=0)
    places = range(len(signal))
    above.plot(places, signal, color=GREY, drawstyle="steps-mid")
    beside.plot(signal, places, color=GREY)
    beside.invert_xaxis()
    above.set(title=title, ylabel="height")
    middle.set(xlabel="key: sample")
    beside.set(ylabel="query: sample", xlabel="height")
    above.tick_params(labelbottom=False)
    middle.tick_params(labelleft=False)
    figure.colorbar(picture, ax=middle, label="weight")
