"""Triangles: what two known distances say of a third, for every third point, and what rounds of that add up to."""

from collections.abc import Callable, Sequence

import ipywidgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.plots.triangles import intervals, third_point
from course.widgets.explorer import Explorer, fixed_axes

Bounds = tuple[Tensor, Tensor]  # lower and upper, (N, N) each; of all third points, (N, N, N)
ROUNDS = 3


def triangle_explorer(
    distances: Tensor,
    known: Tensor,
    by_third_point: Callable[[Tensor, Tensor], Bounds],
    names: Sequence[str],
    pairs: Sequence[tuple[int, int]] | None = None,
) -> Explorer:
    """Choose a pair whose distance is hidden and a third point: the picture shows what the two known sides allow.

    Args:
        distances: (N, N) in Å, symmetric. They are looked at where `known` says so, and to draw the truth.
        known: (N, N) boolean, symmetric, True where a distance is given.
        by_third_point: from lower and upper bounds of all sides, (N, N) each, to the bounds (N, N, N) that each third
            point k sets for each pair: at [i, j, k].
        names: of the points, short.
        pairs: which hidden pairs can be chosen; all unless given.
    """
    distances, known = distances.detach().cpu(), known.cpu()
    size = len(distances)
    top = 1.5 * distances.max().item()

    def rounds(noise: float) -> list[tuple[Bounds, Bounds]]:
        """For each round: the bounds of all sides before it, and what each third point makes of them."""
        measured = distances + noise * _symmetric_normal(size)
        measured = measured.clamp(min=0).fill_diagonal_(0)
        sides = torch.where(known, measured, 0.0), torch.where(known, measured, torch.inf)
        found = []
        for _ in range(ROUNDS):
            thirds = by_third_point(*sides)
            found.append((sides, thirds))
            lower, upper = thirds
            sides = torch.maximum(sides[0], lower.amax(-1)), torch.minimum(sides[1], upper.amin(-1))
        return found

    def draw(figure: Figure, pair: tuple[int, int], k: int, round_: int, noise: float) -> str:
        i, j = pair
        others = [n for n in range(size) if n not in pair]
        (lower, upper), (lows, highs) = rounds(noise)[round_ - 1]
        low, high = lows[i, j].clamp(min=0), highs[i, j]  # (N,), by k
        truth = distances[i, j].item()
        left, right = fixed_axes(figure, (0.07, 0.14, 0.42, 0.74), (0.62, 0.14, 0.36, 0.74))
        sides = [(lower[n, k].item(), upper[n, k].item()) for n in pair]
        left.set_title(f"i = {names[i]}, k = {names[k]}, j = {names[j]}", fontsize=9)
        if k in pair or any(most == torch.inf for _, most in sides):
            left.set_axis_off()
            why = (
                "k is an end of the pair:\nno triangle" if k in pair else "a side of this triangle\nhas no upper bound"
            )
            left.text(0.5, 0.5, why, ha="center", va="center")
        else:
            third_point(left, *sides, truth, "k")
        chosen = None if k in pair else others.index(k)
        intervals(right, low[others], high[others], [names[n] for n in others], chosen, truth, top)
        right.set_title("green: what all third points allow", fontsize=9)
        if k in pair:
            one = f"{names[k]} is an end of the pair itself: no triangle. "
        elif high[k] == torch.inf:
            one = f"k = {names[k]} sets no upper bound. "
        else:
            one = f"k = {names[k]} allows {low[k]:.1f} to {high[k]:.1f} Å. "
        return one + _together(low[others].max().item(), high[others].min().item(), truth)

    if pairs is None:
        pairs = [(i, j) for i in range(size) for j in range(i + 1, size) if not known[i, j]]
    i, j = pairs[0]
    first = [n for n in range(size) if n not in pairs[0]]
    first.sort(key=lambda n: not (known[i, n] and known[j, n]))  # a triangle that closes, if there is one
    controls = {
        "pair": ipywidgets.Dropdown(
            options=[(f"{names[i]} and {names[j]}", (i, j)) for i, j in pairs], description="hidden pair i, j"
        ),
        "k": ipywidgets.SelectionSlider(
            options=[(name, n) for n, name in enumerate(names)], value=first[0], description="who is k"
        ),
        "round_": ipywidgets.IntSlider(1, min=1, max=ROUNDS, description="round"),
        "noise": ipywidgets.FloatSlider(0.0, min=0, max=2, step=0.5, description="noise of known distances, Å"),
    }
    return Explorer(draw, controls, title="What a third point knows", size=(7.2, 3.2))


def _symmetric_normal(size: int) -> Tensor:
    noise = torch.randn(size, size, generator=torch.Generator().manual_seed(0)).triu(1)
    return noise + noise.T


def _together(lowest: float, highest: float, truth: float) -> str:
    fact = f"The truth is {truth:.1f} Å"
    if highest == torch.inf:
        return f"All third points together: at least {lowest:.1f} Å, and no upper bound. {fact}."
    if lowest > highest:
        return f"Together they contradict: at least {lowest:.1f} and at most {highest:.1f} Å. {fact}."
    inside = "" if lowest <= truth + 1e-3 and truth <= highest + 1e-3 else ", outside of that"
    return f"All third points together: {lowest:.1f} to {highest:.1f} Å. {fact}{inside}."
