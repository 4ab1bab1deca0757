"""Pictures of the transformer: its diagram with shapes, its stacks, what its parts cost, and how its gradients fare."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course.plots.diagrams import Box, Point, arrow, box, canvas
from course.plots.palette import BLACK, BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

Shape = tuple[str | int, ...]


# --- the diagram of the paper


class Sizes(NamedTuple):
    """What fixes every shape: batch, source and target tokens, width, heads, vocabulary (of either language)."""

    B: int
    S: int
    T: int
    d_model: int
    H: int
    V: int

    @property
    def d_ff(self) -> int:
        return 4 * self.d_model  # the paper's ratio, in its base and its big model


class Part(NamedTuple):
    """A kind of box of the diagram: its number, text, colour, and where it stands."""

    number: int
    text: str
    colour: str
    places: tuple[Point, ...]


LEFT, RIGHT = 3.0, 8.8  # where the encoder and the decoder stand
WIDTH, HEIGHT = 3.4, 0.68  # of each box
PARTS = {
    "source embedding": Part(1, "embedding · √d_model", ORANGE, ((LEFT, 1.6),)),
    "source positions": Part(2, "+ positions", ORANGE, ((LEFT, 2.7),)),
    "encoder self-attention": Part(3, "multi-head\nself-attention", BLUE, ((LEFT, 4.3),)),
    "encoder add & norm": Part(4, "add & norm", GREY, ((LEFT, 5.4), (LEFT, 7.6))),
    "encoder feed-forward": Part(5, "feed-forward", GREEN, ((LEFT, 6.5),)),
    "target embedding": Part(1, "embedding · √d_model", ORANGE, ((RIGHT, 1.6),)),
    "target positions": Part(2, "+ positions", ORANGE, ((RIGHT, 2.7),)),
    "masked self-attention": Part(6, "masked multi-head\nself-attention", BLUE, ((RIGHT, 4.3),)),
    "decoder add & norm": Part(4, "add & norm", GREY, ((RIGHT, 5.4), (RIGHT, 7.6), (RIGHT, 9.8))),
    "cross-attention": Part(7, "multi-head\ncross-attention", VERMILION, ((RIGHT, 6.5),)),
    "decoder feed-forward": Part(5, "feed-forward", GREEN, ((RIGHT, 8.7),)),
    "linear": Part(8, "linear", PURPLE, ((RIGHT, 11.5),)),
    "softmax": Part(9, "softmax", PURPLE, ((RIGHT, 12.6),)),
}


class Facts(NamedTuple):
    """What a part takes and gives, what else it makes on its way, and its parameters with their formula."""

    inputs: tuple[Shape, ...]
    output: Shape
    inside: tuple[str, Shape] | None
    parameters: int
    formula: str


def facts(part: str, sizes: Sizes) -> Facts:
    """The shapes and the parameters of one box of this kind, biases included.

    Raises:
        KeyError: there is no such part.
        ValueError: d_model is not a multiple of H.
    """
    B, S, T, d, H, V = sizes
    if d % H:
        raise ValueError(f"d_model is a multiple of the number of heads: {d} is not one of {H}")
    on_source = PARTS[part].places[0][0] == LEFT
    L = S if on_source else T  # tokens that this part sees
    x = (B, L, d)
    match PARTS[part].number:
        case 1:
            return Facts(((B, L),), x, None, V * d, "V · d_model")
        case 2:
            return Facts((x,), x, None, 0, "none: sines and cosines")
        case 3 | 6:
            return Facts((x,), x, ("weights", (B, H, L, L)), 4 * (d * d + d), "4 (d_model² + d_model)")
        case 4:
            return Facts((x, x), x, None, 2 * d, "2 d_model")
        case 5:
            count = 2 * d * sizes.d_ff + sizes.d_ff + d
            return Facts((x,), x, ("hidden", (B, L, sizes.d_ff)), count, "2 d_model d_ff + d_ff + d_model")
        case 7:
            return Facts((x, (B, S, d)), x, ("weights", (B, H, T, S)), 4 * (d * d + d), "4 (d_model² + d_model)")
        case 8:
            return Facts((x,), (B, T, V), None, d * V, "d_model · V")
        case _:
            return Facts(((B, T, V),), (B, T, V), None, 0, "none")


def diagram(ax: Axes, sizes: Sizes | None = None) -> Axes:
    """The whole model, data flowing upwards: numbered boxes, and on the arrows the shapes, in letters or in numbers."""
    return shapes(skeleton(ax), sizes)


def skeleton(ax: Axes) -> Axes:
    """The boxes and arrows of the diagram, without shapes."""
    canvas(ax, 12.2, 14.2)
    for x, name, top in ((LEFT, "encoder: N ×", 8.2), (RIGHT, "decoder: N ×", 10.4)):
        ax.add_patch(Rectangle((x - 2.3, 3.3), 4.3, top - 3.3, facecolor="none", edgecolor=GREY, linestyle=":"))
        ax.text(x - 2.2, top + 0.1, name, fontsize=8, color=GREY, va="bottom")
    for x, text in ((LEFT, "source tokens"), (RIGHT, "target tokens, shifted right")):
        ax.text(x, 0.35, text, ha="center", va="center", fontsize=9)
        below = (x, 0.6)
        column = [(y, part) for part in PARTS.values() for side, y in part.places if side == x]
        for y, part in sorted(column):
            drawn = box(ax, part.text, (x, y), width=WIDTH, height=HEIGHT, colour=part.colour, fontsize=8)
            ax.text(x + 1.9, y, str(part.number), fontsize=8, weight="bold", va="center", ha="center")
            arrow(ax, below, drawn.bottom, width=1.0)
            if part.number in (3, 5, 6, 7):
                _around(ax, drawn)
            below = drawn.top
    arrow(ax, below, (RIGHT, 13.5), width=1.0)
    ax.plot([LEFT, LEFT, 5.75, 5.75], [7.94, 8.9, 8.9, 6.5], color=VERMILION, linewidth=1.4)
    arrow(ax, (5.75, 6.5), (RIGHT - WIDTH / 2, 6.5), colour=VERMILION)
    for point, label in (((6.1, 6.73), "K, V"), ((RIGHT + 0.2, 5.95), "Q")):
        ax.text(*point, label, fontsize=8, color=VERMILION, ha="center", va="center")
    return ax


def shapes(ax: Axes, sizes: Sizes | None = None) -> Axes:
    """Write the shapes beside the diagram's arrows: with letters unless there are sizes."""
    B, S, T, d, _, V = sizes or ("B", "S", "T", "d_model", "H", "V")
    for y, left, right in ((0.95, (B, S), (B, T)), (2.13, (B, S, d), (B, T, d))):
        for x, shape in ((LEFT, left), (RIGHT, right)):
            ax.text(x + 0.15, y, written(shape), fontsize=8, va="center")
    for y, shape in ((10.75, (B, T, d)), (12.03, (B, T, V))):
        ax.text(RIGHT + 0.15, y, written(shape), fontsize=8, va="center")
    ax.text(LEFT + 0.1, 9.15, f"memory {written((B, S, d))}", fontsize=8, color=VERMILION, va="center")
    last = f"probabilities of the next token {written((B, T, V))}"
    ax.text(RIGHT, 13.8, last, ha="center", va="center", fontsize=8)
    return ax


def highlight(ax: Axes, part: str) -> Axes:
    """A thick frame around all boxes of this part.

    Raises:
        KeyError: there is no such part.
    """
    for x, y in PARTS[part].places:
        corner = (x - WIDTH / 2, y - HEIGHT / 2)
        ax.add_patch(Rectangle(corner, WIDTH, HEIGHT, facecolor="none", edgecolor=BLACK, linewidth=3))
    return ax


def written(shape: Shape) -> str:
    """A shape as people write it: (2, 7, 512)."""
    return "(" + ", ".join(f"{size:,}" if isinstance(size, int) else size for size in shape) + ")"


def _around(ax: Axes, sublayer: Box) -> None:
    """The residual path: from below a sub-layer, past it, into the sum above it."""
    x, y, side = sublayer.x, sublayer.y, sublayer.x - 2.05
    ax.plot([x, side, side], [y - 0.5, y - 0.5, y + 1.1], color=GREY, linewidth=1.0)
    arrow(ax, (side, y + 1.1), (x - WIDTH / 2, y + 1.1), colour=GREY, width=1.0)


# --- stacks, and decoding step by step


def stacks(ax: Axes, layers: int) -> Axes:
    """`layers` encoder layers, `layers` decoder layers, and the memory that goes to each of the latter."""
    canvas(ax, 10, layers + 1.6)
    for x, name, colour in ((2, "encoder layer", BLUE), (8, "decoder layer", VERMILION)):
        boxes = [box(ax, f"{name} {i + 1}", (x, i + 1.1), width=2.6, height=0.6, colour=colour) for i in range(layers)]
        arrow(ax, (x, 0.3), boxes[0].bottom)
        for low, high in pairwise(boxes):
            arrow(ax, low.top, high.bottom)
    ax.text(2, 0.15, "source", ha="center", va="center", fontsize=9)
    ax.text(8, 0.15, "target so far", ha="center", va="center", fontsize=9)
    arrow(ax, boxes[-1].top, (8, layers + 1.05))
    ax.text(8, layers + 1.2, "next token", ha="center", va="center", fontsize=9)
    top = layers + 0.1
    ax.plot([3.3, 5.0, 5.0], [top, top, 1.1], color=GREEN, linewidth=1.4)
    for layer in boxes:
        arrow(ax, (5.0, layer.y), layer.left, colour=GREEN)
    ax.text(5.0, top + 0.2, "one memory,\nfor all layers", ha="center", fontsize=8, color=GREEN, va="bottom")
    return ax


def decoding_steps(ax: Axes, source: Sequence[str], written: Sequence[str], probabilities: Sequence[float]) -> Axes:
    """What the decoder reads and what it writes in each step, from the bottom up; the encoder runs once.

    Args:
        written: the tokens that were chosen, the end included.
        probabilities: of each of them, when it was chosen.
    """
    n = len(written)
    canvas(ax, 6.2 + 1.55 * (n + 1), n + 0.4)
    encoder = box(ax, "encoder\n(once)", (1.9, 0.45 + n / 2), width=1.7, height=0.9, colour=BLUE)
    ax.text(1.9, 0.3 + n / 2 - 0.7, "\n".join([" ".join(source[:4]), " ".join(source[4:])]), ha="center", va="top")
    for step, (token, p) in enumerate(zip(written, probabilities, strict=True)):
        y = 0.5 + step
        arrow(ax, encoder.right, (4.0, y), colour=GREEN, width=0.8)
        for place, word in enumerate(["BOS", *written[:step]]):
            box(ax, word, (4.8 + 1.55 * place, y), width=1.45, height=0.6, colour=GREY)
        x = 4.8 + 1.55 * (step + 1)
        arrow(ax, (x - 0.8, y), (x - 0.4, y))
        new = box(ax, token, (x + 0.35, y), width=1.45, height=0.6, colour=VERMILION)
        ax.text(new.right[0] + 0.1, y, f"{p:.2f}", fontsize=8, va="center", color=VERMILION)
    return ax


# --- measurements


def running_times(ax: Axes, lengths: Sequence[int], seconds: Mapping[str, Sequence[float]]) -> Axes:
    """Milliseconds by length, both axes logarithmic: a power of T is a straight line, its exponent the slope."""
    for (name, values), marker in zip(seconds.items(), "osD^v", strict=False):
        ax.loglog(lengths, [1000 * s for s in values], marker=marker, label=name)
    ax.set_xticks(lengths, [str(length) for length in lengths])
    ax.minorticks_off()
    ax.set(xlabel="tokens T", ylabel="forward + backward (ms)")
    ax.legend()
    return ax


def gradient_norms(figure: Figure, norms: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Norm of a gradient by layer, first layer left: the encoder's beside the decoder's, on one logarithmic scale.

    Args:
        norms: name of the model -> (of each encoder layer, of each decoder layer).
    """
    for side, (ax, title) in enumerate(
        zip(figure.subplots(1, 2, sharey=True), ("encoder layer", "decoder layer"), strict=True)
    ):
        for (name, both), marker in zip(norms.items(), "osD", strict=False):
            ax.semilogy(range(1, len(both[side]) + 1), both[side], marker=marker, label=name)
        ax.set(xlabel=title)
    figure.axes[0].set_ylabel("norm of the gradient of W₂")
    figure.axes[1].legend()
    return figure


def parameter_bars(ax: Axes, counts: Mapping[str, int]) -> Axes:
    """Millions of parameters of each part, as bars from top to bottom, with their share of all."""
    total = sum(counts.values())
    bars = ax.barh(range(len(counts)), [n / 1e6 for n in counts.values()], color=SKY)
    ax.bar_label(bars, [f" {n / 1e6:.2f} M, {n / total:.1%}" for n in counts.values()], fontsize=8)
    ax.set_yticks(range(len(counts)), list(counts))
    ax.invert_yaxis()
    ax.set(xlabel="parameters (millions)", xlim=(0, 1.3e-6 * max(counts.values())))
    return ax


def learning_rates(ax: Axes, rates: Mapping[str, Sequence[float]]) -> Axes:
    """The learning rate of each step, one line for each schedule."""
    for name, values in rates.items():
        ax.plot(range(1, len(values) + 1), values, label=name)
    ax.set(xlabel="step", ylabel="learning rate")
    ax.legend()
    return ax


def image_rows(figure: Figure, rows: Mapping[str, Float[Tensor, "images height width"]]) -> Figure:
    """Rows of small pictures, each row with its name on the left; 0 is white, 1 is black."""
    grid = figure.subplots(len(rows), max(len(images) for images in rows.values()), squeeze=False)
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        for ax in line:
            ax.set_axis_off()
        for ax, image in zip(line, images.detach().cpu().numpy(), strict=False):
            ax.imshow(image, cmap="Greys", vmin=0, vmax=1)
        line[0].text(-0.3, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=9)
    return figure


def token_targets(ax: Axes, tokens: Sequence[str], targets: Mapping[str, Float[Tensor, " V"]]) -> Axes:
    """Probabilities that a loss asks for, bars side by side for each token."""
    width = 0.8 / len(targets)
    for i, ((name, p), colour) in enumerate(zip(targets.items(), COLOURS, strict=False)):
        places = torch.arange(len(tokens)) + (i - (len(targets) - 1) / 2) * width  # (V,)
        ax.bar(places.tolist(), p.detach().cpu().tolist(), width, label=name, color=colour)
    ax.set_xticks(range(len(tokens)), tokens, rotation=45, ha="right")
    ax.set(ylabel="probability that is asked for", ylim=(0, 1))
    ax.legend()
    return ax
