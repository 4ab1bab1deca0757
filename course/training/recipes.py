"""What "Attention Is All You Need" (Vaswani et al., 2017, §5) trained with: loss, learning rate, optimizer."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def token_loss(
    logits: Float[Tensor, "*batch vocabulary"], targets: Int[Tensor, "*batch"], pad: int = 0, smoothing: float = 0.0
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Sum of the cross-entropies of all targets but padding, in nats, and their number.

    With `smoothing` ε, the target is 1 - ε on the true token plus ε / V on each of the V tokens of the vocabulary
    (Szegedy et al., "Rethinking the Inception Architecture", §7; ε = 0.1 in "Attention Is All You Need", §5.4).

    Raises:
        ValueError: `smoothing` is not in [0, 1].
    """
    if not 0 <= smoothing <= 1:
        raise ValueError(f"smoothing is a share of the probability, between 0 and 1, not {smoothing}")
    flat_logits, flat_targets = logits.flatten(0, -2), targets.flatten()  # (N, V), (N)
    total = F.cross_entropy(flat_logits, flat_targets, ignore_index=pad, label_smoothing=smoothing, reduction="sum")
    return total, (targets != pad).sum()


def warm_up(d_model: int, warm_up_steps: int = 4000, factor: float = 1.0) -> Callable[[int], float]:
    """The learning rate of "Attention Is All You Need", §5.3: linear growth, then the inverse square root.

    Steps count from 1; the peak is at `warm_up_steps`. `factor` scales the whole curve (1 in the paper).

    Raises:
        ValueError: `d_model` or `warm_up_steps` is not positive.
    """
    if d_model < 1 or warm_up_steps < 1:
        raise ValueError(f"d_model and warm_up_steps are positive, not {d_model} and {warm_up_steps}")
    return lambda step: factor * d_model**-0.5 * min(step**-0.5, step * warm_up_steps**-1.5)


paper_adam = partial(torch.optim.Adam, betas=(0.9, 0.98), eps=1e-9)
"""Adam as "Attention Is All You Need", §5.3, has it."""
