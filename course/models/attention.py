"""Attention: compare a query with every key, turn the scores into weights, take the weighted mean of the values.

Rows are vectors: queries Q (…, T, d_k), keys K (…, S, d_k), values V (…, S, d_v). Masks are boolean and True means
"may attend". A query that may attend to nothing gets zeros.

Sources: Bahdanau et al. 2014 (arXiv:1409.0473) for additive scores, Luong et al. 2015 (arXiv:1508.04025) for dot
products, Vaswani et al. 2017 (arXiv:1706.03762), §3.2.1, for scaled ones.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

Queries = Float[Tensor, "*q_batch queries d_k"]
Keys = Float[Tensor, "*k_batch keys d_k"]
Values = Float[Tensor, "*v_batch keys d_v"]
Mask = Bool[Tensor, "..."]
Bias = Float[Tensor, "..."]


# --- masks


def padding_mask(lengths: Int[Tensor, " batch"], size: int) -> Bool[Tensor, "batch size"]:
    """True where a sequence has a token, False where it was padded at its end."""
    return torch.arange(size, device=lengths.device) < lengths.unsqueeze(-1)


def causal_mask(T: int, S: int, device: torch.device | str | None = None) -> Bool[Tensor, "queries keys"]:
    """True where a key is not in a query's future. The last query is aligned with the last key.

    With S > T the first S - T keys are the past that a cache holds; all queries see them.
    """
    return torch.ones(T, S, dtype=torch.bool, device=device).tril(S - T)


def key_mask(mask: Bool[Tensor, "*batch keys"] | None) -> Bool[Tensor, "*batch 1 1 keys"] | None:
    """A mask of keys that every head and every query shares; it stays linear in length."""
    return None if mask is None else mask[..., None, None, :]  # (…, H=1, T=1, S)


# --- scaled dot-product attention


def attention(
    Q: Queries,
    K: Keys,
    V: Values,
    mask: Mask | None = None,
    *,
    bias: Bias | None = None,
    causal: bool = False,
    scale: float | None = None,
    dropout: float = 0.0,
) -> Float[Tensor, "*batch queries d_v"]:
    """softmax(Q Kᵀ / √d_k + bias) V: the paper's equation (1), with a bias of the scores where one is given.

    Where the fused kernel serves, the T × S weights are never all in memory: that takes O(T + S), not O(T · S). A bias
    is itself of that size, and while it is learned, so are the weights.

    Args:
        Q, K, V: leading dimensions broadcast.
        mask: broadcasts to (…, T, S); True means "may attend".
        bias: added to the scores after they were scaled; broadcasts to (…, T, S). Gradients flow to it.
        causal: hide the future, with the last query aligned with the last key (`causal_mask`).
        scale: what the scores are multiplied by; 1/√d_k unless given.
        dropout: probability with which a weight is dropped; the caller passes 0 outside training.
    """
    T, S = Q.shape[-2], K.shape[-2]
    plain = mask is None and bias is None
    fused_causal = causal and T == S and plain  # the kernel's own alignment is top left: right only for T = S
    if causal and not fused_causal and T > 1:
        past = causal_mask(T, S, Q.device)
        mask = past if mask is None else mask & past
    if bias is not None:  # the kernel takes one of the two: a bias of -∞ hides a key as a mask does
        mask = bias if mask is None else torch.where(mask, bias, -torch.inf)
    leading = torch.broadcast_shapes(Q.shape[:-2], K.shape[:-2], V.shape[:-2])
    Q, K, V = (x.expand(*leading, *x.shape[-2:]) for x in (Q, K, V))
    return F.scaled_dot_product_attention(Q, K, V, mask, dropout, is_causal=fused_causal and T > 1, scale=scale)


def attention_weights(
    Q: Queries,
    K: Keys,
    mask: Mask | None = None,
    *,
    bias: Bias | None = None,
    causal: bool = False,
    scale: float | None = None,
) -> Float[Tensor, "*batch queries keys"]:
    """The weights that `attention` gives to the values: the same operation, asked for V = identity."""
    identity = torch.eye(K.shape[-2], dtype=K.dtype, device=K.device)
    return attention(Q, K, identity, mask, bias=bias, causal=causal, scale=scale)


# --- scoring functions: (…, T, d_q), (…, S, d_k) -> (…, T, S)

Score = Callable[[Tensor, Tensor], Tensor]


def dot_score(Q: Queries, K: Keys) -> Float[Tensor, "*batch queries keys"]:
    """qᵀk: an unnormalised cosine. Its variance grows with d_k (Luong et al. 2015, §3.1, "dot")."""
    return Q @ K.transpose(-2, -1)


def scaled_dot_score(Q: Queries, K: Keys) -> Float[Tensor, "*batch queries keys"]:
    """qᵀk / √d_k: where entries have variance 1, so have the scores, for every d_k (Vaswani et al. §3.2.1)."""
    return dot_score(Q, K) / Q.shape[-1] ** 0.5


class AdditiveScore(nn.Module):
    """w_vᵀ tanh(W_q q + W_k k): a one-hidden-layer perceptron; q and k may differ in size (Bahdanau et al. §A.1.2)."""

    def __init__(self, d_q: int, d_k: int, d_hidden: int):
        super().__init__()
        self.W_q = nn.Linear(d_q, d_hidden, bias=False)
        self.W_k = nn.Linear(d_k, d_hidden, bias=False)
        self.w_v = nn.Linear(d_hidden, 1, bias=False)

    def forward(
        self, Q: Float[Tensor, "*q_batch queries d_q"], K: Float[Tensor, "*k_batch keys d_k"]
    ) -> Float[Tensor, "*batch queries keys"]:
        return self.of_projected(self.W_q(Q), self.W_k(K))

    def of_projected(
        self, q: Float[Tensor, "*q_batch queries hidden"], k: Float[Tensor, "*k_batch keys hidden"]
    ) -> Float[Tensor, "*batch queries keys"]:
        """Scores from W_q q and W_k k. A decoder computes W_k k once for all its steps (Bahdanau et al. §A.1.2)."""
        hidden = torch.tanh(q.unsqueeze(-2) + k.unsqueeze(-3))  # (…, T, S, d_hidden)
        return self.w_v(hidden).squeeze(-1)  # (…, T, S)


# --- the generic layer


def masked_softmax(
    scores: Float[Tensor, "*batch queries keys"], mask: Mask | None = None
) -> Float[Tensor, "*batch queries keys"]:
    """Softmax over the keys that a query may attend to; a row that may attend to nothing is zeros."""
    if mask is None:
        return F.softmax(scores, dim=-1)
    lowest = torch.finfo(scores.dtype).min  # finite: a row of -inf would be NaN, in value and gradient
    return F.softmax(scores.masked_fill(~mask, lowest), dim=-1).masked_fill(~mask, 0.0)


class AttentionLayer(nn.Module):
    """y = Σ_j softmax_j(a(q, k_j)) v_j for any score `a`: `dot_score`, `scaled_dot_score`, an `AdditiveScore`."""

    def __init__(self, score: Score):
        super().__init__()
        self.score = score

    def forward(
        self, Q: Float[Tensor, "*q_batch queries d_q"], K: Keys, V: Values, mask: Mask | None = None
    ) -> tuple[Float[Tensor, "*batch queries d_v"], Float[Tensor, "*batch queries keys"]]:
        """The weighted means of the values, and the weights."""
        weights = masked_softmax(self.score(Q, K), mask)
        return weights @ V, weights
