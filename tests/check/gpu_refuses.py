"""Ways to write attention that a GPU refuses, or that leave it: each with the mistake that is named."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from course.check.stand_in_mode import KEPT, MADE, MOVED, NUMPY, RESULT
from tests.check.attention_inputs import causal_mask, scores_of


def arange_made(q, k):
    return scores_of(q, k).masked_fill(~causal_mask(q, k), -1e9)


def ones_made(q, k):
    return torch.where(torch.ones(k.shape[-2]).bool(), scores_of(q, k), -1e9)


def zeros_made(q, k):
    return q + torch.zeros(q.shape)


def tensor_made(q, k):
    return q * torch.tensor([1.0] * q.shape[-1])


def derived_from_made(q, k):
    return scores_of(q, k) + torch.ones(k.shape[-2]).cumsum(0).log()[None, :]


def made_inside_vmap(q, k):
    return torch.vmap(lambda a: a + torch.arange(a.shape[-1]))(q)


def made_matrix(q, k):
    return q @ torch.eye(q.shape[-1])


def made_attention_mask(q, k):
    return F.scaled_dot_product_attention(q, k, k, attn_mask=causal_mask(q, k))


def made_indices(q, k):
    return k.gather(1, torch.zeros(k.shape, dtype=torch.int64))


def made_index_select(q, k):
    return k.index_select(1, torch.tensor([0]))


def made_values_for_indices(q, k):
    out = q.clone()
    out[:, torch.tensor([0, 1])] = torch.ones(2, q.shape[-1])
    return out


def made_target_of_an_in_place_sum(q, k):
    total = torch.tensor(0.0)
    total += q.sum()
    return total


def made_layer(q, k):
    return nn.Linear(q.shape[-1], 3)(q)


def made_state(q, k):
    gru = nn.GRU(q.shape[-1], 3, batch_first=True, device=q.device)
    return gru(q, torch.zeros(1, q.shape[0], 3))[0]


def made_stacked(q, k):
    return torch.stack([q.sum(), torch.tensor(0.0)])


def scalar_of_device_with_made(q, k):
    return torch.ones(3) * q.sum()


def device_cpu_by_name(q, k):
    return q + torch.zeros(q.shape, device="cpu")


def like_on_the_cpu(q, k):
    return q + torch.zeros_like(q, device="cpu")


def round_trip(q, k):
    return scores_of(q.cpu(), k.cpu())


def half_a_round_trip(q, k):
    return scores_of(q.cpu(), k)


def to_cpu(q, k):
    return q.to("cpu") + k.sum(1, keepdim=True)


def round_trip_by_type(q, k):
    return q.type(torch.FloatTensor) + k.sum(1, keepdim=True)


def list_returned(q, k):
    return torch.tensor([float(x) for x in q[0, 0]])


def filled_on_the_cpu(q, k):
    out = torch.zeros(q.shape)
    for b in range(len(q)):
        out[b] = q[b] * 2
    return out


def filled_by_item(q, k):
    out = torch.zeros(q.shape[0])
    for b in range(len(q)):
        out[b] = q[b].sum().item()
    return out


def second_result_on_the_cpu(q, k):
    return q + 1, torch.zeros(2)


def numpy_result(q, k):
    return torch.from_numpy(q.cpu().numpy())


def numpy_at_once(q, k):
    return torch.from_numpy(q.numpy()).to(q.device)


def numpy_function(q, k):
    return torch.as_tensor(np.exp(q), device=q.device)


MASK = torch.ones(16, 16).tril().bool()


def global_mask(q, k):
    return scores_of(q, k).masked_fill(~MASK[: q.shape[-2], : k.shape[-2]], -1e9)


def cached(q, k, cache={}):  # noqa: B006 - a cache is the point
    if (q.shape, k.shape) not in cache:
        cache[q.shape, k.shape] = causal_mask(q, k)
    return scores_of(q, k).masked_fill(~cache[q.shape, k.shape], -1e9)


REFUSED = [
    (arange_made, MADE),
    (ones_made, MADE),
    (zeros_made, MADE),
    (tensor_made, MADE),
    (derived_from_made, MADE),
    (made_inside_vmap, MADE),
    (made_matrix, MADE),
    (made_attention_mask, MADE),
    (made_indices, MADE),
    (made_index_select, MADE),
    (made_values_for_indices, MADE),
    (made_target_of_an_in_place_sum, MADE),
    (made_layer, MADE),
    (made_state, MADE),
    (made_stacked, MADE),
    (scalar_of_device_with_made, MADE),
    (device_cpu_by_name, MADE),
    (like_on_the_cpu, MADE),
    (round_trip, RESULT),
    (half_a_round_trip, MOVED),
    (to_cpu, MOVED),
    (round_trip_by_type, MOVED),
    (list_returned, RESULT),
    (filled_on_the_cpu, RESULT),
    (filled_by_item, RESULT),
    (second_result_on_the_cpu, RESULT),
    (numpy_result, RESULT),
    (numpy_at_once, NUMPY),
    (numpy_function, NUMPY),
    (global_mask, KEPT),
    (cached, KEPT),
]
