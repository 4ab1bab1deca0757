"""Bahdanau's model, held to a slow loop over sentences, steps and source words, written from the paper's formulas."""

import copy

import pytest
import torch

from course.models.attention import padding_mask
from course.models.bahdanau import BahdanauEncoderDecoder

B, S, T_, EMBEDDING, HIDDEN, SOURCE_VOCAB, TARGET_VOCAB = 3, 5, 4, 6, 7, 11, 9
LENGTHS = torch.tensor([3, 5, 1])
MASK = padding_mask(LENGTHS, S)


@pytest.fixture
def model():
    torch.manual_seed(3)
    return BahdanauEncoderDecoder(SOURCE_VOCAB, TARGET_VOCAB, d_embedding=EMBEDDING, d_hidden=HIDDEN).double()


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(4)
    source = torch.randint(SOURCE_VOCAB, (B, S), generator=generator)
    return source, torch.randint(TARGET_VOCAB, (B, T_), generator=generator)


def one_direction(gru, x, suffix):
    """States (length, h) of one direction of a GRU, one GRUCell step after the other from zero."""
    cell = torch.nn.GRUCell(x.shape[1], gru.hidden_size, dtype=x.dtype)
    parameters = dict(gru.named_parameters())
    weights = {name: parameters[f"{name}_l0{suffix}"] for name, _ in cell.named_parameters()}
    h, states = x.new_zeros(gru.hidden_size), []
    for x_t in x:
        h = torch.func.functional_call(cell, weights, (x_t, h))
        states.append(h)
    return torch.stack(states)


def by_the_formulas(model, sentence, target):
    """Logits (T, V) and weights (T, length) of one pair (arXiv:1409.0473, §3.1, §3.2, §A.2)."""
    x = model.encoder.embedding(sentence)
    forward = one_direction(model.encoder.gru, x, "")
    backward = one_direction(model.encoder.gru, x.flip(0), "_reverse").flip(0)
    annotations = [torch.cat(pair) for pair in zip(forward, backward, strict=True)]
    W_a, U_a, v_a = model.score.W_q.weight, model.score.W_k.weight, model.score.w_v.weight[0]
    s = torch.tanh(model.initial.weight @ backward[0] + model.initial.bias)
    logits, weights = [], []
    for token in target:
        y = model.embedding.weight[token]
        exponentials = torch.stack([torch.exp(v_a @ torch.tanh(W_a @ s + U_a @ h_j)) for h_j in annotations])
        alpha = exponentials / exponentials.sum()
        c = sum(alpha_j * h_j for alpha_j, h_j in zip(alpha, annotations, strict=True))
        s = model.cell(torch.cat([y, c]), s)
        t_tilde = model.maxout.weight @ torch.cat([y, s, c]) + model.maxout.bias
        t = torch.stack([torch.maximum(t_tilde[2 * k], t_tilde[2 * k + 1]) for k in range(len(t_tilde) // 2)])
        logits.append(model.output.weight @ t)
        weights.append(alpha)
    return torch.stack(logits), torch.stack(weights)


def test_logits_weights_and_gradients_are_those_of_the_formulas(model, pair):
    source, target = pair
    slow = copy.deepcopy(model)
    logits, weights = model(source, target, MASK), model.align(source, target, MASK)
    upstream, slow_loss = torch.randn_like(logits), 0.0
    for row, length in enumerate(LENGTHS.tolist()):
        expected, expected_weights = by_the_formulas(slow, source[row, :length], target[row])
        torch.testing.assert_close(logits[row], expected)
        torch.testing.assert_close(weights[row, :, :length], expected_weights)
        slow_loss = slow_loss + (expected * upstream[row]).sum()
    (logits * upstream).sum().backward()
    slow_loss.backward()
    own, theirs = ({name: p.grad for name, p in m.named_parameters()} for m in (model, slow))
    torch.testing.assert_close(own, theirs)


def test_weights_sum_to_one_and_none_is_left_for_padding(model, pair):
    weights = model.align(*pair, MASK)
    assert weights.shape == (B, T_, S)
    torch.testing.assert_close(weights.sum(-1), torch.ones(B, T_, dtype=torch.float64))
    assert not weights.masked_select(~MASK[:, None]).any()
    assert (weights.masked_select(MASK[:, None]) > 0).all()


def test_an_untouched_source_is_weighed_whole(model, pair):
    torch.testing.assert_close(model.align(*pair), model.align(*pair, torch.ones(B, S, dtype=torch.bool)))


def test_the_state_shows_where_each_step_looked(model, pair):
    source, target = pair
    state = model.start(source, MASK)
    assert state.weights.shape == (B, S) and not state.weights.any()
    looked = []
    for token in target.unbind(1):
        _, state = model.step(token, state)
        looked.append(state.weights)
    torch.testing.assert_close(torch.stack(looked, 1), model.align(source, target, MASK))


def test_keys_are_projected_once_for_all_steps(model, pair):
    calls = []
    model.score.W_k.register_forward_hook(lambda *_: calls.append(1))
    model(*pair, MASK)
    assert len(calls) == 1


def test_dropout_drops_in_training_only(pair):
    model = BahdanauEncoderDecoder(SOURCE_VOCAB, TARGET_VOCAB, dropout=0.5)
    assert not torch.equal(model(*pair, MASK), model(*pair, MASK))
    model.eval()
    assert torch.equal(model(*pair, MASK), model(*pair, MASK))
