"""Two look-ups to play with: how soft it is, and what wins an eye, looks or wishes."""

from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import torch
from matplotlib.figure import Figure
from torch import Tensor

from course.plots.lookup import cues, soft_lookup
from course.widgets.explorer import Explorer


def temperature(
    look_up: Callable[[Tensor, float], tuple[Tensor, Tensor]],
    queries: Mapping[str, Tensor],
    words: Sequence[str],
    values: Tensor,
) -> Explorer:
    """The weights of a query, and where the mixed value lies, from a hard choice to the mean of everything.

    Args:
        look_up: `look_up(query, τ)` gives the mixed value and the weights (S,).
        queries: vectors by the name that the menu shows.
        words: the name of each value.
        values: (S, 2), points of a plane.
    """

    def draw(figure: Figure, query: str, tau: float) -> str:
        _, weights = look_up(queries[query], tau)
        return f"τ = {tau:.2f}. " + soft_lookup(figure, query, words, weights, values)

    controls = {
        "query": ipywidgets.Dropdown(options=list(queries), description="query"),
        "tau": ipywidgets.FloatLogSlider(
            10**-0.6, base=10, min=-1.3, max=1.2, step=0.1, readout_format=".2f", description="temperature τ"
        ),
    }
    return Explorer(draw, controls, title="A look-up between hard and soft", size=(6.8, 2.9))


def wish(
    scores: Callable[[str, float], tuple[Tensor, Tensor]],
    wishes: Sequence[str],
    wished: str,
) -> Explorer:
    """Saliency against a wish: which object gets the look.

    Args:
        scores: `scores(wish, β)` gives the two parts of the scores, β · saliency and query · key, each (5,).
        wishes: what the menu offers.
        wished: its first choice.
    """

    def draw(figure: Figure, wish: str, beta: float, tau: float) -> str:
        saliency, match = scores(wish, beta)
        weights = torch.softmax((saliency + match) / tau, dim=-1)  # (5,)
        return f"β = {beta:.1f}, τ = {tau:.2f}. " + cues(figure, wish, saliency, match, weights)

    controls = {
        "wish": ipywidgets.Dropdown(options=list(wishes), value=wished, description="wish"),
        "beta": ipywidgets.FloatSlider(2.0, min=0, max=4, step=0.1, description="strength of saliency β"),
        "tau": ipywidgets.FloatLogSlider(
            1.0, base=10, min=-1, max=1, step=0.1, readout_format=".2f", description="temperature τ"
        ),
    }
    return Explorer(draw, controls, title="What wins the look?", size=(7.6, 2.8))
