"""The captioner, held to a slow loop over images, steps and places that is written from the paper's formulas."""

import copy

import pytest
import torch
import torch.nn.functional as F

from course import check
from course.models.captioning import Captioner, ImageEncoder, doubly_stochastic
from course.models.decoding import beam_search, generate
from tests.support.weights import shaken

B, T, ANNOTATION, EMBEDDING, HIDDEN, VOCAB = 3, 4, 8, 5, 7, 11
HEIGHT, WIDTH, L = 12, 18, 6  # 2 × 3 places
BOS, EOS = 1, 2
SIZES = {"d_annotation": ANNOTATION, "d_embedding": EMBEDDING, "d_hidden": HIDDEN}


@pytest.fixture(params=[0, 1])
def model(request):
    torch.manual_seed(request.param)
    model = Captioner(VOCAB, **SIZES)
    model.encoder(3 * torch.rand(20, 1, HEIGHT, WIDTH))  # running statistics that are not 0 and 1
    return shaken(model, request.param)


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(4)
    images = torch.rand(B, 1, HEIGHT, WIDTH, generator=generator, dtype=torch.float64)
    return images, torch.randint(VOCAB, (B, T), generator=generator)


def convolved(x, conv, norm, pool):
    """One block on one image (channels, height, width): sums over 3 × 3 windows, normalised, cut at 0, pooled."""
    height, width = x.shape[1:]
    padded = F.pad(x, (1, 1, 1, 1))
    mean, scale = norm.running_mean, norm.weight / torch.sqrt(norm.running_var + norm.eps)
    out = torch.stack(
        [
            torch.stack([(conv.weight * padded[:, i : i + 3, j : j + 3]).sum((1, 2, 3)) for j in range(width)], -1)
            for i in range(height)
        ],
        dim=1,
    )
    out = (out - mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]
    out = torch.where(out > 0, out, 0)
    return out.unflatten(2, (-1, pool)).unflatten(1, (-1, pool)).amax((2, 4))


def annotations_of(encoder, image):
    """A list of L vectors, row by row."""
    conv_1, norm_1, _, _, conv_2, norm_2, _, _, conv_3, norm_3, _ = encoder.features
    x = convolved(image, conv_1, norm_1, 2)
    x = convolved(x, conv_2, norm_2, 3)
    x = convolved(x, conv_3, norm_3, 1)
    places = [x[:, i, j] for i in range(x.shape[1]) for j in range(x.shape[2])]
    ln = encoder.norm
    return [
        (a - a.mean()) / torch.sqrt(((a - a.mean()) ** 2).mean() + ln.eps) * ln.weight + ln.bias for a in places
    ]  # fmt: skip


def by_the_formulas(model, image, caption):
    """Logits (T, V) and weights (T, L) of one image (arXiv:1502.03044, equations 1 to 7, §4.2.1)."""
    a = annotations_of(model.encoder, image)
    mean = sum(a) / len(a)
    h = torch.tanh(model.initial_h.weight @ mean + model.initial_h.bias)
    c = torch.tanh(model.initial_c.weight @ mean + model.initial_c.bias)
    W_ih, W_hh = (W.unflatten(0, (4, -1)) for W in (model.cell.weight_ih, model.cell.weight_hh))
    b = (model.cell.bias_ih + model.cell.bias_hh).unflatten(0, (4, -1))
    W_q, W_k, w_v = model.score.W_q.weight, model.score.W_k.weight, model.score.w_v.weight[0]
    logits, weights = [], []
    for token in caption:
        E_y = model.embedding.weight[token]
        exponentials = torch.stack([torch.exp(w_v @ torch.tanh(W_q @ h + W_k @ a_i)) for a_i in a])
        alpha = exponentials / exponentials.sum()
        beta = 1 / (1 + torch.exp(-(model.gate.weight[0] @ h + model.gate.bias[0])))
        z = beta * sum(alpha_i * a_i for alpha_i, a_i in zip(alpha, a, strict=True))
        x = torch.cat([E_y, z])
        i, f, g, o = (W_ih[k] @ x + W_hh[k] @ h + b[k] for k in range(4))
        i, f, o = (1 / (1 + torch.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * torch.tanh(g)
        h = o * torch.tanh(c)
        deep = E_y + model.L_h.weight @ h + model.L_h.bias + model.L_z.weight @ z
        logits.append(model.L_o.weight @ deep + model.L_o.bias)
        weights.append(alpha)
    return torch.stack(logits), torch.stack(weights)


def test_logits_weights_and_gradients_are_those_of_the_formulas(model, pair):
    images, captions = pair
    images.requires_grad_()
    same = images.detach().clone().requires_grad_()
    slow = copy.deepcopy(model)
    logits, weights = model(images, captions), model.align(images, captions)
    upstream, slow_loss = torch.randn_like(logits), 0.0
    for row in range(B):
        expected, expected_weights = by_the_formulas(slow, same[row], captions[row])
        torch.testing.assert_close(logits[row], expected)
        torch.testing.assert_close(weights[row], expected_weights)
        slow_loss = slow_loss + (expected * upstream[row]).sum()
    (logits * upstream).sum().backward()
    slow_loss.backward()
    own, theirs = ({name: p.grad for name, p in m.named_parameters()} for m in (model, slow))
    torch.testing.assert_close(own, theirs)
    torch.testing.assert_close(images.grad, same.grad)


def test_teacher_forcing_is_step_by_step(model, pair):
    images, captions = pair
    state = model.start(images)
    assert state.weights.shape == (B, L) and not state.weights.any()
    logits, looked = [], []
    for token in captions.unbind(1):
        of_step, state = model.step(token, state)
        logits.append(of_step)
        looked.append(state.weights)
    torch.testing.assert_close(torch.stack(logits, 1), model(images, captions))
    torch.testing.assert_close(torch.stack(looked, 1), model.align(images, captions))
    torch.testing.assert_close(torch.stack(looked, 1).sum(-1), torch.ones(B, T, dtype=torch.float64))


def test_greedy_and_beam_write_what_the_whole_captions_say(model, pair):
    images = pair[0]
    first = torch.full((B,), BOS)
    written = generate(model.step, model.start(images), first, end=EOS, max_length=T)
    predicted = model(images, torch.cat([first[:, None], written[:, :-1]], dim=1)).argmax(-1)
    running = (written != EOS).cumprod(1).roll(1, 1).bool()
    running[:, 0] = True
    assert written[running].equal(predicted[running])
    found = beam_search(model.step, model.start(images), first, end=EOS, max_length=T, beams=1)
    for row, (best,) in enumerate(found):
        assert best.tokens == written[row][running[row]].tolist()


def test_a_beam_can_be_as_wide_as_one_likes(model, pair):
    wide = beam_search(model.step, model.start(pair[0]), torch.full((B,), BOS), end=EOS, max_length=3, beams=4)
    for hypotheses, image in zip(wide, pair[0], strict=True):
        best = hypotheses[0]
        log_p = model(image[None], torch.tensor([[BOS, *best.tokens[:-1]]])).log_softmax(-1)[0]
        expected = sum(log_p[t, token].item() for t, token in enumerate(best.tokens))
        assert best.log_probability == pytest.approx(expected)


def test_a_state_has_the_rows_that_are_asked_for(model, pair):
    state = model.start(pair[0])
    _, state = model.step(torch.tensor([1, 2, 3]), state)
    rows = torch.tensor([2, 0, 2])
    chosen, _ = model.step(torch.tensor([4, 5, 6]), state.select(rows))
    for token, row, logits in zip([4, 5, 6], rows.tolist(), chosen, strict=True):
        whole, _ = model.step(torch.full((B,), token), state)
        torch.testing.assert_close(logits, whole[row])


def test_keys_are_projected_once_for_all_steps(model, pair):
    calls = []
    model.score.W_k.register_forward_hook(lambda *_: calls.append(1))
    model(*pair)
    assert len(calls) == 1


def test_without_attention_every_place_gets_the_same(pair):
    model = shaken(Captioner(VOCAB, **SIZES, attends=False))
    assert (model.align(*pair) == 1 / L).all()
    model(*pair).sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in model.score.parameters())
    assert model.gate.weight.grad.any()


def test_a_place_sees_24_pixels_and_places_come_row_by_row():
    encoder = shaken(ImageEncoder(ANNOTATION))
    image = torch.rand(1, 1, 36, 48, dtype=torch.float64, requires_grad=True)  # 6 × 8 places
    encoder(image)[0, 2 * 8 + 5].square().sum().backward()  # row 2, column 5: pixels 12 to 17, 30 to 35
    seen = image.grad[0, 0] != 0
    assert not seen[:3].any() and not seen[27:].any() and not seen[:, :21].any() and not seen[:, 45:].any()
    assert seen[3:27, 21:45].double().mean() > 0.1


def test_sizes_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="a multiple of 4, not 6"):
        Captioner(VOCAB, d_annotation=6)


# --- the regulariser


def test_doubly_stochastic_is_the_sum_over_places_and_words():
    weights = torch.rand(B, T, L, dtype=torch.float64).softmax(-1).requires_grad_()
    written = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]]).bool()
    penalties = doubly_stochastic(weights, written)
    for row in range(B):
        C = int(written[row].sum())
        expected = sum((1 - sum(weights[row, t, i] for t in range(C))) ** 2 for i in range(L))
        torch.testing.assert_close(penalties[row], expected)
        coverage = weights[row, :C].sum(0)
        torch.testing.assert_close(penalties[row], L - 2 * C + coverage.square().sum())
    penalties.sum().backward()
    assert not weights.grad[~written].any() and weights.grad[written].any()
    torch.testing.assert_close(doubly_stochastic(weights)[0], penalties[0])


def test_with_as_many_words_as_places_it_can_vanish_and_with_fewer_even_looks_are_best():
    assert not doubly_stochastic(torch.eye(L)[None]).any()
    even = doubly_stochastic(torch.full((1, T, L), 1 / L))
    torch.testing.assert_close(even, torch.tensor([L - 2.0 * T + T**2 / L]))
    assert (doubly_stochastic(torch.rand(50, T, L).log().softmax(-1)) > even).all()


# --- on another device


def test_it_runs_on_any_device():
    torch.manual_seed(0)
    for attends in (True, False):
        model = Captioner(VOCAB, **SIZES, attends=attends).eval()
        images, captions = torch.rand(B, 1, HEIGHT, WIDTH), torch.randint(VOCAB, (B, T))
        check.runs_on_any_device(model, images, captions, expected=model(images, captions))

        def write(model, images, first):
            return generate(model.step, model.start(images), first, end=EOS, max_length=5)

        first = torch.full((B,), BOS)
        check.runs_on_any_device(write, model, images, first, expected=write(model, images, first))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_cuda_the_values_are_those_of_the_cpu(pair):
    model = Captioner(VOCAB, **SIZES).eval()
    images, captions = pair[0].float(), pair[1]
    expected = model(images, captions)
    there = model.cuda()(images.cuda(), captions.cuda())
    torch.testing.assert_close(there.cpu(), expected, atol=1e-4, rtol=1e-4)
