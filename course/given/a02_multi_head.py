"""Stand-ins for A2.1 to A2.10. Rows are vectors; True in a mask means "may attend"; masked rows are zeros."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence


class Head(nn.Module):
    """A2.1: x (B, T, d_model), memory (B, S, d_memory) -> output (B, T, d_v), weights (B, T, S)."""

    def __init__(self, d_model, d_k, d_v, d_memory=None):
        super().__init__()
        self.W_Q = nn.Linear(d_model, d_k, bias=False)
        self.W_K = nn.Linear(d_memory or d_model, d_k, bias=False)
        self.W_V = nn.Linear(d_memory or d_model, d_v, bias=False)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        scale = self.W_Q.out_features**-0.5
        scores = F.linear(self.W_Q(x) * scale, self.W_K.weight.T) @ memory.mT  # keys are never written down
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
            blind = ~mask.any(dim=-1, keepdim=True)
            scores = scores.masked_fill(blind, 0.0)
        weights = F.softmax(scores, dim=-1)
        if mask is not None:
            weights = weights.masked_fill(blind, 0.0)
        return self.W_V(weights @ memory), weights


def split_heads(x, heads):
    """A2.2: (…, T, d_model) -> (…, H, T, d_k)."""
    if x.shape[-1] % heads:
        raise ValueError(f"{heads} heads cannot share a vector of length {x.shape[-1]} evenly")
    return torch.stack(x.chunk(heads, dim=-1), dim=-3)


def merge_heads(x):
    """A2.2: (…, H, T, d_k) -> (…, T, H·d_k)."""
    return torch.cat(x.unbind(dim=-3), dim=-1)


class MultiHeadAttention(nn.Module):
    """A2.3: x (B, T, d_model), memory (B, S, d_memory) -> output (B, T, d_model), weights (B, H, T, S)."""

    def __init__(self, d_model, heads, d_memory=None, bias=True):
        super().__init__()
        if d_model % heads:
            raise ValueError(f"{heads} heads cannot share a vector of length {d_model} evenly")
        self.heads = heads
        self.W_Q = nn.Linear(d_model, d_model, bias=bias)
        self.W_K = nn.Linear(d_memory or d_model, d_model, bias=bias)
        self.W_V = nn.Linear(d_memory or d_model, d_model, bias=bias)
        self.W_O = nn.Linear(d_model, d_model, bias=bias)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q, k, v = (
            split_heads(layer(tokens), self.heads)  # (B, H, T or S, d_k)
            for layer, tokens in ((self.W_Q, x), (self.W_K, memory), (self.W_V, memory))
        )
        identity = torch.diag_embed(torch.ones_like(k[..., 0]))  # (B, H, S, S)
        output = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        weights = F.scaled_dot_product_attention(q, k, identity, attn_mask=mask)
        return self.W_O(merge_heads(output)), weights


def pad(sentences):
    """A2.4: lists of ids -> tokens (B, T) int64, real (B, T) bool."""
    rows = [torch.tensor(sentence, dtype=torch.int64) for sentence in sentences]
    real = [torch.ones(len(sentence), dtype=torch.bool) for sentence in sentences]
    return pad_sequence(rows, batch_first=True), pad_sequence(real, batch_first=True)


def attention_mask(real, causal=False):
    """A2.4: (B, S) -> (B, 1, 1, S), or (B, 1, S, S)."""
    mask = real.unsqueeze(1).unsqueeze(1)
    return mask.expand(-1, -1, real.shape[1], -1).tril() if causal else mask


def mean_of_real(x, real):
    """A2.4: (B, T, d), (B, T) -> (B, d); zeros where nothing is real."""
    weights = real.to(x.dtype).unsqueeze(1)  # (B, 1, T)
    count = weights.sum(dim=-1).clamp(min=1)  # (B, 1)
    return torch.bmm(weights, x).squeeze(1) / count


def permutation_matrix(order):
    """A2.5: (T,) -> (T, T), float32, with P @ x == x[order]."""
    return torch.eye(len(order), device=order.device).index_select(0, order)


def equivariance_gap(layer, x, order):
    """A2.5: a layer, (B, T, d), (T,) -> a number."""
    return torch.dist(layer(x.index_select(1, order)), layer(x).index_select(1, order), p=float("inf"))


def invariance_gap(layer, x, order):
    """A2.5: a layer, (B, T, d), (T,) -> a number."""
    return torch.dist(layer(x.index_select(1, order)), layer(x), p=float("inf"))


def with_positions(layer, table, x):
    """A2.5: a layer, (N, d), (B, T, d) -> the layer's output."""
    return layer(torch.add(x, table.narrow(0, 0, x.shape[1])))


def sinusoidal(T, d_model, offset=0, device=None):
    """A2.6: (T, d_model), float32."""
    column = torch.arange(d_model, device=device)
    speed = torch.exp(-math.log(10_000) * 2 * (column // 2) / d_model)
    angles = torch.outer(torch.arange(offset, offset + T, dtype=torch.float32, device=device), speed)
    return torch.where(column % 2 == 0, angles.sin(), angles.cos())


def add_positions(x, offset=0):
    """A2.6: (B, T, d_model) -> (B, T, d_model)."""
    return torch.add(x, sinusoidal(*x.shape[-2:], offset, x.device).to(x.dtype))


def shift_matrix(k, d_model, device=None):
    """A2.7: (d_model, d_model), float32; PE of t + k = PE of t @ it."""
    if d_model % 2:
        raise ValueError(f"d_model is even, not {d_model}")
    angles = k * 10_000.0 ** -(torch.arange(0, d_model, 2, device=device) / d_model)
    beside = torch.stack([angles.sin(), torch.zeros_like(angles)], dim=-1).flatten()[: d_model - 1]
    return torch.diag(angles.cos().repeat_interleave(2)) + torch.diag(beside, -1) - torch.diag(beside, 1)


def rotate(x, offset=0):
    """A2.8: (…, T, d_k) -> (…, T, d_k)."""
    T, d_k = x.shape[-2:]
    if d_k % 2:
        raise ValueError(f"d_k is even, not {d_k}")
    angles = torch.arange(offset, offset + T, device=x.device)[:, None] / 10_000 ** (
        torch.arange(0, d_k, 2, device=x.device) / d_k
    )
    hands = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)).contiguous())  # (..., T, d_k / 2)
    turned = hands * torch.polar(torch.ones_like(angles), angles)
    return torch.view_as_real(turned).flatten(-2).to(x.dtype)


def attention_cost(T, d, heads=1):
    """A2.9: (flops, kept, steps, path) of self-attention."""
    return 4 * T * d * (2 * d + T), T * (4 * d + heads * T), 1, 1


def recurrence_cost(T, d):
    """A2.9: (flops, kept, steps, path) of a recurrence."""
    return (2 * d) ** 2 * T, d * T, T, T


def convolution_cost(T, d, width):
    """A2.9: (flops, kept, steps, path) of a convolution of odd width."""
    return 2 * T * width * d**2, d * T, 1, -((1 - T) // (width // 2))


def measure(fn, args, clock, synchronize, repeats=5):
    """A2.10: seconds of each of `repeats` calls of fn(*args), after a warm-up."""
    readings = []
    for _ in range(1 + repeats):
        fn(*args)
        synchronize()
        readings.append(clock())
    return [after - before for before, after in pairwise(readings)]
