"""Pictures of trainings."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes


def learning_curves(
    ax: Axes, losses: Mapping[str, Sequence[float]], *, every: int = 1, window: int = 1, ylabel: str = "loss"
) -> Axes:
    """One line a run, on a logarithmic scale.

    Args:
        losses: of each run, in the order of its steps.
        every: steps from one loss to the next.
        window: how many losses are averaged for a point; the mean stands at its last step.
    """
    for name, values in losses.items():
        smooth = torch.tensor(values, dtype=torch.float64).unfold(0, window, 1).mean(dim=-1)  # (n - window + 1,)
        steps = every * torch.arange(window, len(values) + 1)
        ax.semilogy(steps, smooth, label=name, linewidth=1.5)
    ax.set(xlabel="step", ylabel=ylabel)
    ax.legend()
    return ax
