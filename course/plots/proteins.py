"""Proteins as pictures: an alignment, which of its columns belong together, maps of distances, a chain in space."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D
from torch import Tensor

from course.plots.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

# Amino acids that resemble each other have one colour.
GROUPS = {
    "aromatic": ("FWY", VERMILION),
    "aliphatic": ("AILMVC", ORANGE),
    "polar": ("NQSTH", GREEN),
    "positive": ("KR", BLUE),
    "negative": ("DE", PURPLE),
    "glycine, proline": ("GP", SKY),
    "gap": ("-", "#EEEEEE"),
}
FURTHEST = 40.0  # Å: the end of the colour bar of distances between residues of a crop
Map = Float[Tensor, "rows columns"]


# --- alignments


def group_of(letter: str) -> int:
    """The number of a letter's group in `GROUPS`; what belongs to none counts as a gap."""
    return next((n for n, (letters, _) in enumerate(GROUPS.values()) if letter in letters), len(GROUPS) - 1)


def alignment(figure: Figure, rows: Sequence[str], columns: Sequence[str], bits: Float[Tensor, " columns"]) -> Axes:
    """Some aligned sequences as a coloured grid, and above it how much each column of the whole family is conserved.

    Args:
        rows: sequences of equal length.
        columns: what each column is called.
        bits: of information in each column (`conservation`).

    Returns:
        the axes of the grid.
    """
    above, grid = figure.subplots(2, 1, sharex=True, height_ratios=(1, max(1.0, 0.16 * len(rows))))
    above.bar(range(len(columns)), bits.tolist(), color=GREY)
    above.set_ylabel("conserved,\nbits", fontsize=8)
    colours = ListedColormap([pale(colour) for _, colour in GROUPS.values()])
    numbers = [[group_of(letter) for letter in row] for row in rows]
    grid.imshow(numbers, cmap=colours, norm=BoundaryNorm(range(len(GROUPS) + 1), len(GROUPS)), aspect="auto")
    for y, row in enumerate(rows):
        for x, letter in enumerate(row):
            grid.text(x, y, letter, ha="center", va="center", fontsize=7)
    grid.set_xticks(range(len(columns)), columns, rotation=90, fontsize=7)
    grid.set(yticks=[], ylabel="sequences", xlabel="column, by the residue of Pin1 in it")
    patches = [Patch(color=pale(colour), label=name) for name, (_, colour) in GROUPS.items()]
    figure.legend(handles=patches, loc="outside right upper", fontsize=7, handlelength=1)
    return grid


def pale(colour: str) -> tuple[float, ...]:
    """A colour on which black letters can be read."""
    return tuple(0.45 + 0.55 * part for part in to_rgb(colour))


def conservation(counts: Float[Tensor, "columns letters"]) -> Float[Tensor, " columns"]:
    """log2 of how many letters there are, less the entropy of the column: 0 where all are as frequent, in bits."""
    shares = counts / counts.sum(-1, keepdim=True)
    entropy = -torch.xlogy(shares, shares).sum(-1) / torch.log(torch.tensor(2.0))
    return torch.log2(torch.tensor(float(counts.shape[-1]))) - entropy


def joint_table(
    axes: Axes, joint: Float[Tensor, "first second"], letters: str, first: str, second: str, shown: int = 7
) -> Axes:
    """How often two letters stand together, in % (numbers), and how much more often than by chance (colours).

    Args:
        joint: how often each pair occurs, summing to 1.
        first, second: names of the two columns; only their most frequent letters are drawn.
        shown: how many of each.

    Returns:
        the axes; the caller adds `scale`.
    """
    alone = joint.sum(1), joint.sum(0)
    kept = [share.topk(min(shown, int((share > 0).sum()))).indices for share in alone]
    excess = 100 * (joint - torch.outer(*alone))[kept[0]][:, kept[1]]
    most = max(excess.abs().max().item(), 1e-3)
    axes.imshow(excess.numpy(), cmap="PuOr_r", vmin=-most, vmax=most)
    for y, row in enumerate(100 * joint[kept[0]][:, kept[1]]):
        for x, share in enumerate(row.tolist()):
            if share >= 0.05:
                dark = abs(excess[y, x].item()) > 0.65 * most
                colour = "white" if dark else "black"
                axes.text(x, y, f"{share:.1f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_yticks(range(len(kept[0])), [letters[n] for n in kept[0].tolist()])
    axes.set_xticks(range(len(kept[1])), [letters[n] for n in kept[1].tolist()])
    axes.set(ylabel=f"letter in {first}", xlabel=f"letter in {second}")
    return axes


def scale(beside: Axes, axes: Axes, label: str) -> Axes:
    """The colours of the picture in `axes`, drawn into `beside` with three ticks; quicker than a colour bar."""
    picture = axes.images[0]
    low, high = picture.get_clim()
    steps = torch.linspace(low, high, 64).unsqueeze(1).numpy()
    extent = (0, 1, low, high)
    beside.imshow(steps, cmap=picture.cmap, vmin=low, vmax=high, aspect="auto", origin="lower", extent=extent)
    beside.set(xticks=[], yticks=[low, (low + high) / 2, high])
    beside.yaxis.set_major_formatter("{x:.3g}")
    beside.yaxis.tick_right()
    beside.yaxis.set_label_position("right")
    beside.tick_params(labelsize=7)
    beside.set_ylabel(label, fontsize=8)
    return beside


# --- couplings


def couplings(
    axes: Axes,
    upper: Float[Tensor, "columns columns"],
    lower: Float[Tensor, "columns columns"],
    names: Sequence[str],
    *,
    marked: Int[Tensor, "pairs 2"] | None = None,
    title: str = "",
) -> Axes:
    """Two symmetric maps of a pair's strength in one square, each scaled to its own strongest pair.

    Args:
        upper, lower: drawn above and below the diagonal.
        names: of the columns.
        marked: pairs of columns, circled above the diagonal.
    """
    shown = [scores.detach().cpu() / scores.max().item() for scores in (upper, lower)]
    both = (shown[0].triu(1) + shown[1].tril(-1)).clamp(min=0)
    picture = axes.imshow(both.numpy(), cmap="Greys", vmin=0, vmax=1)
    axes.plot([-0.5, len(names) - 0.5], [-0.5, len(names) - 0.5], color=GREY, linewidth=0.6)
    if marked is not None:
        ys, xs = marked.T.tolist()
        axes.plot(xs, ys, "o", markersize=9, markerfacecolor="none", markeredgecolor=VERMILION)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(range(0, len(names), 3), names[::3])
    axes.tick_params(labelsize=7)
    axes.set(xlabel="column", ylabel="column", title=title)
    axes.figure.colorbar(picture, ax=axes, fraction=0.046, label="share of the strongest")
    return axes


# --- distances


def distance_map(
    axes: Axes,
    distances: Map,
    hidden: Bool[Tensor, "rows columns"] | None = None,
    *,
    title: str = "",
    top: float = FURTHEST,
    cmap: str = "viridis_r",
) -> Axes:
    """Distances between residues, in Å; what is hidden stays white. The caller adds `scale` or a colour bar."""
    shown = distances.detach().cpu().clone()
    if hidden is not None:
        shown[hidden] = torch.nan
    axes.imshow(shown.numpy(), cmap=cmap, vmin=0, vmax=top)
    axes.set_title(title, fontsize=9)
    ticks = range(0, len(shown), 10)
    axes.set(xticks=ticks, yticks=ticks)
    axes.tick_params(labelsize=7)
    axes.set_xlabel("residue", fontsize=8)
    return axes


def completions(
    figure: Figure, true: Map, hidden: Bool[Tensor, "rows columns"], found: dict[str, Map], most: float = 8.0
) -> None:
    """A true map and what is given of it; below, what each method makes of it; and by how much each is wrong.

    Args:
        found: completed maps by the method's name; the title of its errors has their mean over what is hidden.
        most: Å, the end of the errors' colour bar.
    """
    rows = figure.subplots(2, 1 + len(found), sharex=True, sharey=True)
    distance_map(rows[0, 0], true, title="true")
    distance_map(rows[1, 0], true, hidden, title=f"given: {share_known(hidden):.0%}")
    for (name, map_), (above, below) in zip(found.items(), rows.T[1:], strict=True):
        distance_map(above, map_, title=name)
        errors = (map_ - true).abs()
        distance_map(below, errors, title=f"wrong by {errors[hidden].mean():.2f} Å", top=most, cmap="magma_r")
    for ax in rows[0]:
        ax.set_xlabel("")
    for ax in rows[:, 0]:
        ax.set_ylabel("residue", fontsize=8)
    figure.colorbar(rows[0, 0].images[0], ax=rows[0], fraction=0.02).set_label("distance, Å", fontsize=8)
    figure.colorbar(rows[1, -1].images[0], ax=rows[1], fraction=0.02).set_label("error, Å", fontsize=8)


def share_known(hidden: Bool[Tensor, "rows columns"]) -> float:
    """Of the distances between different residues, how many are given."""
    N = len(hidden)
    return 1 - hidden.sum().item() / (N * (N - 1))


def errors_by_method(axes: Axes, errors: dict[str, float], learned: Sequence[str]) -> Axes:
    """Mean errors as bars, the largest on top; what was learned in another colour than what was not."""
    names = sorted(errors, key=errors.get)
    colours = [BLUE if name in learned else GREY for name in names]
    bars = axes.barh(names, [errors[name] for name in names], color=colours)
    axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.set(xlabel="mean error of hidden distances, Å")
    axes.margins(x=0.12)
    axes.legend(handles=[Patch(color=BLUE, label="network"), Patch(color=GREY, label="no network")], loc="lower right")
    return axes


def errors_by_share(
    axes: Axes, shares: Sequence[float], errors: dict[str, Sequence[float]], learned: Sequence[str]
) -> Axes:
    """Mean errors as curves over the share of distances that is given; what was learned solid, what was not dashed."""
    for name, curve in errors.items():
        axes.plot(shares, curve, "o-" if name in learned else "s--", label=name, markersize=4)
    axes.set(xlabel="share of distances given", ylabel="mean error of the\nhidden ones, Å", ylim=(0, None))
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return axes


# --- space


def chain(
    figure: Figure,
    places: Float[Tensor, "N 3"],
    window: slice | None = None,
    title: str = "",
    position: tuple[int, int, int] = (1, 1, 1),
) -> Axes3D:
    """A chain as a line through its Cα atoms, from its first residue (dark) to its last (yellow).

    Args:
        window: residues to draw thick.
        position: of the axes in the figure: rows, columns, number.
    """
    axes = figure.add_subplot(*position, projection="3d")
    points = (places - places.mean(0)).detach().cpu()
    colours = plt.get_cmap("viridis")(torch.linspace(0, 1, len(points)).numpy())
    for n in range(len(points) - 1):
        inside = window is not None and window.start <= n < window.stop - 1
        axes.plot(*points[n : n + 2].T.tolist(), color=colours[n], linewidth=4 if inside else 1.5)
    axes.set_title(title, fontsize=9)
    for axis, name in zip((axes.xaxis, axes.yaxis, axes.zaxis), "xyz", strict=True):
        axis.set_major_locator(MaxNLocator(4))
        axis.set_tick_params(labelsize=6, pad=-3)
        axis.set_label_text(f"{name}, Å", fontsize=7)
        axis.labelpad = -4
    axes.set_box_aspect((points.amax(0) - points.amin(0)).tolist(), zoom=0.85)  # room for the labels
    return axes


# --- numbers that the pictures need


def joint_of(
    tokens: Int[Tensor, "n columns"], first: int, second: int, letters: int
) -> Float[Tensor, "letters letters"]:
    """How often each letter of the first column stands together with each of the second; sums to 1."""
    together = tokens[:, first] * letters + tokens[:, second]  # (n)
    return torch.bincount(together, minlength=letters**2).reshape(letters, letters) / len(tokens)


def mutual_information(joint: Float[Tensor, "first second"]) -> float:
    """How many bits one column says of the other."""
    expected = torch.outer(joint.sum(1), joint.sum(0))
    return (torch.xlogy(joint, joint / expected.clamp(min=1e-12)).sum() / torch.log(torch.tensor(2.0))).item()
