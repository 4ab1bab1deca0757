"""Pictures of triangles i, k, j: the edges that update one another, and what two sides say of the third."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Rectangle, Wedge
from torch import Tensor

from course.plots.diagrams import arrow, canvas
from course.plots.palette import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION

Number = float | int


# --- edges


class Kind(NamedTuple):
    """A triangle layer: the two edges that (i, j) hears of by way of k, and what they are to it."""

    title: str
    first: str  # its two ends
    second: str
    roles: tuple[str, str]


KINDS = {
    "outgoing": Kind("multiplication, outgoing", "ik", "jk", ("a", "b")),
    "incoming": Kind("multiplication, incoming", "ki", "kj", ("a", "b")),
    "starting": Kind("attention, starting node", "ik", "jk", ("key", "bias")),
    "ending": Kind("attention, ending node", "kj", "ki", ("key", "bias")),
}
CORNERS = {"i": (1.0, 1.0), "j": (5.0, 1.0), "k": (3.0, 4.2)}


def edges(ax: Axes, kind: str) -> Axes:
    """The triangle as a graph: the edge (i, j) that is updated, dashed, and the two that it hears of.

    Raises:
        KeyError: kind is none of "outgoing", "incoming", "starting", "ending".
    """
    layer = KINDS[kind]
    canvas(ax, 6, 5.2)
    _edge(ax, "ij", "z", GREY, (0, -0.45), dashed=True)
    for edge, role, colour in zip((layer.first, layer.second), layer.roles, (BLUE, VERMILION), strict=True):
        outside = -0.75 if "i" in edge else 0.75
        _edge(ax, edge, role, colour, (outside, 0.25))
    for name, centre in CORNERS.items():
        ax.add_patch(Circle(centre, 0.38, facecolor="white", edgecolor=BLACK, zorder=3))
        ax.text(*centre, name, ha="center", va="center", zorder=4)
    ax.set_title(layer.title, fontsize=9)
    return ax


def _edge(ax: Axes, ends: str, role: str, colour: str, shift: tuple[Number, Number], dashed: bool = False) -> None:
    """An arrow between two corners, outside their circles, named by its role and its ends."""
    start, end = (torch.tensor(CORNERS[name]) for name in ends)
    gap = 0.42 * (end - start) / (end - start).norm()
    name = f"{role}$_{{{ends}}}$"
    arrow(
        ax,
        tuple((start + gap).tolist()),
        tuple((end - gap).tolist()),
        name,
        colour=colour,
        shift=shift,
        width=1.8,
        fontsize=9,
    )
    if dashed:
        ax.patches[-1].set_linestyle((0, (3, 2)))


def cells(ax: Axes, kind: str, size: int, i: int, j: int) -> Axes:
    """The same edges on the map z of `size` residues: the cell (i, j), and the two lines it hears of, for all k."""
    layer = KINDS[kind]
    ax.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal", xlabel="to", ylabel="from")
    ax.set_xticks([i, j], ["i", "j"])
    ax.set_yticks([i, j], ["i", "j"])
    where = {"i": i, "j": j}
    for edge, colour in ((layer.first, BLUE), (layer.second, VERMILION)):
        for k in range(size):
            row, column = (where.get(node, k) for node in edge)
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=colour + "70", edgecolor="white"))
    ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=BLACK, linewidth=2, linestyle="--"))
    ax.spines[["top", "right"]].set_visible(True)
    return ax


# --- bounds


def third_point(ax: Axes, d_ik: tuple[Number, Number], d_jk: tuple[Number, Number], d_ij: Number, k: str) -> Axes:
    """What two sides allow: k at the origin, i at the distance d_ik on its left, and the ring of all places for j.

    Args:
        d_ik, d_jk: lower and upper bound of either side, in Å; the two agree where a side is known.
        d_ij: the true length of the third side: where it can be one, j is shown.
        k: the third point's name.
    """
    far = d_ik[0] if d_ik[0] == d_ik[1] else sum(d_ik) / 2  # where a side is not known, i stands in the middle
    inner, outer = d_jk
    ax.add_patch(Wedge((0, 0), outer + 0.15, 0, 360, width=outer - inner + 0.3, color=ORANGE, alpha=0.35, linewidth=0))
    ax.plot([-far, 0], [0, 0], color=BLUE, linewidth=2)
    if d_ik[0] < d_ik[1]:
        ax.plot([-d_ik[1], -d_ik[0]], [0, 0], color=BLUE, linewidth=7, alpha=0.35, solid_capstyle="butt")
    middle = (inner + outer) / 2
    cosine = (far**2 + middle**2 - d_ij**2) / (2 * far * middle)
    points = {"i": (-far, 0.0), k: (0.0, 0.0)}
    if abs(cosine) <= 1:
        place = -middle * cosine, middle * (1 - cosine**2) ** 0.5
        points["j"] = place
        ax.plot([0, place[0]], [0, place[1]], color=VERMILION, linewidth=2)
        ax.plot([-far, place[0]], [0, place[1]], color=GREY, linestyle="--")
    for name, (x, y) in points.items():
        ax.plot(x, y, "o", color=BLACK, markersize=5)
        ax.annotate(name, (x, y), (4, 5) if name == "j" else (-3, -14), textcoords="offset points")
    reach = max(outer, far) + 1.5
    ax.set(xlim=(-max(far, outer) - 1.5, outer + 1.5), ylim=(-reach, reach), aspect="equal", xlabel="Å")
    return ax


def intervals(
    ax: Axes,
    lows: Float[Tensor, " third"],
    highs: Float[Tensor, " third"],
    names: Sequence[str],
    chosen: int | None,
    truth: Number,
    top: Number,
) -> Axes:
    """What each third point allows for d_ij, one bar each; what all of them allow together is shaded.

    Args:
        lows, highs: bounds in Å; a bound of infinity goes beyond `top`, where the picture ends.
        names: of the third points, from the bottom.
        chosen: the place of the one in colour.
        truth: the true distance, a dashed line.
    """
    lows, highs = lows.clamp(min=0).cpu(), highs.cpu()
    low, high = lows.max().item(), highs.min().item()
    if low <= high:
        ax.axvspan(low, min(high, top), color=GREEN, alpha=0.2, linewidth=0)
    rows = range(len(names))
    colours = [ORANGE if row == chosen else GREY for row in rows]
    ax.hlines(rows, lows.tolist(), highs.clamp(max=2 * top).tolist(), colors=colours, linewidth=5)
    ax.axvline(truth, color=BLACK, linestyle="--", linewidth=1)
    ax.set_yticks(rows, names, fontsize=7)
    ax.set(xlim=(0, top), ylim=(-0.7, len(names) - 0.3), xlabel="d_ij in Å", ylabel="third point k")
    return ax


def gaps(
    axes: Iterable[Axes],
    rounds: Sequence[tuple[Float[Tensor, "N N"], Float[Tensor, "N N"]]],
    known: Bool[Tensor, "N N"],
) -> None:
    """How far upper and lower bound lie apart, pair by pair, after each round; unbounded pairs are white.

    Args:
        rounds: lower and upper bounds in Å, starting with those before the first round.
        known: the distances that were given; the gap there is zero.
    """
    axes = list(axes)
    top = max(gap[gap.isfinite()].max().item() for gap in (upper - lower for lower, upper in rounds))
    for number, (ax, (lower, upper)) in enumerate(zip(axes, rounds, strict=True)):
        gap = (upper - lower).cpu()
        shown = ax.imshow(gap.masked_fill(gap.isinf(), torch.nan).numpy(), cmap="viridis", vmin=0, vmax=top)
        open_, hidden = int(gap.isinf().sum()) // 2, int((~known).sum()) // 2
        ax.set(title=f"round {number}: {open_} of {hidden} open", xlabel="residue j")
    axes[0].set_ylabel("residue i")
    axes[0].figure.colorbar(shown, ax=axes, shrink=0.8).set_label("upper − lower, Å")
