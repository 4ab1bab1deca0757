"""Widgets on vision transformers: what a patch size costs, and where the class token looks."""

from collections.abc import Mapping
from typing import NamedTuple

import ipywidgets
from matplotlib.figure import Figure
from torch import Tensor

from course.plots.vision import cost, lines, looks, show
from course.widgets.explorer import Explorer, fixed_axes

ROLLOUT, MEAN = "roll-out", "mean of heads"
SMALLEST = 4  # pixels: smaller patches make lines that cover the photograph


def patch_size(photos: Mapping[str, Tensor]) -> Explorer:
    """A photograph cut into patches of a size: how many tokens there are, how long, and how many pairs they make.

    Args:
        photos: squares of one size by name, (3, side, side).
    """
    side = next(iter(photos.values())).shape[-1]
    sizes = [P for P in range(SMALLEST, side) if side % P == 0]
    controls = {
        "photo": ipywidgets.Dropdown(options=list(photos), description="photograph"),
        "P": ipywidgets.SelectionSlider(options=sizes, value=16, description="patch size P in pixels"),
    }

    def draw(figure: Figure, photo: str, P: int) -> str:
        left, right = fixed_axes(figure, (0.01, 0.02, 0.44, 0.96), (0.58, 0.18, 0.4, 0.78))
        lines(show(left, photos[photo]), photos[photo], P)
        cost(right, side, sizes, P)
        N, row = (side // P) ** 2, side // P
        return (
            f"The {photo} of {side} × {side} pixels in patches of {P} × {P}: {row} · {row} = {N:,} tokens of "
            f"{P} · {P} · 3 = {3 * P * P:,} numbers. Attention compares {N:,}² = {N * N:,} pairs in each head of each "
            f"layer; patches of twice the side would make a sixteenth of them."
        )

    return Explorer(draw, controls, title="How large is a word?", size=(6.6, 2.9))


class Looked(NamedTuple):
    """A picture and what a ViT did with it.

    Attributes:
        picture: (channels, height, width).
        weights: (layers, heads, tokens, tokens), the class token first.
        rollout: (tokens, tokens).
        answer: what the model says about it.
    """

    picture: Tensor
    weights: Tensor
    rollout: Tensor
    answer: str


def where_it_looks(pictures: Mapping[str, Looked], columns: int) -> Explorer:
    """How the class token shares its look among the patches: in one head of a layer, or through all layers.

    Args:
        pictures: by what the list shows.
        columns: patches in a row of the picture.
    """
    layers, heads = next(iter(pictures.values())).weights.shape[:2]
    of_layers = {f"layer {i + 1}": i for i in range(layers)}
    of_heads = {MEAN: None} | {f"head {i + 1}": i for i in range(heads)}
    controls = {
        "picture": ipywidgets.Dropdown(options=list(pictures), description="picture"),
        "layer": ipywidgets.Dropdown(options=[*of_layers, ROLLOUT], description="layer"),
        "head": ipywidgets.Dropdown(options=list(of_heads), description="head"),
    }

    def greyed(change: Mapping) -> None:
        controls["head"].disabled = change["new"] == ROLLOUT  # which has the mean over heads in it

    controls["layer"].observe(greyed, names="value")

    def draw(figure: Figure, picture: str, layer: str, head: str) -> str:
        left, right = fixed_axes(figure, (0.02, 0.02, 0.45, 0.86), (0.52, 0.02, 0.45, 0.86))
        found = pictures[picture]
        if layer == ROLLOUT:
            row, what = found.rollout[0], "Roll-out through all layers"
        else:
            maps = found.weights[of_layers[layer]]  # (H, T, T)
            chosen = of_heads[head]
            row = maps.mean(0)[0] if chosen is None else maps[chosen, 0]  # (T,)
            what = f"{layer.capitalize()}, {head}"
        row = row.detach().cpu()
        own, grid = row[0].item(), row[1:].reshape(-1, columns)
        show(left, found.picture).set_title(found.answer, fontsize=9)
        looks(right, found.picture, grid, title="weight of each patch, %")
        size = found.picture.shape[-1] / columns
        for y, line in enumerate(grid.tolist()):
            for x, weight in enumerate(line):
                place = (x + 0.5) * size - 0.5, (y + 0.5) * size - 0.5
                right.text(*place, f"{100 * weight:.0f}", ha="center", va="center", fontsize=8)
        best = int(grid.argmax())
        return (
            f"{what}: the class token gives most, {grid.max():.2f}, to the patch in row {best // columns + 1}, column "
            f"{best % columns + 1}, and {own:.2f} to itself; a share of {1 / len(row):.2f} each would be even. "
            f"{found.answer}."
        )

    return Explorer(draw, controls, title="Where does the class token look?", size=(6.0, 3.0))
