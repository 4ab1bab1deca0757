"""Pictures of a soft look-up: its weights, its mean, the objects on a table, and the whole computation."""

from collections.abc import Sequence
from functools import lru_cache

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, Polygon, Rectangle
from torch import Tensor

from course.plots.diagrams import arrow, box, canvas
from course.plots.palette import BLACK, BLUE, GREEN, GREY, ORANGE, SKY, VERMILION

Points = Float[Tensor, "points 2"]
Weights = Float[Tensor, " keys"]


def side_by_side(
    figure: Figure, ratio: float, *, left: float, wspace: float, bottom: float = 0.18, top: float = 0.83
) -> tuple[Axes, Axes]:
    """Two Axes at fixed places, the first `ratio` times as wide: a widget has no time to compute a layout."""
    with matplotlib.rc_context({"figure.constrained_layout.use": False, "figure.autolayout": False}):
        figure.set_layout_engine(None)  # not "none": its placeholder makes savefig draw everything twice
    grid = {"left": left, "right": 0.985, "bottom": bottom, "top": top, "wspace": wspace}
    return tuple(figure.subplots(1, 2, width_ratios=[ratio, 1], gridspec_kw=grid))


# --- where the mean of the values lies


def convex_hull(points: Points) -> Float[Tensor, "corners 2"]:
    """The corners of the smallest convex polygon around the points, counter-clockwise (Andrew's monotone chain)."""
    ordered = sorted({(x, y) for x, y in points.tolist()})

    def chain(candidates: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for x, y in candidates:
            while len(kept) > 1:
                (ax, ay), (bx, by) = kept[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:  # a left turn
                    break
                kept.pop()
            kept.append((x, y))
        return kept

    if len(ordered) < 3:
        return torch.tensor(ordered, dtype=points.dtype)
    return torch.tensor(chain(ordered)[:-1] + chain(ordered[::-1])[:-1], dtype=points.dtype)  # (corners, 2)


def plane_of_values(ax: Axes, words: Sequence[str], values: Points) -> Axes:
    """The values as points with their words, and the hull that no weighted mean leaves."""
    values = values.detach().cpu()
    ax.add_patch(Polygon(convex_hull(values).numpy(), facecolor=SKY + "30", edgecolor=SKY, label="convex hull"))
    ax.plot(*values.T, "o", color=BLUE, label="values $v_j$")
    for word, (x, y) in zip(words, values.tolist(), strict=True):
        ax.annotate(word, (x, y), (0, 6), textcoords="offset points", ha="center", fontsize=9)
    ax.set(xlabel="first coordinate of the value", ylabel="second coordinate")
    ax.locator_params(nbins=4)
    ax.margins(0.18)
    return ax


def soft_lookup(figure: Figure, query: str, words: Sequence[str], weights: Weights, values: Points) -> str:
    """Left the weights of one query as bars, right where the mixed value y = Σ α_j v_j lies; says so in words."""
    left, right = side_by_side(figure, 0.8, left=0.13, wspace=0.24)
    weights, values = weights.detach().cpu(), values.detach().cpu()
    bars = left.barh(range(len(words)), weights.tolist(), color=BLUE)
    left.bar_label(bars, [f"{w:.2f}" for w in weights.tolist()], padding=2, fontsize=8)
    left.set_yticks(range(len(words)), words)
    left.invert_yaxis()
    left.set(xlim=(0, 1.18), xticks=[0, 0.5, 1], xlabel="weight $\\alpha_j$", title=f"query: {query}")
    plane_of_values(right, words, values)
    x, y = (weights @ values).tolist()
    right.plot(x, y, "*", color=VERMILION, markersize=15, label="mixed value y")
    right.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=0.8)
    order = weights.argsort(descending=True, stable=True).tolist()
    first, second = ((words[i], float(weights[i])) for i in order[:2])
    return (
        f"For the query “{query}” the largest weights are {first[1]:.2f} ({first[0]}) and {second[1]:.2f} "
        f"({second[0]}); the mixed value lies at ({x:.2f}, {y:.2f})."
    )


def temperatures(
    figure: Figure,
    words: Sequence[str],
    taus: Float[Tensor, " temperatures"],
    weights: Float[Tensor, "temperatures keys"],
    values: Float[Tensor, "keys 2"],
) -> tuple[Axes, Axes]:
    """Left each weight as the temperature rises, right the path of the mixed value, from the coldest to the hottest."""
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.1])
    for word, line in zip(words, weights.detach().cpu().T, strict=True):
        left.semilogx(taus.cpu(), line, label=word)
    left.axhline(1 / len(words), color=GREY, linestyle=":", linewidth=1, label="1/S")
    left.set(xlabel="temperature $\\tau$", ylabel="weight $\\alpha_j$", ylim=(-0.02, 1.02))
    left.legend(fontsize=7)
    plane_of_values(right, words, values)
    path = weights.detach().cpu() @ values.detach().cpu()  # (temperatures, 2)
    right.plot(*path.T, color=VERMILION, linewidth=2, label="mixed value y($\\tau$)")
    right.plot(*path[-1], "s", color=VERMILION, label="hottest: the mean")
    right.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, columnspacing=0.8)
    return left, right


# --- five objects on a table

OBJECTS = ("newspaper", "paper", "red cup", "notebook", "book")
PLACES = ((1.3, 2.7), (3.2, 1.75), (5.0, 2.75), (6.8, 1.75), (8.8, 2.7))
EYE = (5.0, 0.25)
PAPER, INK, CUP = "#f4f1ea", "#55504a", "#c8141e"


def draw_objects(ax: Axes) -> Axes:
    """A table seen from above, with `OBJECTS` at `PLACES`; the cup alone has a colour."""
    canvas(ax, 10, 3.8)
    ax.add_patch(Rectangle((0.1, 0.75), 9.8, 3.0, facecolor="#e2ddd3", edgecolor=GREY))
    for name, (x, y) in zip(OBJECTS, PLACES, strict=True):
        if name == "red cup":
            ax.add_patch(Ellipse((x + 0.52, y), 0.45, 0.34, facecolor="none", edgecolor=CUP, linewidth=3.5))
            ax.add_patch(Circle((x, y), 0.48, facecolor=CUP, edgecolor="#7d0a10"))
            ax.add_patch(Circle((x, y), 0.36, facecolor="#3b2314"))
            continue
        width, height = (1.5, 1.1) if name == "newspaper" else (1.0, 1.1)
        ax.add_patch(Rectangle((x - width / 2, y - 0.55), width, height, facecolor=PAPER, edgecolor=INK))
        if name == "newspaper":
            ax.text(x, y + 0.36, "NEWS", ha="center", va="center", fontsize=7, weight="bold", color=INK)
            for column in (-0.62, 0.08):
                ax.hlines(y + 0.12 - 0.13 * torch.arange(5), x + column, x + column + 0.54, color=INK, linewidth=1)
        elif name == "notebook":
            ax.plot([x - 0.42] * 6, (y - 0.42 + 0.17 * torch.arange(6)).tolist(), "o", color=INK, markersize=2.5)
            ax.hlines(y - 0.38 + 0.19 * torch.arange(5), x - 0.28, x + 0.42, color=GREY, linewidth=0.6)
        elif name == "book":
            ax.add_patch(Rectangle((x - 0.5, y - 0.55), 0.14, 1.1, facecolor=INK, edgecolor=INK))
            ax.text(x + 0.07, y + 0.1, "A\nNovel", ha="center", va="center", fontsize=7, family="serif", color=INK)
    return ax


@lru_cache(maxsize=1)
def picture_of_table() -> Float[Tensor, "height width 3"]:
    """`draw_objects` in pixels, from 0 to 1. A widget draws it anew at each move: forty shapes would take too long."""
    figure = Figure(figsize=(5, 1.9), dpi=120, layout="none")
    surface = FigureCanvasAgg(figure)
    draw_objects(figure.add_axes((0, 0, 1, 1)))
    surface.draw()
    return torch.tensor(np.asarray(surface.buffer_rgba()))[..., :3] / 255  # (height, width, 3)


def table(ax: Axes, weights: Float[Tensor, "5"], title: str = "") -> Axes:
    """The objects, and how a look is shared out among them: lines from the eye, as thick as the weights."""
    canvas(ax, 10, 3.8).imshow(picture_of_table().numpy(), extent=(0, 10, 0, 3.8))
    ax.add_patch(Ellipse(EYE, 0.95, 0.42, facecolor="white", edgecolor=BLACK, zorder=4))
    ax.add_patch(Circle(EYE, 0.15, facecolor=BLUE, edgecolor=BLACK, zorder=5))
    for (x, y), weight, name in zip(PLACES, weights.detach().cpu().tolist(), OBJECTS, strict=True):
        ax.plot([EYE[0], x], [EYE[1], y - 0.3], color=ORANGE, linewidth=0.4 + 9 * weight, alpha=0.75, zorder=3)
        label = f"{name} {weight:.2f}"
        place = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        ax.text(x, y + 0.74, label, ha="center", va="center", fontsize=8, bbox=place, zorder=6)
    ax.set_title(title)
    return ax


def gaze(ax: Axes, at: str, title: str = "") -> Axes:
    """The table as an eye has it that looks at one object: sharp there, and the less so the further away.

    Raises:
        ValueError: no such object.
    """
    if at not in OBJECTS:
        raise ValueError(f"on the table are {', '.join(OBJECTS)}, and no {at}")
    sharp = picture_of_table().permute(2, 0, 1)  # (3, height, width)
    height, width = sharp.shape[1:]
    x, y = PLACES[OBJECTS.index(at)]
    columns, rows = torch.arange(width) * 10 / width, 3.8 - torch.arange(height)[:, None] * 3.8 / height
    distance = ((columns - x) ** 2 + (rows - y) ** 2).sqrt()  # (height, width), in units of the table
    seen = sharp
    for size, beyond in ((5, 0.7), (9, 1.0), (13, 1.5), (19, 2.2), (25, 3.2)):
        blurred = sharp[None]  # (1, 3, height, width)
        for window in 2 * ((1, size), (size, 1)):  # twice along both axes: no hard edges
            margins = [window[1] // 2] * 2 + [window[0] // 2] * 2
            blurred = F.avg_pool2d(F.pad(blurred, margins, mode="replicate"), window, stride=1)
        seen = torch.where(distance > beyond, blurred[0], seen)
    ax.imshow(seen.permute(1, 2, 0).numpy(), aspect="equal")
    ax.set_axis_off()
    ax.set_title(title)
    return ax


def cues(figure: Figure, wish: str, saliency: Weights, match: Weights, weights: Weights) -> str:
    """Left the table with the weights, right the two parts of each score: β · saliency, and query · key."""
    left, right = side_by_side(figure, 2.1, left=0.01, wspace=0.32)
    table(left, weights, f"wish: {wish}")
    for shift, part, colour, label in (
        (-0.2, saliency, VERMILION, "β · saliency"),
        (0.2, match, BLUE, "query · key"),
    ):
        rows = [row + shift for row in range(len(OBJECTS))]
        right.barh(rows, part.tolist(), height=0.36, color=colour)
        right.text(0.2, 1.02 + 0.35 * (0.2 - shift), label, color=colour, transform=right.transAxes)
    right.set_yticks(range(len(OBJECTS)), OBJECTS)
    right.invert_yaxis()
    right.set(xlabel="part of the score", xlim=(0, 6.2), xticks=[0, 2, 4, 6])
    shares = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(OBJECTS, weights.tolist(), strict=True))
    winner = int(weights.argmax())
    pull = "its looks" if saliency[winner] > match[winner] else "the wish"
    return f"Wish: {wish}. Weights: {shares}. The {OBJECTS[winner]} has the largest, mostly because of {pull}."


# --- queries, keys, values


def query_key_value(ax: Axes, names: Sequence[str], weights: Weights, query: str, output: str = "output") -> Axes:
    """Which part does what: the query is compared with every key, and the weights mix the values."""
    n = len(names)
    canvas(ax, 11.4, 0.95 * n + 1.6)
    middle = 0.95 * (n + 1) / 2 - 0.1
    asked = box(ax, query, (1.35, middle), width=2.3, height=1.1, colour=VERMILION)
    total = box(ax, "$\\sum_j \\alpha_j v_j$", (8.35, middle), width=1.35, height=0.9, colour=BLACK, filled=False)
    for row, (name, weight) in enumerate(zip(names, weights.tolist(), strict=True)):
        y = 0.95 * (n - row) - 0.1
        key = box(ax, name, (4.1, y), width=1.6, height=0.62, colour=GREEN)
        value = box(ax, name, (6.5, y), width=1.6, height=0.62, colour=BLUE)
        arrow(ax, asked.right, key.left, colour=GREY, width=0.9)
        ax.plot([key.right[0], value.left[0]], [y, y], color=ORANGE, linewidth=0.5 + 9 * weight)
        ax.text(5.3, y + 0.24, f"{weight:.2f}", ha="center", fontsize=8)
        arrow(ax, value.right, total.left, colour=ORANGE, width=0.5 + 5 * weight)
    result = box(ax, output, (10.35, middle), width=1.5, height=0.9, colour=BLUE)
    arrow(ax, total.right, result.left)
    top = 0.95 * n + 0.85
    for x, title, colour in (
        (1.35, "query\n(the volitional cue)", VERMILION),
        (4.1, "keys\n(how each may be found)", GREEN),
        (6.5, "values\n(what one gets)", BLUE),
        (8.35, "weighted mean", BLACK),
    ):
        ax.text(x, top, title, ha="center", va="center", fontsize=9, color=colour)
    return ax


def computation(
    figure: Figure, words: Sequence[str], query: Float[Tensor, " d_k"], K: Float[Tensor, "keys d_k"], V: Tensor
) -> list[Axes]:
    """The whole look-up of one query in numbers, from left to right: K, scores, scaled scores, weights, V, y.

    Each panel is a matrix with a row for each key; the query stands above K, the output below V.
    """
    query, K, V = (x.detach().cpu() for x in (query, K, V))
    scores = K @ query  # (S,)
    scaled = scores / len(query) ** 0.5
    weights = scaled.softmax(-1)
    panels = {
        "$K$": torch.cat([query[None], K]),
        "$q \\cdot k_j$": scores[:, None],
        "$/\\sqrt{d_k}$": scaled[:, None],
        "softmax": weights[:, None],
        "$V$": V,
        "$\\alpha_j v_j$": torch.cat([weights[:, None] * V, (weights @ V)[None]]),
    }
    axes = list(figure.subplots(1, len(panels), width_ratios=[x.shape[1] + 0.4 for x in panels.values()]))
    for ax, (title, matrix) in zip(axes, panels.items(), strict=True):
        begin = -1 if title == "$K$" else 0  # the query's row stands above those of the keys
        rows, columns = matrix.shape
        top = begin - 0.5
        reach = max(1.0, 1.6 * float(matrix.abs().max()))  # pale enough for the numbers
        ax.imshow(matrix.numpy(), cmap="PuOr_r", vmin=-reach, vmax=reach, extent=(-0.5, columns - 0.5, top + rows, top))
        for i in range(rows):
            for j in range(columns):
                ax.text(j, begin + i, f"{float(matrix[i, j]):.2g}", ha="center", va="center", fontsize=8)
        ax.set(ylim=(len(words) + 0.55, -1.6), xlim=(-0.55, columns - 0.45), title=title, xticks=[], yticks=[])
        ax.set_aspect("auto")
        for side in ax.spines.values():
            side.set_visible(False)
    axes[0].set_yticks(range(-1, len(words)), ["query", *words])
    axes[0].axhline(-0.5, color=BLACK, linewidth=2)
    axes[-1].axhline(len(words) - 0.5, color=BLACK, linewidth=2)
    axes[-1].set_yticks([len(words)], ["sum: y"])
    return axes
