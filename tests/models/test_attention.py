"""The attention layers are what their equations say, and what PyTorch's own operations compute."""

import pytest
import torch
import torch.nn.functional as F

from course.models.attention import (
    AdditiveScore,
    AttentionLayer,
    attention,
    attention_weights,
    causal_mask,
    dot_score,
    key_mask,
    masked_softmax,
    padding_mask,
    scaled_dot_score,
)
from tests.support.memory import peak_of


def draw(*shape, grad=True, seed=0):
    generator = torch.Generator().manual_seed(sum(shape) + seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_(grad)


def qkv(B=2, H=3, T=5, S=7, d_k=4, d_v=6):
    return draw(B, H, T, d_k), draw(B, H, S, d_k), draw(B, H, S, d_v)


def random_mask(*shape):
    """At least one key for each query."""
    mask = torch.rand(*shape, generator=torch.Generator().manual_seed(1)) < 0.6
    mask[..., 0] = True
    return mask


def by_hand(Q, K, V, mask=None, scale=None, bias=None):
    """Query by query, key by key: equation (1) of the paper, with a bias of the scores."""
    out = torch.zeros(*Q.shape[:-1], V.shape[-1], dtype=Q.dtype)
    for row in range(Q.shape[-2]):
        scores = torch.stack([(Q[..., row, :] * K[..., j, :]).sum(-1) for j in range(K.shape[-2])], dim=-1)
        scores = scores * (scale or Q.shape[-1] ** -0.5)
        if bias is not None:
            scores = scores + bias.expand(*Q.shape[:-1], K.shape[-2])[..., row, :]
        e = scores.exp()
        if mask is not None:
            e = e * mask.expand(*Q.shape[:-1], K.shape[-2])[..., row, :]
        weights = e / e.sum(-1, keepdim=True)
        out[..., row, :] = sum(weights[..., j, None] * V[..., j, :] for j in range(K.shape[-2]))
    return out


def assert_same_with_gradients(ours, theirs, inputs):
    torch.testing.assert_close(ours, theirs)
    upstream = torch.randn(ours.shape, dtype=ours.dtype, generator=torch.Generator().manual_seed(2))
    for a, b in zip(
        torch.autograd.grad(ours, inputs, upstream), torch.autograd.grad(theirs, inputs, upstream), strict=True
    ):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_attention_is_the_equation(masked, scale):
    inputs = qkv()
    mask = random_mask(2, 1, 5, 7) if masked else None
    assert_same_with_gradients(attention(*inputs, mask, scale=scale), by_hand(*inputs, mask, scale), inputs)


@pytest.mark.parametrize("masked", [False, True])
def test_attention_agrees_with_the_fused_operation(masked):
    inputs = qkv()
    mask = random_mask(5, 7) if masked else None
    assert_same_with_gradients(attention(*inputs, mask), F.scaled_dot_product_attention(*inputs, mask), inputs)


# --- a bias of the scores

BIASES = {"one for all": (5, 7), "one for each head": (3, 5, 7), "one for each row": (2, 1, 5, 1), "of keys": (7,)}


@pytest.mark.parametrize("shape", BIASES.values(), ids=BIASES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_bias_is_added_to_the_scores_and_learns(shape, masked, seed):
    inputs, bias = qkv(), draw(*shape, seed=seed)
    mask = random_mask(2, 1, 5, 7) if masked else None
    weights = attention_weights(*inputs[:2], mask, bias=bias)
    for ours in (attention(*inputs, mask, bias=bias), weights @ inputs[2]):
        assert_same_with_gradients(ours, by_hand(*inputs, mask, bias=bias), (*inputs, bias))


def test_a_bias_is_the_float_mask_of_the_fused_operation():
    inputs, bias = qkv(), draw(3, 5, 7)
    theirs = F.scaled_dot_product_attention(*inputs, attn_mask=bias.expand(2, 3, 5, 7), scale=0.3)
    assert_same_with_gradients(attention(*inputs, bias=bias, scale=0.3), theirs, (*inputs, bias))
    with torch.no_grad():  # where nothing is learned, another kernel runs
        torch.testing.assert_close(attention(*inputs, bias=bias, scale=0.3), theirs)


@pytest.mark.parametrize("learned", [False, True])
def test_a_bias_serves_more_leading_dimensions_than_heads(learned):
    """As in a map of pairs: (batch, lines, heads, T, d_k), with a bias that all lines share."""
    Q, K, V, bias = draw(2, 4, 3, 5, 6), draw(2, 4, 3, 7, 6), draw(2, 4, 3, 7, 8), draw(2, 1, 3, 5, 7)
    mask = random_mask(2, 4, 1, 1, 7)
    with torch.set_grad_enabled(learned):
        out = attention(Q, K, V, mask, bias=bias)
    for line in range(4):
        torch.testing.assert_close(out[:, line], by_hand(*(x[:, line] for x in (Q, K, V, mask)), bias=bias[:, 0]))


@pytest.mark.parametrize(("T", "S"), [(5, 5), (3, 8), (1, 6)])
def test_a_bias_keeps_the_future_hidden(T, S):
    Q, K, V = qkv(T=T, S=S)
    bias = draw(3, T, S)
    expected = by_hand(Q, K, V, causal_mask(T, S), bias=bias)
    assert_same_with_gradients(attention(Q, K, V, bias=bias, causal=True), expected, (Q, K, V, bias))


@pytest.mark.parametrize("learned", [False, True])
def test_no_bias_opens_a_row_that_is_masked_altogether(learned):
    Q, K, V = qkv()
    bias, mask = draw(3, 5, 7), random_mask(5, 7)
    mask[2] = False
    with torch.set_grad_enabled(learned):
        out = attention(Q, K, V, mask, bias=bias)
    assert torch.equal(out[:, :, 2], torch.zeros_like(out[:, :, 2]))
    if learned:
        gradients = torch.autograd.grad(out.square().sum(), (Q, K, V, bias))
        assert all(g.isfinite().all() for g in gradients)
        assert (gradients[-1].masked_select(~mask) == 0).all()
        assert (gradients[-1][:, mask[:, 1], 1] != 0).all()


def test_leading_dimensions_broadcast():
    Q, K, V = draw(3, 2, 5, 4), draw(7, 4), draw(2, 7, 6)
    out = attention(Q, K, V)
    assert out.shape == (3, 2, 5, 6)
    torch.testing.assert_close(out[2, 1], attention(Q[2, 1], K, V[1]))


@pytest.mark.parametrize(("T", "S"), [(5, 5), (3, 8), (1, 6), (1, 1)])
@pytest.mark.parametrize("masked", [False, True])
def test_causal_attention_aligns_the_last_query_with_the_last_key(T, S, masked):
    Q, K, V = qkv(T=T, S=S)
    mask = padding_mask(torch.tensor([S, max(S - 1, 1)]), S)[:, None, None] if masked else None
    future = torch.tensor([[j > i + S - T for j in range(S)] for i in range(T)])
    allowed = ~future if mask is None else ~future & mask
    assert_same_with_gradients(attention(Q, K, V, mask, causal=True), by_hand(Q, K, V, allowed), (Q, K, V))
    torch.testing.assert_close(causal_mask(T, S), ~future)


def test_a_query_that_may_attend_to_nothing_gets_zeros_and_no_gradient():
    Q, K, V = qkv()
    mask = random_mask(5, 7)
    mask[2] = False
    out = attention(Q, K, V, mask)
    assert torch.equal(out[:, :, 2], torch.zeros_like(out[:, :, 2]))
    gradient = torch.autograd.grad(out.sum(), (Q, K, V))
    assert all(g.isfinite().all() for g in gradient)
    assert torch.equal(gradient[0][:, :, 2], torch.zeros_like(Q[:, :, 2]))


def test_weights_are_distributions_over_what_may_be_seen():
    Q, K, _ = qkv()
    mask = random_mask(2, 1, 5, 7)
    weights = attention_weights(Q, K, mask)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5, dtype=torch.float64))
    assert (weights[~mask.expand_as(weights)] == 0).all()
    assert (weights[mask.expand_as(weights)] > 0).all()


def test_weights_times_values_are_the_output():
    Q, K, V = qkv()
    torch.testing.assert_close(attention_weights(Q, K, random_mask(5, 7)) @ V, attention(Q, K, V, random_mask(5, 7)))


def test_dropout_drops_weights_and_keeps_the_mean():
    Q, K, V = (x.detach() for x in qkv(B=1, H=1))
    torch.manual_seed(0)
    dropped = torch.stack([attention(Q, K, V, dropout=0.5) for _ in range(4000)])
    assert not torch.equal(dropped[0], dropped[1])
    torch.testing.assert_close(dropped.mean(0), attention(Q, K, V), atol=0.06, rtol=0)


def test_the_layer_is_equivariant_in_queries_and_invariant_in_pairs():
    """The seed says "permutation-invariant": that holds for the key–value pairs behind one query's output."""
    Q, K, V = qkv(S=7, T=5)
    queries, keys = torch.randperm(5), torch.randperm(7)
    out = attention(Q, K, V)
    torch.testing.assert_close(attention(Q[:, :, queries], K, V), out[:, :, queries])
    torch.testing.assert_close(attention(Q, K[:, :, keys], V[:, :, keys]), out)


# --- scores and the generic layer


def test_scores_are_their_formulas():
    Q, K = draw(2, 5, 4), draw(2, 7, 4)
    additive = AdditiveScore(4, 4, 3).double()
    for b in range(2):
        for t in range(5):
            for s in range(7):
                q, k = Q[b, t], K[b, s]
                torch.testing.assert_close(dot_score(Q, K)[b, t, s], q @ k)
                torch.testing.assert_close(scaled_dot_score(Q, K)[b, t, s], q @ k / 2)
                hidden = torch.tanh(additive.W_q.weight @ q + additive.W_k.weight @ k)
                torch.testing.assert_close(additive(Q, K)[b, t, s], additive.w_v.weight[0] @ hidden)


@pytest.mark.parametrize("d", [4, 64, 1024])
def test_scaling_keeps_the_variance_of_scores(d):
    Q, K = draw(200, d, grad=False), draw(211, d, grad=False)
    assert dot_score(Q, K).var().item() == pytest.approx(d, rel=0.1)
    assert scaled_dot_score(Q, K).var().item() == pytest.approx(1, rel=0.1)


def test_additive_scores_take_queries_and_keys_of_two_sizes():
    layer = AttentionLayer(AdditiveScore(3, 5, 8).double())
    y, weights = layer(draw(2, 4, 3), draw(2, 6, 5), draw(2, 6, 7))
    assert y.shape == (2, 4, 7)
    assert weights.shape == (2, 4, 6)


def test_the_generic_layer_with_scaled_products_is_attention():
    inputs, mask = qkv(), random_mask(5, 7)
    y, weights = AttentionLayer(scaled_dot_score)(*inputs, mask)
    assert_same_with_gradients(y, attention(*inputs, mask), inputs)
    torch.testing.assert_close(weights, attention_weights(*inputs[:2], mask))


def test_masked_softmax_has_zero_rows_and_finite_gradients():
    scores, mask = draw(3, 4), torch.tensor([[True, False, True, True], [False] * 4, [False, False, True, False]])
    weights = masked_softmax(scores, mask)
    torch.testing.assert_close(weights[0, mask[0]], F.softmax(scores[0, mask[0]], dim=-1))
    assert torch.equal(weights[1:], torch.tensor([[0.0, 0, 0, 0], [0, 0, 1, 0]], dtype=torch.float64))
    assert torch.autograd.grad(weights.square().sum(), scores)[0].isfinite().all()


# --- masks and memory


def test_padding_masks_mark_the_tokens():
    mask = padding_mask(torch.tensor([3, 0, 5]), 5)
    assert mask.sum(1).tolist() == [3, 0, 5]
    assert mask[0].tolist() == [True, True, True, False, False]
    assert key_mask(mask).shape == (3, 1, 1, 5)
    assert key_mask(mask[:, None].expand(3, 2, 5)).shape == (3, 2, 1, 1, 5)
    assert key_mask(None) is None


@pytest.mark.parametrize("case", ["plain", "causal", "padded"])
@pytest.mark.parametrize("backward", [False, True])
def test_memory_is_linear_in_length(case, backward):
    """Four times the length takes four times the memory; with T × S weights it would be sixteen."""

    def peak(T):
        Q, K, V = (torch.randn(2, 2, T, 16, requires_grad=backward) for _ in range(3))
        mask = key_mask(padding_mask(torch.tensor([T, T - 3]), T)) if case == "padded" else None

        def run():
            out = attention(Q, K, V, mask, causal=case == "causal")
            if backward:
                out.sum().backward()

        return peak_of(run)

    assert 2 < peak(4096) / peak(1024) < 5


def test_asking_for_weights_takes_quadratic_memory():
    """What the test above would see if the weights were made: it can fail."""

    def peak(T):
        Q, K, _ = (torch.randn(1, 1, T, 8) for _ in range(3))
        return peak_of(lambda: attention_weights(Q, K))

    assert peak(1024) / peak(256) > 10
