"""Tokens that are dragged and tokens that are shuffled: what self-attention makes of them."""

from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.plots.tokens import plane, rows_move
from course.widgets.explorer import Explorer
from course.widgets.pad import Pad

Attend = Callable[[Tensor, str], tuple[Tensor, Tensor]]
LIMIT = 2.0
PLANE = {"left": 0.09, "right": 0.94, "bottom": 0.2, "top": 0.9, "wspace": 0.3}


def draggable_tokens(
    attend: Attend, asks: Sequence[str], labels: Sequence[str], points: Sequence[Sequence[float]]
) -> Explorer:
    """Tokens as points in the plane; weights and outputs follow while one is dragged.

    A longer vector is louder, one at the origin asks nobody in particular, outputs never leave the tokens' hull; and
    with W_Q unlike W_K the map is not symmetric: whom I look at need not look at me.

    Args:
        attend: `attend(points, ask)` gives weights (T, T) and outputs (T, 2) of points (T, 2).
        asks: the kinds of queries that `attend` knows, for a dropdown.
        labels, points: a name and a first place for each token.
    """

    def draw(figure: Figure, points: list[list[float]], ask: str) -> str:
        x = torch.tensor(points)  # (T, 2)
        weights, outputs = attend(x, ask)
        return draw_plane(figure, x, weights, outputs, labels)

    controls = {
        "points": Pad(points, labels, description="Tokens", limit=LIMIT),
        "ask": ipywidgets.Dropdown(options=list(asks), description="a token asks for"),
    }
    return Explorer(draw, controls, title="Drag a token, the map follows", size=(6.4, 2.9))


def draw_plane(figure: Figure, points: Tensor, weights: Tensor, outputs: Tensor, labels: Sequence[str]) -> str:
    """Draw the plane beside the map; say whom each token looks at most."""
    figure.set_layout_engine("none")  # a fixed layout: working one out takes half of the time
    axes = figure.subplots(1, 2, gridspec_kw=PLANE)
    plane(tuple(axes), points, weights, outputs, labels, limit=LIMIT)
    return " ".join(_look(name, row, labels) for name, row in zip(labels, weights.tolist(), strict=True))


def _look(name: str, row: list[float], labels: Sequence[str]) -> str:
    if max(row) - min(row) < 0.005:
        return f"{name} looks at all alike ({row[0]:.2f})."
    best = row.index(max(row))
    whom = "itself" if labels[best] == name else labels[best]
    return f"{name} looks most at {whom} ({row[best]:.2f})."


def shuffled_tokens(
    out: Callable[[Tensor], Tensor],
    embedded: Tensor,
    positions: Tensor,
    words: Sequence[str],
    orders: Mapping[str, Sequence[int]],
) -> Explorer:
    """A sentence in several orders: without positions the outputs move with their tokens, with positions they change.

    Args:
        out: the layer, (T, d) to (T, d_v).
        embedded: the tokens' vectors (T, d), in the order of `words`.
        positions: what the switch adds to them, in whatever order they stand, (T, d).
        orders: by name, which word comes first, second, …
    """

    def draw(figure: Figure, order: str, add_positions: bool) -> str:
        places = torch.tensor(list(orders[order]), device=embedded.device)
        where = positions if add_positions else torch.zeros_like(positions)
        with torch.no_grad():
            before, after = out(embedded + where), out(embedded[places] + where)  # (T, d_v) each
        return draw_rows(figure, before, after, places, words)

    controls = {
        "order": ipywidgets.Dropdown(options=list(orders), description="order"),
        "add_positions": ipywidgets.Checkbox(False, description="add positions"),
    }
    return Explorer(draw, controls, title="Who sees the order?", size=(6.4, 3.2))


def draw_rows(figure: Figure, before: Tensor, after: Tensor, order: Tensor, words: Sequence[str]) -> str:
    """Draw both outputs; say whether rows only moved."""
    rows_move(figure, before, after, order, words)
    gap = (after - before[order]).abs().amax(dim=-1).cpu()  # (T,)
    sentence = " ".join(words[place] for place in order.tolist())
    changed = int((gap > 1e-4).sum())
    if not changed:
        return f"“{sentence}”: every row of the output moved with its word, and no number changed (gap 0.00)."
    return f"“{sentence}”: the outputs of {changed} of {len(words)} words changed, by up to {gap.max():.2f}."
