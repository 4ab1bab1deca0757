"""Pictures of a vision transformer: patches in a row, the model, what it needs, what its positions and filters are."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator
from torch import Tensor

from course.plots.diagrams import arrow, box, canvas
from course.plots.palette import BLACK, BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, VERMILION

Picture = Float[Tensor, "channels height width"]  # three channels of colour from 0 to 1, or one of ink on paper
Patches = Float[Tensor, "patches numbers"]


def show(ax: Axes, picture: Picture, *, extent: tuple[float, float, float, float] | None = None) -> Axes:
    """A photograph in its colours, a drawing in ink on white paper; no ticks.

    Args:
        extent: left, right, bottom, top: where it is put on the Axes.
    """
    pixels = picture.detach().cpu()
    if len(pixels) == 3:
        ax.imshow(pixels.permute(1, 2, 0).clamp(0, 1).numpy(), extent=extent)
    else:
        ax.imshow(pixels[0].numpy(), cmap="gray_r", vmin=0, vmax=1, extent=extent)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return ax


# --- a picture as a sequence


def as_sequence(figure: Figure, picture: Picture, patches: Patches, size: int) -> Figure:
    """The picture, the picture cut, and its patches in a row, in the order in which the encoder gets them.

    Args:
        patches: of the picture, each size · size · channels numbers in the order (channel, row, column).
    """
    cut, row = figure.subplots(1, 2, width_ratios=[1, 3.2])
    lines(show(cut, picture), picture, size)
    cut.set_title(f"{len(patches)} patches")
    tiles = patches.detach().cpu().reshape(len(patches), -1, size, size)  # (N, C, P, P)
    per_line, gap = 8, 0.12
    rows = -(-len(tiles) // per_line)
    for i, tile in enumerate(tiles):
        y, x = divmod(i, per_line)
        x, y = (1 + gap) * x, (1.45) * (rows - 1 - y)
        show(row, tile, extent=(x, x + 1, y, y + 1))
        row.text(x + 0.5, y - 0.06, f"$x_{{{i + 1}}}$", ha="center", va="top", fontsize=9)
    row.set(xlim=(-0.1, (1 + gap) * min(per_line, len(tiles))), ylim=(-0.5, 1.45 * rows), aspect="equal")
    row.set_title(f"a sequence of {len(tiles)} tokens, {patches.shape[1]:,} numbers each")
    row.set_axis_off()
    row.set_anchor("N")
    return figure


def lines(ax: Axes, picture: Picture, size: int, colour: str = "white") -> Axes:
    """The lines along which a picture is cut, over the picture as `show` draws it."""
    height, width = picture.shape[1:]
    ax.hlines([y - 0.5 for y in range(size, height, size)], -0.5, width - 0.5, colors=colour, linewidths=0.6)
    ax.vlines([x - 0.5 for x in range(size, width, size)], -0.5, height - 0.5, colors=colour, linewidths=0.6)
    return ax


def cost(ax: Axes, side: int, sizes: Sequence[int], chosen: int) -> Axes:
    """Pairs of tokens that attention compares, for each patch size of a square picture; one of them is marked."""
    ax.plot(sizes, [(side // P) ** 4 for P in sizes], color=BLUE, marker=".")
    ax.plot([chosen], [(side // chosen) ** 4], "o", color=VERMILION, markersize=9)
    ax.set(xscale="log", yscale="log", xlabel="patch size P in pixels", ylabel="pairs of tokens, N²")
    labelled = [sizes[0], *(P for P in sizes[1:] if P in (8, 16, 32, 64, 128))]  # labels of all would touch
    ax.set_xticks(labelled, [str(P) for P in labelled])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_locator(NullLocator())
    return ax


# --- the model


def model(ax: Axes, patches: Patches, size: int, answer: str) -> Axes:
    """The vision transformer with the picture's own patches at its feet; on the right, a layer of it taken apart.

    Args:
        patches: nine fit.
        answer: what the head says.
    """
    N = len(patches)
    canvas(ax, 14.6, 8.2)
    middle = (N + 2) / 2
    encoder = box(ax, "transformer encoder: L layers, then a layer norm", (middle, 5.0), width=N + 1.2, colour=BLUE)
    for i in range(N + 1):
        x = i + 1.0
        box(ax, f"${i}$", (x - 0.2, 3.4), width=0.34, height=0.56, colour=PURPLE, fontsize=8)
        box(ax, "$*$" if i == 0 else "", (x + 0.2, 3.4), width=0.34, height=0.56, colour=ORANGE if i == 0 else GREEN)
        arrow(ax, (x, 3.7), (x, 4.63), width=1.0)
        if i:
            tile = patches[i - 1].reshape(-1, size, size)
            show(ax, tile, extent=(x - 0.4, x + 0.4, 0.3, 1.1))
            arrow(ax, (x, 1.12), (x, 1.62), width=1.0)
            arrow(ax, (x, 2.33), (x, 3.1), width=1.0)
    ax.set(xlim=(0, 14.6), ylim=(0, 8.2))  # pictures have moved them
    ax.set_axis_off()
    box(ax, "linear projection of flattened patches, $E$", (middle + 0.5, 1.98), width=N + 0.2, colour=GREEN)
    ax.text(0.42, 2.6, "class token $*$\nand positions", fontsize=8, color=GREY, ha="left", va="center")
    head = box(ax, "head", (1.0, 6.4), width=1.5, colour=VERMILION)
    arrow(ax, (1.0, encoder.top[1]), head.bottom, "$z_L^0$", shift=(0.42, 0.0))
    arrow(ax, head.top, (1.0, 7.4))
    ax.text(1.0, 7.7, answer, ha="center", va="center", fontsize=10)
    ax.text(middle + 0.9, 5.65, "the other tokens' vectors go unused here", fontsize=8, color=GREY, ha="center")
    layer(ax, 12.7)
    return ax


def layer(ax: Axes, x: float) -> None:
    """A pre-LN layer at this place of a drawing: equations (2) and (3)."""
    ax.add_patch(Rectangle((x - 1.65, 0.75), 3.3, 6.3, facecolor="none", edgecolor=BLUE, linestyle=":"))
    ax.text(x, 7.3, "one layer, L ×", fontsize=9, color=BLUE, ha="center")
    below = (x, 0.3)
    for y, text, colour in (
        (1.5, "layer norm", GREY),
        (2.6, "multi-head attention", BLUE),
        (4.4, "layer norm", GREY),
        (5.5, "MLP, GELU", GREEN),
    ):
        drawn = box(ax, text, (x, y), width=2.3, height=0.62, colour=colour, fontsize=8)
        arrow(ax, below, drawn.bottom, width=1.0)
        below = drawn.top
        if text != "layer norm":
            plus = (x, y + 0.8)
            arrow(ax, below, (x, plus[1] - 0.16), width=1.0)
            circle = {"boxstyle": "circle,pad=0.1", "facecolor": "white"}
            ax.text(*plus, "+", ha="center", va="center", fontsize=10, bbox=circle)
            start = y - 1.65
            ax.plot([x, x - 1.4, x - 1.4], [start, start, plus[1]], color=BLACK, linewidth=1.0)
            arrow(ax, (x - 1.4, plus[1]), (x - 0.2, plus[1]), width=1.0)
            below = (x, plus[1] + 0.16)
    arrow(ax, below, (x, 7.0), width=1.0)


# --- what it needs, and what it learned

Spread = tuple[float, float, float]  # median, smallest, largest


def accuracy_by_pictures(ax: Axes, found: Mapping[str, Mapping[int, Spread]]) -> Axes:
    """Accuracy against the number of training pictures: medians, and bars from the smallest to the largest.

    A solid line is of a network whose name ends in ", moved", the dashed one of its colour of the same without.
    """
    networks = list(dict.fromkeys(name.removesuffix(", moved") for name in found))
    for name, by_number in found.items():
        colour = COLOURS[networks.index(name.removesuffix(", moved"))]
        numbers = list(by_number)
        medians = [by_number[n][0] for n in numbers]
        reach = [[abs(by_number[n][end] - by_number[n][0]) for n in numbers] for end in (1, 2)]
        dashed = "-" if name.endswith(", moved") else "--"
        ax.errorbar(numbers, medians, reach, color=colour, marker="o", markersize=4, capsize=3, ls=dashed, label=name)
    ax.set(xscale="log", xlabel="training pictures", ylabel="test accuracy")
    ax.set_xticks(numbers, [f"{n:,}" for n in numbers])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=3.5)
    return ax


def position_similarity(figure: Figure, positions: Float[Tensor, "patches d_model"], columns: int) -> Figure:
    """For each patch the cosine of its position vector with those of all patches (Dosovitskiy et al., Figure 7)."""
    unit = torch.nn.functional.normalize(positions.detach().cpu(), dim=-1)  # (N, d_model)
    cosines = (unit @ unit.T).reshape(len(unit), -1, columns)  # (N, rows, columns)
    axes = figure.subplots(cosines.shape[1], columns)
    for i, (ax, of_patch) in enumerate(zip(axes.flat, cosines, strict=True)):
        image = ax.imshow(of_patch.numpy(), cmap="PuOr", vmin=-1, vmax=1)
        row, column = divmod(i, columns)
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor="none", edgecolor=BLACK))
        ax.set(xticks=[], yticks=[])
        if column == 0:
            ax.set_ylabel(f"row {row + 1}", fontsize=8)
        if row == cosines.shape[1] - 1:
            ax.set_xlabel(f"column {column + 1}", fontsize=8)
    figure.colorbar(image, ax=axes, label="cosine of two positions")
    return figure


def filters(figure: Figure, kernels: Float[Tensor, "filters numbers"], size: int, titles: Sequence[str]) -> Figure:
    """Grey filters of size × size numbers: orange is negative, purple positive, white is zero."""
    axes = figure.subplots(1, len(kernels))
    for ax, kernel, title in zip(axes, kernels.detach().cpu(), titles, strict=True):
        top = kernel.abs().max().item()
        ax.imshow(kernel.reshape(size, size).numpy(), cmap="PuOr", vmin=-top, vmax=top)
        ax.set(xticks=[], yticks=[])
        ax.set_title(title, fontsize=8)
    return figure


# --- what it looks at


def veil(
    ax: Axes,
    picture_size: Sequence[int],
    weights: Float[Tensor, "rows columns"],
    *,
    top: float,
    density: float,
    colour: str = ORANGE,
    interpolation: str = "nearest",
) -> Axes:
    """A veil over a whole picture, the denser the larger the weight of a place.

    Args:
        picture_size: height and width in pixels.
        top: the weight at which the veil has its full `density`, a share of opacity.
        interpolation: "nearest" shows each place by itself, "bilinear" a smooth cloud.
    """
    height, width = picture_size
    weights = weights.detach().cpu().float()
    shade = torch.empty(*weights.shape, 4)  # red, green, blue, opacity
    shade[..., :3] = torch.tensor(to_rgb(colour))
    shade[..., 3] = density * (weights / top).clamp(0, 1)
    ax.imshow(shade.numpy(), extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation=interpolation)
    return ax


def looks(
    ax: Axes, picture: Picture, weights: Float[Tensor, "rows columns"], *, top: float | None = None, title: str = ""
) -> Axes:
    """A pale picture with a veil of orange over each patch, the denser the more weight it gets.

    Args:
        weights: of the patches, in their places.
        top: the weight that is drawn densest; the largest of these unless given.
    """
    show(ax, picture * 0.5 if len(picture) == 1 else 0.5 + picture / 2)
    veil(ax, picture.shape[1:], weights, top=top or max(weights.max().item(), 1e-9), density=0.65)
    lines(ax, picture, picture.shape[1] // len(weights), colour=GREY)
    ax.set_title(title, fontsize=9)
    return ax
