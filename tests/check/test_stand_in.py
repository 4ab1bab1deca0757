"""The stand-in device: what a GPU accepts passes with the CPU's values, what it refuses is named."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course import check
from course.check import stand_in
from course.check.stand_in_mode import KEPT, MADE, MOVED, NUMPY, RESULT, is_marked


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


# --- what a GPU accepts -------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("fn", ACCEPTED, ids=lambda fn: fn.__name__)
def test_what_a_gpu_accepts_passes_with_the_values_of_the_cpu(fn):
    given = inputs()
    if fn is moved_by_cuda:  # .cuda() needs a GPU outside the stand-in
        expected = scores_of(*given[:2])
    else:
        expected = fn(*given)
    check.runs_on_any_device(fn, *given, expected=expected)


def test_cudnn_stays_out_of_it_and_comes_back():
    """On a machine with a GPU a recurrent layer asks it to lay out its weights; they only say that they are there."""
    before = torch.backends.cudnn.enabled
    seen = []
    stand_in.run(lambda x: seen.append(torch.backends.cudnn.enabled) or x, (torch.ones(2),))
    assert seen == [False] and torch.backends.cudnn.enabled == before


def test_arguments_keep_their_values_and_stay_unmarked():
    q, *rest = inputs()
    before = q.clone()
    stand_in.run(lambda q: q.mul_(2), (q,))
    assert torch.equal(q, before) and not is_marked(q)


def test_nothing_and_numbers_and_nested_arguments_pass_through():
    x = torch.randn(3)

    def fn(nothing, pair, options, *, scale):
        assert nothing is None and options["name"] == "a"
        (a, (b,)) = pair
        return {"sum": a + b * scale, "list": [a, None, 2]}

    result = stand_in.run(fn, (None, (x, (x,)), {"name": "a"}), {"scale": 2})
    assert torch.equal(result["sum"], 3 * x) and result["list"][1:] == [None, 2]
    assert not is_marked(result["sum"])


def test_one_tensor_given_twice_stays_one():
    x = torch.randn(3)
    assert stand_in.run(lambda a, b: (a is b, a.add_(1))[0], (x, x))


def test_a_device_among_the_arguments_becomes_the_other_one():
    def positions(count, device):
        return torch.arange(count, device=device)

    check.runs_on_any_device(positions, 4, torch.device("cpu"), expected=torch.arange(4))
    with pytest.raises(check.CheckFailed, match="result is on the CPU"):
        check.runs_on_any_device(lambda n, device: torch.arange(n), 4, torch.device("cpu"), expected=torch.arange(4))


def test_without_tensors_there_is_no_device_to_be_on():
    check.runs_on_any_device(lambda n: torch.arange(n), 4, expected=torch.arange(4))


# --- what a GPU refuses -------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(("fn", "mistake"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_a_gpu_refuses_is_named(fn, mistake):
    q, k, *_ = inputs()
    expected = fn(q, k)
    with pytest.raises(check.CheckFailed) as caught:
        check.runs_on_any_device(fn, q, k, expected=expected)
    assert caught.value.mistake == mistake
    assert caught.value.message.startswith(mistake) and "\n" not in caught.value.message


def test_a_mask_cached_during_the_run_was_made_there():
    q, k, *_ = inputs()
    cache = {}
    with pytest.raises(stand_in.MixedDevices, match="was made on the CPU"):
        stand_in.run(lambda q, k: cached(q, k, cache), (q, k))
    with pytest.raises(stand_in.MixedDevices, match="from before the call"):
        stand_in.run(lambda q, k: cached(q, k, cache), (q, k))


def test_details_show_the_line():
    q, k, *_ = inputs()
    with pytest.raises(check.CheckFailed) as caught:
        check.runs_on_any_device(arange_made, q, k, expected=q)
    assert "masked_fill(~causal_mask(q, k), -1e9)" in caught.value.details


def test_what_only_waits_or_measures_on_a_gpu_is_no_trouble_and_is_itself_again():
    def measured(x):
        if x.is_cuda:
            torch.cuda.reset_peak_memory_stats()
            torch.cuda.synchronize(x.device)
            torch.cuda.empty_cache()
            print(torch.cuda.get_device_name(0))
        return x + torch.cuda.memory_allocated() if x.is_cuda else x

    before = torch.cuda.synchronize
    x = torch.randn(3)
    assert torch.equal(stand_in.run(measured, (x,)), x)
    assert torch.cuda.synchronize is before


def test_a_branch_for_the_gpu_is_taken():
    q, k, *_ = inputs()
    expected = scores_of(q, k)

    def fn(q, k):
        return scores_of(q, k) * 2 if q.device.type == "cuda" else scores_of(q, k)

    with pytest.raises(check.CheckFailed, match="the result on another device: not"):
        check.runs_on_any_device(fn, q, k, expected=expected)


def test_an_error_of_the_students_own_is_not_renamed():
    with pytest.raises(ZeroDivisionError):
        check.runs_on_any_device(lambda x: 1 / 0, torch.ones(2), expected=torch.ones(2))
