"""What the answers in gpu_accepts.py and gpu_refuses.py are run on, and what they share."""

import math

import torch

from course import check


def inputs():
    """Queries, keys, values, a boolean mask (True = may attend) and lengths, of random distinct sizes."""
    batch, queries, keys, d_k, d_v = check.sizes("batch queries keys d_k d_v")
    mask = torch.rand(batch, queries, keys) > 0.3
    mask[..., 0] = True
    lengths = torch.randint(1, keys + 1, (batch,))
    return (
        torch.randn(batch, queries, d_k),
        torch.randn(batch, keys, d_k),
        torch.randn(batch, keys, d_v),
        mask,
        lengths,
    )


def scores_of(q, k):
    return q @ k.mT / math.sqrt(q.shape[-1])


def causal_mask(q, k, **where):
    rows = torch.arange(q.shape[-2], **where)[:, None]
    return torch.arange(k.shape[-2], **where)[None, :] <= rows
