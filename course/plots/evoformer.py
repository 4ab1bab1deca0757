"""Pictures of AlphaFold's Evoformer: where it stands, its two tracks, its biased attention, and who hears of what."""

from collections.abc import Mapping
from itertools import pairwise

import matplotlib
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course.plots.diagrams import Box, arrow, box, canvas
from course.plots.palette import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

Changes = tuple[Float[Tensor, "sequences residues"], Float[Tensor, "residues residues"]]  # in m and in z


# --- diagrams


def alphafold(ax: Axes) -> Axes:
    """From a sequence to a structure. What this course builds is filled in; what it only names is an outline."""
    canvas(ax, 16.0, 5.6)
    named = {"colour": GREY, "filled": False, "fontsize": 8}
    sequence = box(ax, "sequence\nof N residues", (1.3, 2.6), width=2.0, height=1.0, fontsize=8)
    search = box(ax, "search for\nrelatives", (4.0, 4.0), width=1.9, height=1.0, **named)
    templates = box(ax, "search for\ntemplates", (4.0, 1.2), width=1.9, height=1.0, **named)
    m = box(ax, "MSA\nrepresentation m\n(S, N, 256)", (7.0, 4.0), width=2.5, height=1.4, colour=ORANGE, fontsize=8)
    z = box(ax, "pair\nrepresentation z\n(N, N, 128)", (7.0, 1.2), width=2.5, height=1.4, colour=SKY, fontsize=8)
    stack = box(ax, "Evoformer\n48 blocks", (10.0, 2.6), width=1.9, height=2.6, colour=GREEN)
    module = box(ax, "structure\nmodule", (13.0, 2.6), width=1.7, height=2.6, **named)
    ax.text(15.2, 2.6, "places of\nall atoms", ha="center", va="center", fontsize=8)
    arrow(ax, sequence.top, search.left, bend=-0.2)
    arrow(ax, sequence.bottom, templates.left, bend=0.2, colour=GREY)
    arrow(ax, search.right, m.left)
    arrow(ax, templates.right, z.left, colour=GREY)
    arrow(ax, sequence.right, (z.left[0], z.y + 0.4), bend=-0.1)
    arrow(ax, m.right, (stack.left[0], 3.3))
    arrow(ax, z.right, (stack.left[0], 1.9))
    for y, name in ((3.3, "first row of m"), (1.9, "z")):
        arrow(ax, (stack.right[0], y), (module.left[0], y), name.replace(" of", "\nof"), shift=(0, 0.38), fontsize=7)
    arrow(ax, module.right, (14.5, 2.6))
    ax.plot([13.0, 13.0, 7.0], [3.95, 5.2, 5.2], color=GREY, linewidth=1.2)
    ax.text(10.0, 5.4, "recycling: three more times, to m and z", ha="center", va="center", fontsize=8, color=GREY)
    arrow(ax, (7.0, 5.2), m.top, colour=GREY)
    return ax


LAYERS = {  # sub-layer -> colour, line of Algorithm 6, in which track
    "row\nattention": (BLUE, 2, "m"),
    "column\nattention": (BLUE, 3, "m"),
    "transition": (GREEN, 4, "m"),
    "outer\nproduct\nmean": (PURPLE, 5, "between"),
    "triangles ×\noutgoing": (VERMILION, 6, "z"),
    "triangles ×\nincoming": (VERMILION, 7, "z"),
    "triangle\nattention\nstarting": (BLUE, 8, "z"),
    "triangle\nattention\nending": (BLUE, 9, "z"),
    "transition ": (GREEN, 10, "z"),
}


def two_tracks(ax: Axes) -> Axes:
    """One Evoformer block from left to right, MSA track above, pair track below, with the lines of Algorithm 6."""
    heights, step = {"m": 4.3, "between": 2.75, "z": 1.2}, 1.83
    canvas(ax, 3.4 + step * len(LAYERS), 5.6)
    places = {}
    for number, (text, (colour, line, track)) in enumerate(LAYERS.items()):
        centre = 2.75 + step * number, heights[track]
        places[text] = box(ax, text.strip(), centre, width=1.55, height=1.05, colour=colour, fontsize=7)
        ax.text(centre[0], centre[1] + 0.72, f"line {line}", ha="center", va="center", fontsize=6.5, color=GREY)
    right = 2.75 + step * len(LAYERS)
    for name, shape, track, colour in (("m", "(S, N, c_m)", "m", ORANGE), ("z", "(N, N, c_z)", "z", SKY)):
        y = heights[track]
        ends = [box(ax, name, (x, y), width=0.7, height=0.7, colour=colour, fontsize=10) for x in (0.75, right - 0.1)]
        for end in ends:
            ax.text(end.x, y - 0.68, shape, ha="center", va="center", fontsize=7)
        _chain(ax, [ends[0], *(places[text] for text, (_, _, of) in LAYERS.items() if of == track), ends[1]])
    row, outer = places["row\nattention"], places["outer\nproduct\nmean"]
    arrow(
        ax, (row.x, heights["z"]), row.bottom, "bias of the scores:\none for each pair", shift=(1.25, 0.1), fontsize=7
    )
    arrow(ax, (outer.x, heights["m"]), (outer.x, outer.top[1] + 0.4))
    arrow(ax, outer.bottom, (outer.x, heights["z"] + 0.2))
    ax.plot([row.x, outer.x], [heights["z"], heights["m"]], ".", color=BLACK, markersize=5)
    ax.text(outer.x, heights["z"], "⊕", ha="center", va="center", fontsize=11, backgroundcolor="white")
    ax.text(0.2, 5.4, "MSA track", fontsize=9, va="top", color=ORANGE, fontweight="bold")
    ax.text(0.2, 0.02, "pair track", fontsize=9, va="bottom", color=BLUE, fontweight="bold")
    return ax


def _chain(ax: Axes, boxes: list[Box]) -> None:
    for left, right in pairwise(boxes):
        arrow(ax, left.right, right.left)


# --- numbers


def biased_scores(
    figure: Figure,
    scores: Float[Tensor, "residues residues"],
    bias: Float[Tensor, "residues residues"],
    weights: Float[Tensor, "residues residues"],
) -> list[Axes]:
    """One head of row attention in one sequence: what the sequence says, what the pairs say, both, and the weights."""
    most = max(x.abs().max().item() for x in (scores, bias, scores + bias))
    axes = list(figure.subplots(1, 4))
    parts = {"scores q·k / √c": scores, "+ bias b": bias, "= sum": scores + bias}
    for ax, (title, matrix) in zip(axes, parts.items(), strict=False):
        shown = ax.imshow(matrix.detach().cpu().numpy(), cmap="PuOr", vmin=-most, vmax=most)
        ax.set_title(title)
    last = axes[3].imshow(weights.detach().cpu().numpy(), cmap="viridis", vmin=0, vmax=1)
    axes[3].set_title("softmax over j")
    for ax in axes:
        ax.set_xlabel("residue j")
        ax.locator_params(integer=True, nbins=5)
    axes[0].set_ylabel("residue i")
    figure.colorbar(shown, ax=axes[:3], shrink=0.75, location="left")
    figure.colorbar(last, ax=axes[3], shrink=0.75)
    return axes


FLOOR = -6.0  # log10 of the smallest change that is told from a larger one


def spread(figure: Figure, changes: Mapping[str, Changes]) -> list[list[Axes]]:
    """How a change in one place spreads through both representations, step by step.

    Args:
        changes: by the name of a step: the sizes of the changes in m (S, N) and in z (N, N) after it. What is exactly
            zero is left white; the rest is shown on a logarithmic scale, as a share of the largest change of all.
    """
    top = max(change.max().item() for both in changes.values() for change in both)
    colours = matplotlib.colormaps["viridis"].with_extremes(bad="white")
    grid = figure.subplots(2, len(changes), squeeze=False)
    for column, (title, both) in zip(grid.T, changes.items(), strict=True):
        for ax, change in zip(column, both, strict=True):
            logarithm = (change.detach().cpu() / top).log10().clamp(min=FLOOR)
            logarithm = logarithm.masked_fill(change.cpu() == 0, torch.nan)
            shown = ax.imshow(logarithm.numpy(), cmap=colours, vmin=FLOOR, vmax=0)
            ax.set(xticks=[], yticks=[])
            ax.spines[["top", "right"]].set_visible(True)
        column[0].set_title(title, fontsize=8)
    grid[0, 0].set(ylabel="m: sequence s", xlabel="residue i")
    grid[1, 0].set(ylabel="z: residue i", xlabel="residue j")
    bar = figure.colorbar(shown, ax=grid, shrink=0.8)
    bar.set_label("change, share of the largest")
    bar.set_ticks([FLOOR, FLOOR / 2, 0], labels=["10⁻⁶ or less", "10⁻³", "1"])
    return grid.tolist()


def source(ax: Axes, row: int, column: int) -> Axes:
    """Mark the cell where a change was made."""
    ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=VERMILION, linewidth=2))
    return ax
