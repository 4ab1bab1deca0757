"""The recurrent encoder–decoder: held to torch's own GRU, run sentence by sentence where there is no padding."""

import copy
import warnings

import pytest
import torch
from torch import nn

from course.models.attention import padding_mask
from course.models.recurrent import RecurrentEncoder, RecurrentEncoderDecoder, RecurrentState, gru_step

B, S, T_, EMBEDDING, HIDDEN, SOURCE_VOCAB, TARGET_VOCAB = 4, 6, 5, 7, 3, 11, 9
LENGTHS = torch.tensor([4, 6, 1, 3])
MASK = padding_mask(LENGTHS, S)
SHAPES = pytest.mark.parametrize(
    ("layers", "bidirectional"), [(1, False), (1, True), (3, False), (2, True)], ids=lambda value: str(value)
)


@pytest.fixture(autouse=True)
def _float64():
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def random_pair():
    source = torch.randint(SOURCE_VOCAB, (B, S))  # what stands at padding is no special token: it mustn't be read
    return source, torch.randint(TARGET_VOCAB, (B, T_))


def gradients(module, loss):
    module.zero_grad()
    loss.backward()
    return {name: parameter.grad for name, parameter in module.named_parameters()}


def read_alone(encoder, sentence):
    """Annotations (1, length, size) and v (1, size) of one sentence without padding, by torch's GRU itself."""
    annotations, last = encoder.gru(encoder.embedding(sentence[None]))
    directions = 2 if encoder.gru.bidirectional else 1
    return annotations, last[-directions:].transpose(0, 1).reshape(1, -1)


# --- the step


def test_a_step_is_that_of_grucell_with_its_gradients():
    cell = nn.GRUCell(EMBEDDING, HIDDEN)
    x, h = torch.randn(B, EMBEDDING, requires_grad=True), torch.randn(B, HIDDEN, requires_grad=True)
    upstream = torch.randn(B, HIDDEN)
    inputs = [x, h, *cell.parameters()]
    own, theirs = gru_step(*inputs), cell(x, h)
    torch.testing.assert_close(own, theirs)
    own_gradients, their_gradients = (torch.autograd.grad(y, inputs, upstream) for y in (own, theirs))
    torch.testing.assert_close(own_gradients, their_gradients)


# --- the encoder


@SHAPES
def test_padding_is_not_read_in_either_direction(layers, bidirectional):
    encoder = RecurrentEncoder(SOURCE_VOCAB, EMBEDDING, HIDDEN, layers=layers, bidirectional=bidirectional)
    alone = copy.deepcopy(encoder)
    source, _ = random_pair()
    annotations, v = encoder(source, MASK)
    weight_h, weight_v = torch.randn_like(annotations), torch.randn_like(v)
    reference_loss = 0.0
    for row, length in enumerate(LENGTHS.tolist()):
        expected, expected_v = read_alone(alone, source[row, :length])
        torch.testing.assert_close(annotations[row, :length], expected[0])
        assert not annotations[row, length:].any()
        torch.testing.assert_close(v[row], expected_v[0])
        reference_loss = (
            reference_loss + (expected[0] * weight_h[row, :length]).sum() + (expected_v * weight_v[row]).sum()
        )
    loss = (annotations * weight_h).sum() + (v * weight_v).sum()
    torch.testing.assert_close(gradients(encoder, loss), gradients(alone, reference_loss))


def test_without_a_mask_all_is_read():
    encoder = RecurrentEncoder(SOURCE_VOCAB, EMBEDDING, HIDDEN)
    source, _ = random_pair()
    torch.testing.assert_close(encoder(source), encoder(source, torch.ones(B, S, dtype=torch.bool)))


@pytest.mark.parametrize(
    "row", [[True, False, True, True], [False, True, True, True], [False] * 4], ids=["hole", "in front", "empty"]
)
def test_padding_elsewhere_than_at_the_end_is_refused(row):
    encoder = RecurrentEncoder(SOURCE_VOCAB, EMBEDDING, HIDDEN)
    mask = torch.tensor([[True, True, True, False], row])
    with pytest.raises(ValueError, match="at least one token, then False"):
        encoder(torch.zeros(2, 4, dtype=torch.long), mask)


# --- encoder and decoder


@SHAPES
def test_the_whole_model_agrees_with_torchs_gru_sentence_by_sentence(layers, bidirectional):
    model = RecurrentEncoderDecoder(
        SOURCE_VOCAB,
        TARGET_VOCAB,
        d_embedding=EMBEDDING,
        d_hidden=HIDDEN,
        layers=layers,
        bidirectional=bidirectional,
    )
    alone = copy.deepcopy(model)
    source, target = random_pair()
    logits = model(source, target, MASK)
    upstream, reference_loss = torch.randn_like(logits), 0.0
    for row, length in enumerate(LENGTHS.tolist()):
        _, v = read_alone(alone.encoder, source[row, :length])
        s = torch.tanh(alone.initial(v)).reshape(layers, 1, HIDDEN)
        y = alone.embedding(target[row])
        h, _ = alone.gru(torch.cat([y, v.repeat(T_, 1)], dim=1)[None], s)
        expected = alone.output(h[0])
        torch.testing.assert_close(logits[row], expected)
        reference_loss = reference_loss + (expected * upstream[row]).sum()
    torch.testing.assert_close(gradients(model, (logits * upstream).sum()), gradients(alone, reference_loss))


def test_the_thought_vector_is_as_long_for_every_sentence_and_all_that_is_known_of_it():
    model = RecurrentEncoderDecoder(SOURCE_VOCAB, TARGET_VOCAB, d_embedding=EMBEDDING, d_hidden=HIDDEN)
    source, target = random_pair()
    assert model.encode(source, MASK).shape == model.encode(source[:, :2]).shape == (B, 2 * HIDDEN)
    state = model.start(source, MASK)
    assert set(vars(state)) == {"v", "s"}
    torch.testing.assert_close(state.s[0], torch.tanh(model.initial(state.v)))
    torch.testing.assert_close(model.decode(target, state)[0], model(source, target, MASK))


def test_the_thought_vector_is_read_at_every_step():
    model = RecurrentEncoderDecoder(SOURCE_VOCAB, TARGET_VOCAB, d_embedding=EMBEDDING, d_hidden=HIDDEN)
    source, target = random_pair()
    state = model.start(source)
    state = RecurrentState(state.v.detach().requires_grad_(), state.s.detach())
    _, state_later = model.decode(target[:, :2], state)
    logits, _ = model.step(target[:, 2], RecurrentState(state.v, state_later.s.detach()))
    (gradient,) = torch.autograd.grad(logits.sum(), state.v)
    assert (gradient != 0).all()


def test_one_layer_with_dropout_gives_no_warning_and_drops_in_training_only():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = RecurrentEncoderDecoder(SOURCE_VOCAB, TARGET_VOCAB, dropout=0.5)
    source, target = random_pair()
    assert not torch.equal(model(source, target, MASK), model(source, target, MASK))
    model.eval()
    assert torch.equal(model(source, target, MASK), model(source, target, MASK))
