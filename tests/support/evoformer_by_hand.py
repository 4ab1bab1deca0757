"""Algorithms 6 to 15 of AlphaFold's Supplement, index by index, without a batch: what the Evoformer is held to.

Each takes a layer of ours for its weights. Where a mask is given, sums run over what is real.
"""

from itertools import product

import torch
from torch import Tensor


def heads(layer, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """q, k, v and the gate, (…, H, c) each."""
    q, k, v = (W(x).unflatten(-1, (layer.heads, -1)) for W in (layer.W_Q, layer.W_K, layer.W_V))
    return q, k, v, torch.sigmoid(layer.W_G(x)).unflatten(-1, (layer.heads, -1))


def attend(q: Tensor, keys: list[Tensor], values: list[Tensor], biases: list[Tensor | float]) -> Tensor:
    """One query, (H, c), and a bias for each head, (H,), at each key; nothing to look at gives zeros."""
    if not keys:
        return torch.zeros_like(q)
    scores = [(q * k).sum(-1) / q.shape[-1] ** 0.5 + b for k, b in zip(keys, biases, strict=True)]  # (H,) each
    e = [torch.exp(score)[:, None] for score in scores]
    return sum(a * v for a, v in zip(e, values, strict=True)) / sum(e)


def algorithm_7(layer, m: Tensor, z: Tensor, mask: Tensor) -> Tensor:
    """MSARowAttentionWithPairBias."""
    m = layer.norm(m)  # 1
    q, k, v, g = heads(layer.attention, m)  # 2, 4
    b = layer.pair_bias(layer.pair_norm(z))  # 3
    o = torch.zeros_like(q)
    for s, i in product(*map(range, mask.shape)):
        js = [j for j in range(m.shape[1]) if mask[s, j]]
        o[s, i] = g[s, i] * attend(q[s, i], [k[s, j] for j in js], [v[s, j] for j in js], [b[i, j] for j in js])  # 5, 6
    return layer.attention.W_O(o.flatten(-2))  # 7


def algorithm_8(layer, m: Tensor, mask: Tensor) -> Tensor:
    """MSAColumnAttention."""
    m = layer.norm(m)  # 1
    q, k, v, g = heads(layer.attention, m)  # 2, 3
    o = torch.zeros_like(q)
    for s, i in product(*map(range, mask.shape)):
        ts = [t for t in range(m.shape[0]) if mask[t, i]]
        o[s, i] = g[s, i] * attend(q[s, i], [k[t, i] for t in ts], [v[t, i] for t in ts], [0.0] * len(ts))  # 4, 5
    return layer.attention.W_O(o.flatten(-2))  # 6


def algorithm_9(layer, x: Tensor) -> Tensor:
    """MSATransition; on pairs it is algorithm 15, PairTransition."""
    x = layer.norm(x)  # 1
    a = layer.expand(x)  # 2
    return layer.contract(a * (a > 0))  # 3


def algorithm_10(layer, m: Tensor, mask: Tensor) -> Tensor:
    """OuterProductMean."""
    m = layer.norm(m)  # 1
    a, b = layer.left(m), layer.right(m)  # 2
    rows = []
    for i in range(m.shape[1]):
        row = []
        for j in range(m.shape[1]):
            products = [torch.outer(a[s, i], b[s, j]).flatten() for s in range(m.shape[0]) if mask[s, i] and mask[s, j]]
            o = sum(products) / len(products) if products else m.new_zeros(a.shape[-1] ** 2)  # 3
            row.append(layer.output(o))  # 4
        rows.append(torch.stack(row))
    return torch.stack(rows)


def algorithm_11_12(layer, z: Tensor, mask: Tensor, *, outgoing: bool) -> Tensor:
    """TriangleMultiplicationOutgoing (11), TriangleMultiplicationIncoming (12)."""
    z = layer.norm(z)  # 1
    a = torch.sigmoid(layer.left_gate(z)) * layer.left(z) * mask[..., None]  # 2
    b = torch.sigmoid(layer.right_gate(z)) * layer.right(z) * mask[..., None]  # 2
    g = torch.sigmoid(layer.gate(z))  # 3
    out = torch.zeros_like(z)
    for i, j in product(range(len(z)), repeat=2):
        sides = [(a[i, k], b[j, k]) if outgoing else (a[k, i], b[k, j]) for k in range(len(z))]
        out[i, j] = g[i, j] * layer.output(layer.hidden_norm(sum(x * y for x, y in sides)))  # 4
    return out


def algorithm_13_14(layer, z: Tensor, mask: Tensor, *, starting: bool) -> Tensor:
    """TriangleAttentionStartingNode (13), TriangleAttentionEndingNode (14)."""
    z = layer.norm(z)  # 1
    q, k, v, g = heads(layer.attention, z)  # 2, 4
    b = layer.third_side(z)  # 3
    o = torch.zeros_like(q)
    for i, j in product(range(len(z)), repeat=2):
        near = [((i, n) if starting else (n, j), (j, n) if starting else (n, i)) for n in range(len(z))]
        near = [(edge, third) for edge, third in near if mask[edge]]
        keys, values = ([x[edge] for edge, _ in near] for x in (k, v))
        o[i, j] = g[i, j] * attend(q[i, j], keys, values, [b[third] for _, third in near])  # 5, 6
    return layer.attention.W_O(o.flatten(-2))  # 7


def algorithm_6(block, m: Tensor, z: Tensor, msa_mask: Tensor, pair_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Lines 2 to 10 of EvoformerStack, without dropout."""
    outgoing, incoming, starting, ending = block.pair_stack.triangles
    m = m + algorithm_7(block.row_attention, m, z, msa_mask)  # 2
    m = m + algorithm_8(block.column_attention, m, msa_mask)  # 3
    m = m + algorithm_9(block.transition, m)  # 4
    z = z + algorithm_10(block.outer_product_mean, m, msa_mask)  # 5
    z = z + algorithm_11_12(outgoing, z, pair_mask, outgoing=True)  # 6
    z = z + algorithm_11_12(incoming, z, pair_mask, outgoing=False)  # 7
    z = z + algorithm_13_14(starting, z, pair_mask, starting=True)  # 8
    z = z + algorithm_13_14(ending, z, pair_mask, starting=False)  # 9
    return m, z + algorithm_9(block.pair_stack.transition, z)  # 10
