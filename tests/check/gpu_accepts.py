"""Ways to write attention that run on a GPU: each is to pass on the stand-in, with the values of the CPU."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tests.check.attention_inputs import causal_mask, scores_of


def fused(q, k, v, mask, lengths):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def fused_causal(q, k, v, mask, lengths):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def device_keyword(q, k, v, mask, lengths):
    allowed = causal_mask(q, k, device=q.device)
    return scores_of(q, k).masked_fill(~allowed, float("-inf")).softmax(-1) @ v


def moved_afterwards(q, k, v, mask, lengths):
    return scores_of(q, k).masked_fill(~causal_mask(q, k).to(q.device), -math.inf).softmax(-1) @ v


def moved_by_keyword(q, k, v, mask, lengths):
    return scores_of(q, k) + torch.ones(k.shape[-2]).to(device=q.device, dtype=q.dtype)


def moved_like_another(q, k, v, mask, lengths):
    return scores_of(q, k) + torch.ones(k.shape[-2]).to(q) + torch.ones(k.shape[-2]).type_as(q)


def moved_by_cuda(q, k, v, mask, lengths):
    return scores_of(q, k) * torch.ones(k.shape[-2]).cuda()


def tril_of_new_ones(q, k, v, mask, lengths):
    allowed = q.new_ones(q.shape[-2], k.shape[-2]).tril().bool()
    return torch.where(allowed, scores_of(q, k), q.new_tensor(-1e9)).softmax(-1) @ v


def like_another(q, k, v, mask, lengths):
    weights = torch.zeros_like(scores_of(q, k))
    weights[..., 0] = torch.ones_like(weights[..., 0])
    return weights @ v


def triu_with_diagonal(q, k, v, mask, lengths):
    hidden = torch.triu(torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool, device=q.device), diagonal=1)
    return scores_of(q, k).masked_fill_(hidden, torch.finfo(q.dtype).min).softmax(dim=-1).matmul(v)


def device_context(q, k, v, mask, lengths):
    with torch.device(q.device):
        allowed = torch.ones(q.shape[-2], k.shape[-2]).tril() > 0
    return scores_of(q, k).where(allowed, torch.tensor(-1e9)).softmax(-1)


def einsum(q, k, v, mask, lengths):
    weights = F.softmax(torch.einsum("bqd,bkd->bqk", q, k), dim=-1)
    return torch.einsum("bqk,bkd->bqd", weights, v), weights


def element_by_element(q, k, v, mask, lengths):
    out = torch.zeros(q.shape[0], q.shape[1], k.shape[1], device=q.device)
    for b in range(q.shape[0]):
        for i in range(q.shape[1]):
            for j in range(k.shape[1]):
                out[b, i, j] = (q[b, i] * k[b, j]).sum()
    return out


def element_by_item(q, k, v, mask, lengths):
    out = torch.empty(q.shape[0], q.shape[1], device=q.device)
    for b, rows in enumerate(q):
        for i, row in enumerate(rows):
            out[b, i] = row.sum().item() + float(row[0]) * int(lengths[b])
    return out


def list_of_numbers_on_device(q, k, v, mask, lengths):
    return torch.tensor([[float(x) for x in row] for row in q[0]], device=q.device)


def list_then_stack(q, k, v, mask, lengths):
    return torch.stack([torch.cat([a, a[:1]]) for a in q])


def looks_at_a_value(q, k, v, mask, lengths):
    s = scores_of(q, k)
    if s.isnan().any() or not mask.any():
        raise ValueError("no")
    return s.softmax(-1)


def boolean_selection(q, k, v, mask, lengths):
    s = scores_of(q, k).clone()
    s[s < 0] = 0
    s[~mask] = -1.0
    return s, s[s > 0].sum()


def scalar_of_the_cpu(q, k, v, mask, lengths):
    return scores_of(q, k) / torch.sqrt(torch.tensor(q.shape[-1])) + torch.tensor(1.0)


def scalar_fill(q, k, v, mask, lengths):
    return scores_of(q, k).masked_fill(~mask, torch.tensor(float("-inf")))


def cpu_indices(q, k, v, mask, lengths):
    order = torch.arange(k.shape[1] - 1, -1, -1)
    return k[:, order], k[torch.tensor(0)], q[:, [0, 1]]


def cpu_mask_as_index(q, k, v, mask, lengths):
    s = scores_of(q, k).clone()
    s[:, ~causal_mask(q, k)] = -1.0
    return s


def rows_copied_in(q, k, v, mask, lengths):
    out = torch.empty_like(q)
    out[:, 0] = torch.ones(q.shape[-1])
    out[:, 1:].copy_(torch.zeros(q.shape[1] - 1, q.shape[-1]))
    return out


def padding_from_lengths(q, k, v, mask, lengths):
    keep = torch.arange(k.shape[1], device=lengths.device) < lengths[:, None]
    return scores_of(q, k).masked_fill(~keep[:, None, :], -1e9).softmax(-1), keep, lengths + 1


def lengths_as_numbers(q, k, v, mask, lengths):
    keep = torch.zeros(k.shape[:2], dtype=torch.bool, device=k.device)
    for b, length in enumerate(lengths.tolist()):
        keep[b, :length] = True
    for b, length in enumerate(lengths):
        keep[b, length:] = False
    return keep


def masked_rows_are_zeros(q, k, v, mask, lengths):
    weights = torch.nan_to_num(scores_of(q, k).masked_fill(~mask, -torch.inf).softmax(-1))
    weights = weights * mask.any(-1, keepdim=True)
    return weights @ v, weights


def views_and_in_place(q, k, v, mask, lengths):
    flat = q.clone().reshape(-1)
    flat[1::2] *= 2
    flat.view(-1, q.shape[-1])[0].zero_()
    flat += 1
    return flat.view_as(q).transpose(-1, -2).contiguous(), flat.detach(), flat.data, q.mT


def normalised(q, k, v, mask, lengths):
    return F.layer_norm(q, q.shape[-1:]), F.normalize(k, dim=-1), F.cosine_similarity(q[:, :1], q, dim=-1)


def one_hot_and_embedding(q, k, v, mask, lengths):
    table = torch.eye(k.shape[1] + 1, device=lengths.device)
    return F.one_hot(lengths, k.shape[1] + 1), F.embedding(lengths, table), table.gather(0, lengths[None, :1])


def vectorised(q, k, v, mask, lengths):
    return torch.vmap(lambda a, b: a @ b.mT + torch.arange(b.shape[0], device=b.device))(q, k)


def gradient_inside(q, k, v, mask, lengths):
    with torch.enable_grad():
        x = q.clone().requires_grad_()
        x.sin().sum().backward()
        y = k.clone().requires_grad_()
        (slope,) = torch.autograd.grad(y.cos().sum(), y)
    return x.grad * 2 + q, slope + k


def functional_gradient(q, k, v, mask, lengths):
    return torch.func.grad(lambda x: (x * torch.ones(x.shape, device=x.device)).sin().sum())(q) + q


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, upstream):
        return 2 * upstream


def own_autograd_function(q, k, v, mask, lengths):
    return Doubled.apply(q) + q


def module_made_inside(q, k, v, mask, lengths):
    torch.manual_seed(0)
    layer = nn.Linear(q.shape[-1], 3, device=q.device)
    other = nn.Linear(q.shape[-1], 3).to(q.device)
    third = nn.Linear(q.shape[-1], 3).to(q)
    fourth = nn.Linear(q.shape[-1], 3).to(device=q.device, dtype=q.dtype)
    return layer(q) + other(q) + third(q) + fourth(q)


def training_inside(q, k, v, mask, lengths):
    torch.manual_seed(0)
    with torch.enable_grad():
        layer = nn.Linear(q.shape[-1], 1).to(q.device)
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            F.mse_loss(layer(q), q[..., :1]).backward()
            optimizer.step()
    return layer(q)


def packed(q, k, v, mask, lengths):
    torch.manual_seed(0)
    gru = nn.GRU(k.shape[-1], 3, batch_first=True, device=k.device)
    sequence = nn.utils.rnn.pack_padded_sequence(k, lengths.cpu(), batch_first=True, enforce_sorted=False)
    out, last = gru(sequence)
    return nn.utils.rnn.pad_packed_sequence(out, batch_first=True)[0], last


def to_numpy_and_back(q, k, v, mask, lengths):
    return torch.from_numpy(np.exp(q.cpu().numpy())).to(q.device)


def half_and_back(q, k, v, mask, lengths):
    return q.half().float().double().to(torch.float32).type(torch.float64).to(q.device, torch.float32, True)


def asks_about_the_device(q, k, v, mask, lengths):
    where = f"cuda:{q.get_device()}" if q.is_cuda else "cpu"
    extra = torch.zeros(1, device=where) if q.device.type == "cuda" else torch.zeros(1)
    return q + extra + torch.full((1,), 2.0, device=str(q.device))


def cached_on_the_device(q, k, v, mask, lengths, cache={}):  # noqa: B006 - a cache is the point
    where = (q.device, q.shape[-2], k.shape[-2])
    if where not in cache:
        cache[where] = causal_mask(q, k, device=q.device)
    return scores_of(q, k).masked_fill(~cache[where], -1e9).softmax(-1)


def broadcast_and_expand(q, k, v, mask, lengths):
    bias = torch.zeros(1, 1, 1, device=q.device).expand_as(torch.empty(2, 3, 4))
    return bias, torch.cartesian_prod(lengths, lengths), *torch.meshgrid(lengths, lengths, indexing="ij")


def sorted_and_largest(q, k, v, mask, lengths):
    values, places = scores_of(q, k).max(-1)
    return values, places, torch.topk(q, 1).values, q.argsort(-1), torch.sort(lengths).indices


def printed(q, k, v, mask, lengths):
    assert "tensor" in repr(q) and f"{q.sum():.2f}" and q.tolist() and len(q) and isinstance(q, torch.Tensor)
    assert type(q) is torch.Tensor
    return q + 0


ACCEPTED = [
    value
    for value in list(globals().values())
    if getattr(value, "__code__", None) is not None
    and value.__code__.co_varnames[:5] == ("q", "k", "v", "mask", "lengths")
]
