"""Attention roll-out: through all layers at once, how much of each token may have reached each other one?

Source: Abnar & Zuidema 2020 (arXiv:2005.00928), §3, "Attention rollout".
"""

import torch
from jaxtyping import Float
from torch import Tensor

Weights = Float[Tensor, "batch heads tokens tokens"]


def rollout(weights: list[Weights]) -> Float[Tensor, "batch tokens tokens"]:
    """R = Ā_L ⋯ Ā_2 Ā_1 with Ā = (A + I) / 2: each layer passes on half what it looked at and half what it was.

    A is the mean over heads; I stands for the residual connection. Row i says how much of each input token is in
    token i at the end, if values and feed-forward networks changed nothing: a bookkeeping of paths, not a cause.

    Args:
        weights: of each layer, the first layer first, as `recorded_weights(…).values()` keeps them.

    Raises:
        ValueError: no layer.
    """
    if not weights:
        raise ValueError("a roll-out needs the weights of at least one layer")
    T = weights[0].shape[-1]
    identity = torch.eye(T, dtype=weights[0].dtype, device=weights[0].device)
    total = identity.expand(len(weights[0]), T, T)  # (B, T, T)
    for of_layer in weights:
        total = (of_layer.mean(dim=1) + identity) / 2 @ total  # rows keep the sum 1
    return total
