"""Widgets of the lecture on attention layers: what length does to weights, a query that turns, a layer in numbers."""

from functools import partial

import ipywidgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.plots import scores
from course.plots.palette import BLUE, GREEN, GREY, PURPLE, VERMILION
from course.widgets.explorer import Explorer


def scaling(Q: Tensor, K: Tensor) -> Explorer:
    """Scores and weights against the length d of the vectors, with a choice of scale.

    Args:
        Q, K: queries (N, 1, most) and keys (N, S, most) with entries of variance 1; their first d entries are taken.
    """
    widths = [2**power for power in range(Q.shape[-1].bit_length())]
    controls = {
        "d": ipywidgets.SelectionSlider(options=widths, value=widths[-4], description="length d"),
        "scale": ipywidgets.Dropdown(options=list(scores.SCALES), description="scores are multiplied by"),
    }
    return Explorer(partial(scores.scaling, Q=Q, K=K), controls, title="What does length do?", size=(7.2, 2.8))


def turn(keys: Tensor, values: Tensor) -> Explorer:
    """A query that turns and grows among keys (S, 2): which key wins, how clearly, and what comes out of (S, 2)."""
    controls = {
        "angle": ipywidgets.IntSlider(30, min=0, max=355, step=5, description="angle of the query (degrees)"),
        "length": ipywidgets.FloatSlider(1.0, min=0, max=3, step=0.25, description="length of the query"),
        "unit_keys": ipywidgets.Checkbox(False, description="all keys of length 1 (cosine)"),
    }
    draw = partial(draw_turn, keys=keys, values=values)
    return Explorer(draw, controls, title="Turn the query", size=(8.4, 2.9))


def draw_turn(
    figure: Figure,
    keys: Tensor,
    values: Tensor,
    *,
    angle: float,
    length: float,
    unit_keys: bool = False,
) -> str:
    """A query arrow among key arrows, the weights that they get, and the output among the values."""
    keys, values = keys.cpu(), values.cpu()
    keys = torch.nn.functional.normalize(keys, dim=-1) if unit_keys else keys
    turned = torch.deg2rad(torch.tensor(float(angle)))
    query = length * torch.stack((turned.cos(), turned.sin()))
    products = keys @ query  # (S,)
    weights = products.softmax(dim=-1)
    output = weights @ values
    names = [f"k{j + 1}" for j in range(len(keys))]
    best = int(weights.argmax())
    # One Axes for three drawings: keys around (0, 0), bars from x = 5.6 on, values around (12.4, 0).
    (ax,) = scores.placed(figure, (0.0, 0.0, 1.0, 1.0))
    bars, away = 5.6, torch.tensor((12.4, 0.0))
    ends = torch.cat((keys, query[None]))  # (S + 1, 2)
    colours = [BLUE] * len(keys) + [VERMILION]
    for x, title in ((0, "keys, query (red)"), (bars + 1.5, "weights"), (away[0].item(), "values, output (star)")):
        ax.text(x, 3.5, title, ha="center", fontsize=11)
    for x in (0, away[0].item()):
        ax.plot((x - 3, x + 3, x, x, x), (0, 0, 0, -3, 3), color=GREY, linewidth=0.5, zorder=0)  # a cross
    ax.quiver(*torch.zeros_like(ends).T, *ends.T, color=colours, angles="xy", scale_units="xy", scale=1, width=0.004)
    direction = query / query.norm().clamp(min=1e-9)
    shadows = (keys @ direction)[:, None] * direction  # (S, 2), of the keys on the query's line
    ax.plot(*torch.stack((-3 * direction, 3 * direction)).T, color=VERMILION, linewidth=0.6, zorder=0)
    ax.plot(*torch.stack((keys, shadows)).permute(2, 0, 1), ":", color=GREY, linewidth=1)
    ax.scatter(*(values + away).T, s=15 + 250 * weights, marker="s", color=GREEN)
    ax.plot(*(output + away).tolist(), "*", color=VERMILION, markersize=14)
    heights = [2.4 - 1.2 * j for j in range(len(keys))]
    ax.barh(heights, 3 * weights, left=bars, color=PURPLE)
    for j, (key, place, y) in enumerate(zip(keys, values + away, heights, strict=True)):
        ax.text(*(key * (1 + 0.35 / key.norm())).tolist(), names[j], ha="center", va="center", color=BLUE)
        ax.text(place[0], place[1] + 0.5, f"v{j + 1}", ha="center", color=GREEN)
        ax.text(bars - 0.1, y, f"q·{names[j]} = {products[j]:.1f}", ha="right", va="center")
        ax.text(bars + 0.1 + 3 * weights[j].item(), y, f"{weights[j]:.2f}", va="center")
    ax.set(xlim=(-3.3, 15.7), ylim=(-3.3, 4.1), aspect="equal")
    ax.set_axis_off()
    told = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(names, weights.tolist(), strict=True))
    winner = f"Most goes to {names[best]}" if length else "All get the same"
    kind = "keys of length 1" if unit_keys else "keys as they are"
    return (
        f"Query of length {length:g} at {angle:g}°, {kind}: weights {told}. {winner}, and "
        f"the output is {scores.row_of(output)}."
    )


def steps(Q: Tensor, K: Tensor, V: Tensor) -> Explorer:
    """A layer in numbers: follow one query from its scores to its output."""

    def draw(figure: Figure, stage: int, query: int) -> str:
        (ax,) = scores.placed(figure, (0.01, 0.01, 0.98, 0.98))
        return scores.computation(ax, Q, K, V, stage=stage, query=query)

    names = list(enumerate(scores.STAGES, start=1))
    controls = {
        "stage": ipywidgets.SelectionSlider(
            options=[(f"{stage}: {name}", stage) for stage, name in names], description="stage"
        ),
        "query": ipywidgets.ToggleButtons(options=[(f"query {i + 1}", i) for i in range(len(Q))], description="follow"),
    }
    return Explorer(draw, controls, title="A layer in numbers", size=(7.2, 4.2))
