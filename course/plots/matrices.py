"""Matrices as pictures: weights, masks, positions."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from jaxtyping import Shaped
from matplotlib.axes import Axes
from torch import Tensor

Labels = Sequence[str]


def heat_map(
    matrix: Shaped[Tensor, "rows columns"],
    *,
    rows: str,
    columns: str,
    title: str = "",
    ticks: tuple[Labels | None, Labels | None] = (None, None),
    bottom: float | int = 0.0,
    top: float | int = 1.0,
    axes: Axes | None = None,
) -> Axes:
    """A matrix of numbers from `bottom` (dark) to `top` (yellow), with a colour bar.

    Args:
        rows, columns: what a row and a column stand for.
        ticks: labels for each row and for each column, words for instance.
        axes: where to draw; a figure of its own unless given.
    """
    axes = axes or plt.subplots(figsize=(4.2, 3.2), layout="constrained")[1]
    picture = axes.imshow(matrix.detach().cpu().numpy(), cmap="viridis", vmin=bottom, vmax=top)
    axes.set(xlabel=columns, ylabel=rows, title=title)
    for axis, labels in zip((axes.yaxis, axes.xaxis), ticks, strict=True):
        if labels is not None:
            axis.set_ticks(range(len(labels)), labels)
    if ticks[1] is not None:  # a word ends at its column, so that long neighbours do not touch
        plt.setp(axes.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
    axes.figure.colorbar(picture, ax=axes)
    return axes
