"""Pictures of scores and weights: a layer in boxes and in numbers, what √d does, maps of a layer."""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from torch import Tensor

from course.plots.diagrams import arrow, box, canvas
from course.plots.palette import BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

SCALES: dict[str, Callable[[int], float]] = {
    "none": lambda d: 1.0,
    "1/√d": lambda d: d**-0.5,
    "1/d": lambda d: 1 / d,
}
COLOUR_OF = dict(zip(SCALES, (VERMILION, BLUE, ORANGE), strict=True))


def placed(figure: Figure, *rectangles: tuple[float, float, float, float]) -> list[Axes]:
    """Axes at (left, bottom, width, height) in parts of the figure: a widget's picture needs no search for a layout."""
    figure.set_layout_engine("none")
    return [figure.add_axes(rectangle) for rectangle in rectangles]


# --- the layer in boxes


def row_of(vector: Tensor) -> str:
    """A short vector as text: (1, 0.5)."""
    return "(" + ", ".join(f"{round(value, 2):g}" for value in vector.tolist()) + ")"


def attention_layer(
    ax: Axes,
    query: Float[Tensor, " d_q"],
    keys: Float[Tensor, "S d_k"],
    values: Float[Tensor, "S d_v"],
    scores: Float[Tensor, " S"],
) -> Axes:
    """One query's way through a layer: a score for each key, a softmax over all, the weighted sum of the values.

    An arrow to the sum is as wide as its weight is large.
    """
    S = len(keys)
    weights = scores.softmax(dim=-1)
    output = weights @ values
    canvas(ax, 12.4, S + 0.9)
    middle = S / 2
    ask = box(ax, f"query\n{row_of(query)}", (0.9, middle), width=1.6, height=0.9, colour=ORANGE)
    total = box(ax, "Σ", (9.75, middle), width=0.7, height=0.7, colour=GREY)
    for j in range(S):
        y = S - 0.5 - j
        key = box(ax, row_of(keys[j]), (3.2, y), width=1.4, colour=BLUE)
        value = box(ax, row_of(values[j]), (8.05, y), width=1.4, colour=GREEN)
        arrow(ax, ask.right, key.left, colour=ORANGE)
        arrow(ax, key.right, (5.0, y), f"{scores[j]:.2f}", colour=BLUE, shift=(0, 0.22))
        arrow(ax, (6.1, y), value.left, f"{weights[j]:.2f}", colour=PURPLE, shift=(0, 0.22))
        arrow(ax, value.right, total.left, colour=GREEN, width=0.6 + 5 * weights[j].item())
    box(ax, "softmax", (5.55, middle), width=1.1, height=S - 0.2, colour=PURPLE)
    result = box(ax, f"output\n{row_of(output)}", (11.4, middle), width=1.7, height=0.9, colour=VERMILION)
    arrow(ax, total.right, result.left)
    for x, heading in ((3.2, "keys"), (4.5, "scores a(q, k)"), (6.7, "weights"), (8.05, "values")):
        ax.text(x, S + 0.35, heading, ha="center", va="bottom", fontsize=9, color=GREY)
    return ax


def scores_in_the_plane(
    ax: Axes,
    score: Callable[[Tensor, Tensor], Tensor],
    query: Float[Tensor, " 2"],
    *,
    extent: float = 3.0,
    title: str = "",
    steps: int = 61,
) -> Axes:
    """What every key of the plane would score with this query: `score(Q, K)` on a grid, in twelve bands."""
    line = torch.linspace(-extent, extent, steps, dtype=query.dtype)
    keys = torch.cartesian_prod(line, line).to(query.device)  # (steps², 2)
    field = score(query[None], keys).detach().cpu().view(steps, steps).T  # rows: second entry
    ends = (-extent, extent, -extent, extent)
    picture = ax.contourf(field, extent=ends, cmap="viridis", levels=12)
    ax.plot(*query.tolist(), "*", color=VERMILION, markersize=13, markeredgecolor="white")
    ax.set(xlabel="first entry of the key", title=title, aspect="equal")
    ax.figure.colorbar(picture, ax=ax, shrink=0.75)
    return ax


def outputs_and_values(
    ax: Axes, values: Float[Tensor, "S 2"], outputs: Mapping[str, Float[Tensor, "T 2"]], *, reach: float = 3.0
) -> Axes:
    """Outputs of many queries among the values, which are corners of the polygon; the view is `reach` times as wide.

    The values must stand in order around their polygon.
    """
    corners = values.detach().cpu()
    ax.add_patch(Polygon(corners, facecolor=GREEN + "25", edgecolor=GREEN, linewidth=1.2))
    for (name, points), colour, marker in zip(outputs.items(), (VERMILION, BLUE), "x.", strict=False):
        ax.plot(*points.detach().cpu().T, marker, color=colour, markersize=4, label=name)
    ax.plot(*corners.T, "s", color=GREEN, label="values")
    middle, half = corners.mean(dim=0), (corners.amax(0) - corners.amin(0)).max().item() / 2 * reach
    ax.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half), aspect="equal")
    ax.set(xlabel="first entry", ylabel="second entry")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


# --- what √d does


def against_width(
    ax: Axes,
    widths: Sequence[int],
    curves: Mapping[str, Sequence[float | int]],
    *,
    ylabel: str,
    expected: Mapping[str, Sequence[float | int]] | None = None,
    logarithmic: bool = False,
) -> Axes:
    """Measured curves (dots) against d on a logarithmic axis, and what is expected of each of that name (a line)."""
    expected = expected or {}
    for (name, measured), colour in zip(curves.items(), COLOURS, strict=False):
        colour = COLOUR_OF.get(name, colour)
        ax.plot(widths, list(measured), "o" if name in expected else "-o", color=colour, markersize=4, label=name)
        if name in expected:
            ax.plot(widths, list(expected[name]), color=colour, linewidth=1)
    if expected:
        ax.plot([], [], color=GREY, linewidth=1, label="lines: expected")
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")
    if logarithmic:
        ax.set_yscale("log", base=2)
        ax.yaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="d, length of queries and keys", ylabel=ylabel)
    ax.legend(fontsize=8)
    return ax


def spreads(ax: Axes, measured: Float[Tensor, "layers heads"]) -> Axes:
    """A dot for each head: by how much the scaled scores of a query differ; the line is what √d was chosen for."""
    for number, layer in enumerate(measured.detach().cpu(), start=1):
        ax.plot([number] * len(layer), layer, "o", color=BLUE, alpha=0.5, markersize=5)
    ax.axhline(1, color=VERMILION, linewidth=1, label="independent entries of variance 1")
    ax.set_yscale("log", base=2)
    ax.set(xlabel="layer", ylabel="spread of q·k/√d over keys", xticks=range(1, len(measured) + 1))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.legend(loc="upper right")
    return ax


def entropy(weights: Float[Tensor, "*batch S"]) -> Float[Tensor, "*batch"]:
    """In bits, from 0 (one key has it all) to log2 S (all keys have the same)."""
    return torch.special.entr(weights).sum(dim=-1) / torch.log(torch.tensor(2.0))


def scaling(figure: Figure, Q: Float[Tensor, "N 1 most"], K: Float[Tensor, "N S most"], *, d: int, scale: str) -> str:
    """Scores of N queries with S keys each in the first d entries, and the weights of the first query.

    Args:
        scale: a name of `SCALES`.
    """
    z = (Q[..., :d] @ K[..., :d].mT).squeeze(1).cpu() * SCALES[scale](d)  # (N, S)
    weights = z.softmax(dim=-1)
    left, right = placed(figure, (0.06, 0.2, 0.4, 0.66), (0.56, 0.2, 0.4, 0.66))
    edge = 60
    counts = torch.histc(z.clamp(-edge, edge), 2 * edge, -edge, edge)
    left.stairs(counts.numpy(), range(-edge, edge + 1), fill=True, color=COLOUR_OF[scale])
    left.set(
        xlabel=f"score (beyond ±{edge}: at the edge)",
        ylabel="how many",
        title=f"all scores, scale: {scale}",
        xticks=(-edge, 0, edge),
        yticks=(),
    )
    right.stairs(weights[0].numpy(), torch.arange(z.shape[1] + 1) + 0.5, fill=True, color=COLOUR_OF[scale])
    right.set(xlabel="key", ylabel="weight", title="weights of one query", ylim=(0, 1), yticks=(0, 0.5, 1))
    right.set_xticks((1, z.shape[1]))
    bits, gradient = entropy(weights).mean().item(), 1 - weights.square().sum(-1).mean().item()
    most = torch.log2(torch.tensor(float(z.shape[1]))).item()
    return (
        f"d = {d}, scale {scale}: the scores have a spread of {z.std().item():.2f}, and this query gives "
        f"{weights[0].max().item():.2f} to its best key. Mean over {len(z)} queries: entropy {bits:.2f} of {most:.0f} "
        f"bits, softmax's gradient {gradient:.2f}."
    )


# --- the layer in numbers

STAGES = ("scores QKᵀ", "divided by √d", "softmax: A", "sum: Y = AV")


def numbers(
    ax: Axes,
    matrix: Float[Tensor, "rows columns"],
    corner: tuple[float, float],
    *,
    name: str,
    colour: str,
    row: int | None = None,
    shown: Sequence[int] | None = None,
) -> None:
    """A matrix in cells of size 1, its top left at `corner`. One row stands out; those not `shown` stay empty."""
    x, y = corner
    T, S = matrix.shape
    faces = [[to_rgba(colour, 0.27 if i == row else 0.07)] * S for i in range(T)]
    edges = torch.arange(S + 1) + x, y - torch.arange(T + 1)
    ax.pcolormesh(*edges, faces, edgecolors=colour, linewidth=0.8)
    for i in range(T) if shown is None else shown:
        for j, value in enumerate(matrix[i].tolist()):
            text = f"{value:g}" if value * 2 == int(value * 2) else f"{value:.2f}"
            ax.text(x + j + 0.5, y - i - 0.5, text, ha="center", va="center", fontsize=8)
    ax.text(x + matrix.shape[1] / 2, y + 0.15, name, ha="center", va="bottom", fontsize=9, color=GREY)


def computation(
    ax: Axes,
    Q: Float[Tensor, "T d"],
    K: Float[Tensor, "S d"],
    V: Float[Tensor, "S v"],
    *,
    stage: int = len(STAGES),
    query: int | None = None,
) -> str:
    """softmax(QKᵀ/√d)V with all its numbers; or those of one query (counted from 0), up to a stage (1 to 4)."""
    T, d, S, v = *Q.shape, *V.shape
    Q, K, V = Q.cpu(), K.cpu(), V.cpu()
    Z = Q @ K.T  # (T, S)
    scaled = Z / d**0.5
    A = scaled.softmax(dim=-1)
    Y = A @ V  # (T, v)
    rows = range(T) if query is None else (query,)
    high, gap = max(S, T, d), 1.6
    top = 2 * high + 2.4
    canvas(ax, d + S + 2 * max(S, v) + 3 * gap + 0.2, top + 1)
    x, low = 0.1 + d + gap, high + 0.7  # where the second matrix of the first line stands, and the top of the second
    numbers(ax, Q, (0.1, top), name="Q", colour=ORANGE, row=query)
    numbers(ax, K.T, (x, top), name="Kᵀ", colour=BLUE)
    numbers(ax, V, (x + S + gap, low), name="V", colour=GREEN)
    for number, (matrix, name, colour, corner) in enumerate(
        (
            (Z, "QKᵀ", SKY, (x + S + gap, top)),
            (scaled, f"QKᵀ/√{d}", SKY, (x + 2 * (S + gap), top)),
            (A, "A: softmax of each row", PURPLE, (x, low)),
            (Y, "Y = AV", VERMILION, (x + S + v + 2 * gap, low)),
        ),
        start=1,
    ):
        numbers(ax, matrix, corner, name=name, colour=colour, row=query, shown=rows if number <= stage else ())
    first, second = ([gap / 2 + step for step in steps] for steps in ((-gap, S, 2 * S + gap), (S, S + v + gap)))
    for places, y, signs in ((first, top - T / 2, "·=→"), (second, low - T / 2, "·=")):
        for place, sign in zip(places, signs, strict=True):
            ax.text(x + place, y, sign, ha="center", va="center", fontsize=11)
    if query is None:
        return f"{T} queries, {S} keys, d = {d}."
    now = (Z, scaled, A, Y)[stage - 1][query]
    return f"Query {query + 1}, stage {stage}, {STAGES[stage - 1]}: {row_of(now)}."


# --- maps of a layer on a real input


def layer_maps(
    figure: Figure,
    signal: Float[Tensor, " T"],
    Q: Float[Tensor, "T d_k"],
    K: Float[Tensor, "T d_k"],
    V: Float[Tensor, "T d_v"],
) -> dict[str, Axes]:
    """A self-attention layer on one signal, so laid out that products can be read off.

    The map A stands below Kᵀ and Vᵀ, which share its columns, and between Q and Y, which share its rows.
    """
    A = (Q @ K.mT / Q.shape[-1] ** 0.5).softmax(dim=-1)  # (T, T)
    parts = {"Vᵀ": V.mT, "Kᵀ": K.mT, "Q": Q, "A": A, "Y": A @ V}
    axes = figure.subplot_mosaic(
        [[".", ".", "x", "."], [".", ".", "Vᵀ", "."], [".", ".", "Kᵀ", "."], ["x turned", "Q", "A", "Y"]],
        width_ratios=(0.35, 0.5, 1, 0.5),
        height_ratios=(0.35, 0.5, 0.5, 1),
    )
    curve, samples = signal.detach().cpu(), range(len(signal))
    axes["x"].plot(samples, curve, color=GREY, drawstyle="steps-mid")
    axes["x"].set(xlim=(-0.5, len(signal) - 0.5), xticks=[], ylabel="x")
    axes["x turned"].plot(curve, samples, color=GREY, drawstyle="steps-mid")
    axes["x turned"].set(ylim=(len(signal) - 0.5, -0.5), xlabel="x", ylabel="query: sample")
    for name, matrix in parts.items():
        shown = matrix.detach().cpu()
        top = shown.abs().max().item()
        limits = {"vmin": 0, "cmap": "viridis"} if name == "A" else {"vmin": -top, "cmap": "PuOr"}
        axes[name].imshow(shown, aspect="auto", vmax=top, interpolation="nearest", **limits)
        axes[name].set(xticks=[], yticks=[])
        axes[name].set_title(name, loc="left", fontsize=10)
    axes["A"].set(xlabel="key: sample")
    figure.colorbar(axes["A"].images[0], ax=axes["Y"], label="weight in A")
    return axes
