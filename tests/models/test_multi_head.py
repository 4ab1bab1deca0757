"""Multi-head attention agrees with `nn.MultiheadAttention`, with every kind of mask, memory and cache."""

import random

import pytest
import torch
from torch import nn

from course.models.attention import causal_mask, key_mask, padding_mask
from course.models.multi_head import KeyValueCache, MultiHeadAttention, merge, recorded_weights, split
from course.models.positions import RotaryPositions

d_model, heads = 12, 4


@pytest.fixture(autouse=True, params=range(2), ids="draw {}".format)
def random_distinct_sizes(request: pytest.FixtureRequest):
    """Every test runs with two draws of sizes, none twice in a draw: no axis can pass for another."""
    global B, T, S, d_memory
    B, T, S, d_memory = random.Random(request.param).sample([2, 3, 5, 6, 7, 8, 9, 10, 11], 4)


def pair(bias=True, memory_size=None):
    """Ours and torch's, with the same random weights."""
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(
        d_model, heads, bias=bias, kdim=memory_size, vdim=memory_size, batch_first=True, dtype=torch.float64
    )
    ours = MultiHeadAttention(d_model, heads, d_memory=memory_size, bias=bias).double()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(std=0.4)
        matrices = (
            theirs.in_proj_weight.chunk(3)
            if memory_size in (None, d_model)
            else (theirs.q_proj_weight, theirs.k_proj_weight, theirs.v_proj_weight)
        )
        for module, matrix in zip((ours.W_Q, ours.W_K, ours.W_V), matrices, strict=True):
            module.weight.copy_(matrix)
        ours.W_O.weight.copy_(theirs.out_proj.weight)
        if bias:
            for module, vector in zip((ours.W_Q, ours.W_K, ours.W_V), theirs.in_proj_bias.chunk(3), strict=True):
                module.bias.copy_(vector)
            ours.W_O.bias.copy_(theirs.out_proj.bias)
    return ours, theirs


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", ["self", "causal", "padded", "cross", "cross, two sizes"])
def test_agrees_with_torch_in_outputs_weights_and_gradients(kind, bias):
    ours, theirs = pair(bias, d_memory if kind == "cross, two sizes" else None)
    x = torch.randn(B, T, d_model, dtype=torch.float64, requires_grad=True)
    memory = None
    if "cross" in kind:
        memory = torch.randn(B, S, ours.W_K.in_features, dtype=torch.float64, requires_grad=True)
    tokens = padding_mask(torch.arange(B).remainder(T) + 1, T) if kind == "padded" else None
    hidden = None if tokens is None else ~tokens
    future = ~causal_mask(T, T) if kind == "causal" else None

    y = ours(x, memory, mask=key_mask(tokens), causal=kind == "causal")
    other = x if memory is None else memory
    expected, weights = theirs(x, other, other, key_padding_mask=hidden, attn_mask=future, average_attn_weights=False)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(ours.weights(x, memory, mask=key_mask(tokens), causal=kind == "causal"), weights)

    inputs = [x] if memory is None else [x, memory]
    upstream = torch.randn_like(y)
    gradients = torch.autograd.grad(y, [*inputs, *ours.parameters()], upstream)
    names = dict(zip([*("x", "memory")[: len(inputs)], *dict(ours.named_parameters())], gradients, strict=True))
    expected.backward(upstream)
    torch.testing.assert_close(names["x"], x.grad)
    if memory is not None:
        torch.testing.assert_close(names["memory"], memory.grad)
    torch.testing.assert_close(names["W_O.weight"], theirs.out_proj.weight.grad)
    if theirs.in_proj_weight is not None:
        stacked = torch.cat([names[f"W_{letter}.weight"] for letter in "QKV"])
        torch.testing.assert_close(stacked, theirs.in_proj_weight.grad)
    if bias:
        stacked = torch.cat([names[f"W_{letter}.bias"] for letter in "QKV"])
        torch.testing.assert_close(stacked, theirs.in_proj_bias.grad)


def test_many_heads_are_many_attentions_with_matrices_of_their_own():
    """The wrapper of h single heads, each with its slice of the projections, gives the same."""
    ours, _ = pair()
    x = torch.randn(B, T, d_model, dtype=torch.float64)
    d_k = d_model // heads
    outputs = []
    for h in range(heads):
        rows = slice(h * d_k, (h + 1) * d_k)
        Q, K, V = (x @ W.weight[rows].T + W.bias[rows] for W in (ours.W_Q, ours.W_K, ours.W_V))
        outputs.append(torch.softmax(Q @ K.mT / d_k**0.5, dim=-1) @ V)
    torch.testing.assert_close(ours(x), torch.cat(outputs, dim=-1) @ ours.W_O.weight.T + ours.W_O.bias)


def test_split_and_merge_undo_each_other_and_keep_the_order():
    x = torch.arange(2 * 3 * 8).view(2, 3, 8).float()
    assert torch.equal(merge(split(x, 4)), x)
    assert torch.equal(split(x, 4)[:, 1], x[..., 2:4])


def test_heads_divide_d_model():
    with pytest.raises(ValueError, match="10 is not one of 4"):
        MultiHeadAttention(10, 4)


def test_equivariant_without_positions_and_not_with_them():
    x, order = torch.randn(B, T, d_model, dtype=torch.float64), torch.arange(T).roll(1)
    plain, _ = pair()
    torch.testing.assert_close(plain(x[:, order]), plain(x)[:, order])
    turned = MultiHeadAttention(d_model, 2, rotary=RotaryPositions()).double()
    assert not torch.allclose(turned(x[:, order]), turned(x)[:, order], atol=1e-3)


# --- the cache


@pytest.mark.parametrize("rotary", [None, RotaryPositions()])
@pytest.mark.parametrize("pieces", [[1] * 9, [4, 1, 1, 3], [9], [2, 7]])
def test_pieces_through_a_cache_are_the_whole(pieces, rotary):
    layer = MultiHeadAttention(d_model, 2, rotary=rotary).double()
    x, cache = torch.randn(B, sum(pieces), d_model, dtype=torch.float64), KeyValueCache()
    found = [layer(piece, causal=True, cache=cache) for piece in x.split(pieces, dim=1)]
    torch.testing.assert_close(torch.cat(found, dim=1), layer(x, causal=True))
    assert cache.length == 9


def test_a_memory_is_projected_once():
    layer, _ = pair()
    x, memory, cache = torch.randn(B, 2, d_model).double(), torch.randn(B, S, d_model).double(), KeyValueCache()
    first = layer(x, memory, cache=cache)
    torch.testing.assert_close(layer(x, torch.full_like(memory, torch.nan), cache=cache), first)
    torch.testing.assert_close(first, layer(x, memory))


def test_selected_rows_go_their_own_way():
    cache = KeyValueCache()
    K, V = torch.randn(3, 2, 4, 5), torch.randn(3, 2, 4, 5)
    cache.append(K, V)
    chosen = cache.select(torch.tensor([2, 0, 2]))
    new = torch.randn(3, 2, 1, 5)
    assert torch.equal(chosen.append(new, new)[0], torch.cat([K[[2, 0, 2]], new], dim=2))
    assert torch.equal(cache.contents()[1], V)
    assert KeyValueCache().select(torch.tensor([0])).length == 0


def test_appending_copies_a_linear_number_of_numbers():
    """Room is made by doubling: of 1,000 appends only about ten move what is there."""
    cache, places = KeyValueCache(), set()
    for _ in range(1000):
        K, _ = cache.append(torch.zeros(1, 1, 1, 2), torch.zeros(1, 1, 1, 2))
        places.add(K.data_ptr())
    assert len(places) < 15


def test_an_empty_prompt_is_a_prompt():
    cache, nothing, K = KeyValueCache(), torch.zeros(2, 3, 0, 4), torch.randn(2, 3, 1, 4)
    cache.append(nothing, nothing)
    assert cache.select(torch.tensor([1])).length == 0
    assert torch.equal(cache.append(K, K)[0], K)


# --- weights on request


def test_recorded_weights_are_those_of_the_call():
    layer, _ = pair()
    model = nn.ModuleDict({"a": layer, "b": MultiHeadAttention(d_model, 3).double()})
    x = torch.randn(B, T, d_model, dtype=torch.float64)
    with recorded_weights(model) as weights:
        layer(x, causal=True)
    assert set(weights) == {"a"}
    assert not weights["a"].requires_grad
    torch.testing.assert_close(weights["a"], layer.weights(x, causal=True).detach())
    layer(x * 2)
    torch.testing.assert_close(weights["a"], layer.weights(x, causal=True).detach())


def test_recording_changes_nothing_and_refuses_a_cache():
    layer = MultiHeadAttention(d_model, heads, dropout=0.5).double()
    x = torch.randn(B, T, d_model, dtype=torch.float64)
    torch.manual_seed(1)
    expected = layer(x)
    torch.manual_seed(1)
    with recorded_weights(layer):
        assert torch.equal(layer(x), expected)
        with pytest.raises(ValueError, match="without a cache"):
            layer(x, causal=True, cache=KeyValueCache())
