"""Masks as pictures: who may look at whom, the weights that a mask leaves, what seeps through layers, and all heads."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course.plots.palette import BLACK, SKY, VERMILION

Mask = Bool[Tensor, "queries keys"]
Words = Sequence[str]
ALLOWED = ListedColormap(["#eeeeee", SKY])


def reach(mask: Bool[Tensor, "tokens tokens"], layers: int) -> Bool[Tensor, "tokens tokens"]:
    """What the vector of token i (row) can know of token j after so many layers of self-attention under this mask.

    A residual connection lets every token know itself; each layer adds what those know that it may look at.
    """
    step = mask | torch.eye(len(mask), dtype=torch.bool, device=mask.device)  # (T, T)
    known = torch.eye(len(mask), dtype=torch.bool, device=mask.device)  # (T, T)
    for _ in range(layers):
        known = (step.float() @ known.float()) > 0  # (T, T)
    return known


def future(size: int, device: torch.device | None = None) -> Bool[Tensor, "size size"]:
    """True where the key stands behind the query."""
    return torch.ones(size, size, dtype=torch.bool, device=device).triu(1)


def mask_panels(figure: Figure, masks: Mapping[str, tuple[Mask, Words, Words]]) -> Figure:
    """Masks side by side, blue where a query (row) may look at a key (column).

    Args:
        masks: title -> (mask, words of the queries, words of the keys).
    """
    axes = figure.subplots(1, len(masks), squeeze=False)[0]
    for ax, (title, (mask, queries, keys)) in zip(axes, masks.items(), strict=True):
        cells(ax, mask, queries, keys, labels=("query", "key")).set_title(title)
    return figure


def cells(ax: Axes, mask: Mask, queries: Words, keys: Words, labels: tuple[str, str] = ("", "")) -> Axes:
    """One table of yes (blue) and no (grey), with words at its sides, and labels of its rows and of its columns."""
    ax.imshow(mask.detach().cpu().numpy(), cmap=ALLOWED, vmin=0, vmax=1)
    _words(ax, queries, keys, labels=labels)
    T, S = mask.shape
    ax.vlines([x - 0.5 for x in range(1, S)], -0.5, T - 0.5, color="white", linewidth=1.5)
    ax.hlines([y - 0.5 for y in range(1, T)], -0.5, S - 0.5, color="white", linewidth=1.5)
    return ax


def masked_weights(ax: Axes, weights: Float[Tensor, "tokens tokens"], words: Words) -> Axes:
    """Weights in hundredths, brighter where larger; what looks into the future is framed."""
    weights = weights.detach().cpu()
    ax.imshow(weights.numpy(), cmap="cividis", vmin=0, vmax=1)
    _words(ax, words, words, labels=("query", "key"))
    for i, j in weights.nonzero().tolist():
        w = weights[i, j].item()
        ax.text(j, i, f"{100 * w:.0f}", ha="center", va="center", fontsize=7, color=BLACK if w > 0.5 else "white")
    return frame(ax, (weights > 0) & future(len(words)))


def frame(ax: Axes, chosen: Mask) -> Axes:
    """A frame around each cell of a table that is True."""
    frames = [Rectangle((j - 0.45, i - 0.45), 0.9, 0.9) for i, j in chosen.nonzero().tolist()]
    ax.add_collection(PatchCollection(frames, facecolor="none", edgecolor=VERMILION, linewidth=2.5))
    return ax


def attention_maps(
    figure: Figure, weights: Float[Tensor, "layers heads queries keys"], queries: Words, keys: Words
) -> Figure:
    """One small map for each head of each layer, layers from top to bottom; words stand at the outer ones only."""
    layers, heads = weights.shape[:2]
    grid = figure.subplots(layers, heads, squeeze=False)
    for layer, line in enumerate(grid):
        for head, ax in enumerate(line):
            picture = ax.imshow(weights[layer, head].detach().cpu().numpy(), cmap="viridis", vmin=0, vmax=1)
            _words(ax, queries if head == 0 else [], keys if layer == layers - 1 else [], fontsize=7)
            ax.set_title(f"layer {layer + 1}, head {head + 1}", fontsize=8)
    figure.supxlabel("key", fontsize=9)
    figure.supylabel("query", fontsize=9)
    figure.colorbar(picture, ax=grid, label="weight", fraction=0.03, pad=0.01)
    return figure


def _words(
    ax: Axes, queries: Words, keys: Words, *, labels: tuple[str, str] = ("", ""), fontsize: float | int = 8
) -> None:
    """Words beside rows and below columns, and what they are; plain texts, since an axis takes long to draw."""
    ax.set_axis_off()
    bottom = ax.get_ylim()[0]
    for i, word in enumerate(queries):
        ax.text(-0.65, i, word, fontsize=fontsize, ha="right", va="center")
    upright = all(len(word) <= 5 for word in keys)  # else neighbours would touch
    for j, word in enumerate(keys):
        options = {"ha": "center"} if upright else {"ha": "right", "rotation": 60, "rotation_mode": "anchor"}
        ax.text(j, bottom + 0.2, word, fontsize=fontsize, va="top", **options)
    widest = [fontsize * 0.6 * max(map(len, words), default=0) for words in (queries, keys)]  # points
    below, beside = fontsize + 9 if upright else 0.87 * widest[1] + 8, widest[0] + 8
    for label, place, shift, turn in zip(
        labels, ((0, 0.5), (0.5, 0)), ((-beside, 0), (0, -below)), (90, 0), strict=True
    ):
        if label:
            options = {"ha": "right", "va": "center"} if turn else {"ha": "center", "va": "top"}
            ax.annotate(label, place, shift, "axes fraction", "offset points", rotation=turn, fontsize=9, **options)
