"""Stand-ins for A1.1 to A1.8. Rows are vectors; True in a mask means "may attend"; masked rows are zeros."""

import torch
import torch.nn.functional as F
from torch import nn


def _given_attention(q, k, v, mask=None, scale=None):
    """`F.scaled_dot_product_attention` with leading dimensions that broadcast, in all arguments."""
    leading = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    q, k, v = (x.expand(*leading, *x.shape[-2:]) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale)


def _given_identity(k):
    """The identity as values: attention then returns its weights."""
    return torch.eye(k.shape[-2], dtype=k.dtype, device=k.device)


def dot_similarity(q, k):
    """A1.1: (…, T, d), (…, S, d) -> (…, T, S)."""
    return torch.einsum("...td,...sd->...ts", q, k)


def scaled_dot_similarity(q, k):
    """A1.1: (…, T, d), (…, S, d) -> (…, T, S)."""
    return dot_similarity(q * q.shape[-1] ** -0.5, k)


def cosine_similarity(q, k):
    """A1.1: (…, T, d), (…, S, d) -> (…, T, S); 0 for zero vectors."""
    return F.cosine_similarity(q.unsqueeze(-2), k.unsqueeze(-3), dim=-1)


def softmax(scores, dim=-1):
    """A1.2: any shape."""
    return F.softmax(scores, dim=dim)


def soft_lookup(query, keys, values, temperature=1.0):
    """A1.3: (…, d), (S, d), (S, d_v) -> (…, d_v), (…, S)."""
    if temperature <= 0:
        raise ValueError(f"the temperature is positive, not {temperature}")
    weights = F.softmax(F.linear(query, keys) / temperature, dim=-1)
    return F.linear(weights, values.T), weights


def padding_mask(lengths, size):
    """A1.4: (B,) -> (B, size)."""
    return torch.arange(size, device=lengths.device) < lengths.unsqueeze(-1)


def causal_mask(T, S, offset=0, device=None):
    """A1.4: (T, S), True where key j <= query i + offset."""
    return torch.ones(T, S, dtype=torch.bool, device=device).tril(offset)


def masked_softmax(scores, mask):
    """A1.4: (…, T, S), with a mask that broadcasts to it."""
    weights = F.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim=-1)
    return weights.masked_fill(~mask, 0.0)


def attention(q, k, v, mask=None):
    """A1.5: (…, T, d_k), (…, S, d_k), (…, S, d_v) -> (…, T, d_v), (…, T, S)."""
    return _given_attention(q, k, v, mask), _given_attention(q, k, _given_identity(k), mask)


class AdditiveScore(nn.Module):
    """A1.6: (…, T, d_q), (…, S, d_k) -> (…, T, S)."""

    def __init__(self, d_q, d_k, d_hidden):
        super().__init__()
        self.W_q = nn.Linear(d_q, d_hidden, bias=False)
        self.W_k = nn.Linear(d_k, d_hidden, bias=False)
        self.w_v = nn.Linear(d_hidden, 1, bias=False)

    def forward(self, q, k):
        hidden = self.W_q(q).unsqueeze(-2) + self.W_k(k).unsqueeze(-3)  # (..., T, S, h)
        return self.w_v(hidden.tanh()).squeeze(-1)


def attend(score, q, k, v, mask=None):
    """A1.7: score(q, k), a mask and v -> (…, T, d_v), (…, T, S)."""
    scores = score(q, k)
    weights = F.softmax(scores, dim=-1) if mask is None else masked_softmax(scores, mask)
    return weights @ v, weights


class BahdanauStep(nn.Module):
    """A1.8: (B, d_y), (B, d_s), (B, S, d_h) -> logits (B, n_words), state (B, d_s), weights (B, S)."""

    def __init__(self, d_y, d_s, d_h, d_hidden, n_words):
        super().__init__()
        self.score = AdditiveScore(d_s, d_h, d_hidden)
        self.cell = nn.GRUCell(d_y + d_h, d_s)
        self.readout = nn.Linear(d_y + d_s + d_h, n_words)

    def forward(self, y_prev, s_prev, annotations, mask=None):
        mask = None if mask is None else mask.unsqueeze(1)
        context, weights = attend(self.score, s_prev.unsqueeze(1), annotations, annotations, mask)
        context = context.squeeze(1)
        s = self.cell(torch.cat([y_prev, context], dim=-1), s_prev)
        return self.readout(torch.cat([y_prev, s, context], dim=-1)), s, weights.squeeze(1)
