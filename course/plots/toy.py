"""The toy task as curves: a signal, what it should become, and what a network made of it."""

from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from course.plots.palette import BLUE, GREY, VERMILION


def signals(
    ax: Axes, x: Float[Tensor, " T"], target: Float[Tensor, " T"], output: Float[Tensor, " T"] | None = None
) -> Axes:
    """Draw one signal of T samples with its target, and a network's output where there is one."""
    curves = [("input", x, GREY, "-"), ("target", target, BLUE, "-"), ("output", output, VERMILION, "--")]
    for label, curve, colour, style in curves:
        if curve is not None:
            ax.plot(curve.detach().cpu().numpy(), style, color=colour, label=label, drawstyle="steps-mid")
    ax.set(xlabel="sample", ylabel="height", xlim=(0, len(x) - 1))
    ax.legend(frameon=False)
    return ax
