"""Factored attention is the pairwise model that it claims to be, and its scores depend on nothing but probabilities."""

from itertools import product

import pytest
import torch
from torch.nn import functional as F

from course import check
from course.models.attention import attention
from course.models.coupling import FactoredAttention, pair_scores, product_corrected, pseudo_likelihood_loss
from tests.support.weights import shaken

COLUMNS, LETTERS, HEADS, D_K = 4, 3, 5, 2


@pytest.fixture(params=[0, 1, 2])
def model(request) -> FactoredAttention:
    torch.manual_seed(request.param)
    return shaken(FactoredAttention(COLUMNS, LETTERS, HEADS, D_K), request.param)


def every_sequence() -> torch.Tensor:
    return torch.tensor(list(product(range(LETTERS), repeat=COLUMNS)))


def couplings_by_hand(model: FactoredAttention) -> torch.Tensor:
    """The formula of the module's docstring, number by number."""
    W = torch.zeros(COLUMNS, COLUMNS, LETTERS, LETTERS, dtype=torch.double)
    for h, i, j in product(range(HEADS), range(COLUMNS), range(COLUMNS)):
        if i != j:
            score = [(model.Q[h, i] @ model.K[h, k] / D_K**0.5).exp() for k in range(COLUMNS)]
            weight = score[j] / sum(score[k] for k in range(COLUMNS) if k != i)
            for a, b in product(range(LETTERS), repeat=2):
                W[i, j, a, b] += weight * model.V[h, a, b] / 2
                W[j, i, b, a] += weight * model.V[h, a, b] / 2
    return W


def test_couplings_are_those_of_the_formula_gradients_too(model):
    ours, theirs = model.couplings(), couplings_by_hand(model)
    torch.testing.assert_close(ours, theirs)
    weight = torch.randn(ours.shape, dtype=torch.double)
    parameters = [model.Q, model.K, model.V]
    gradients = (torch.autograd.grad((W * weight).sum(), parameters) for W in (ours, theirs))
    torch.testing.assert_close(*gradients)


def test_the_way_there_is_the_sum_of_all_heads_attention(model):
    """Without the way back: softmax(QKᵀ/√d) V with values that belong to letters, by the course's own attention."""
    x = every_sequence()
    values = F.one_hot(x, LETTERS).double().unsqueeze(1) @ model.V.mT  # (n, H, L, A)
    others = ~torch.eye(COLUMNS, dtype=torch.bool)
    there = attention(model.Q, model.K, values, others).sum(1)  # (n, L, A)
    one_way = torch.einsum("hij,hab->ijab", model.maps(), model.V)
    torch.testing.assert_close(there, torch.einsum("ijab,sjb->sia", one_way, F.one_hot(x, LETTERS).double()))


def test_it_gives_the_exact_conditionals_of_one_distribution(model):
    """p(x_i | others) from the energies of all 81 sequences."""
    x = every_sequence()
    told = model(x).softmax(-1)  # (n, L, A)
    for i in range(COLUMNS):
        for letter in range(LETTERS):
            swapped = x.clone()
            swapped[:, i] = letter
            rivals = [torch.where(torch.arange(COLUMNS) == i, other, x) for other in range(LETTERS)]
            energies = torch.stack([-model.energy(rival) for rival in rivals], -1)  # (n, A)
            expected = (-model.energy(swapped) - energies.logsumexp(-1)).exp()
            torch.testing.assert_close(told[:, i, letter], expected)


def test_no_letter_is_told_from_itself(model):
    x = every_sequence()
    for i in range(COLUMNS):
        other = x.clone()
        other[:, i] = (x[:, i] + 1) % LETTERS
        torch.testing.assert_close(model(other)[:, i], model(x)[:, i], rtol=0, atol=0)
        assert not torch.allclose(model(other), model(x))


def test_the_loss_is_the_pseudo_likelihood(model):
    x = every_sequence()[5:12]
    total, count = pseudo_likelihood_loss(model, x)
    by_hand = sum(-model(x).log_softmax(-1)[s, i, x[s, i]] for s in range(len(x)) for i in range(COLUMNS))
    torch.testing.assert_close(total, by_hand)
    assert count == x.numel()
    penalised, _ = pseudo_likelihood_loss(model, x, penalty=0.1)
    torch.testing.assert_close(penalised - total, 0.1 * count * model.couplings().square().sum())


def test_scores_do_not_depend_on_what_the_fields_could_say(model):
    """The same distribution written otherwise: u(a) added to W_ij and taken from b_i."""
    W = model.couplings()
    u = torch.randn(COLUMNS, COLUMNS, LETTERS, 1, dtype=torch.double)
    other = W + u + u.permute(1, 0, 3, 2)
    torch.testing.assert_close(pair_scores(other), pair_scores(W))
    assert not torch.allclose(other.square().sum((-2, -1)), W.square().sum((-2, -1)))
    torch.testing.assert_close(pair_scores(W), pair_scores(W).mT)


def test_a_letter_left_out_does_not_count(model):
    W = model.couplings() - model.couplings().mean(-1, keepdim=True)
    W = W - W.mean(-2, keepdim=True)
    torch.testing.assert_close(pair_scores(W, leave_out=0), W[..., 1:, 1:].square().sum((-2, -1)).sqrt())


def test_the_product_correction_takes_away_what_two_habits_explain():
    habits = torch.rand(6, dtype=torch.double) + 0.5
    scores = torch.outer(habits, habits).fill_diagonal_(7.0)
    scores[1, 4] = scores[4, 1] = scores[1, 4] + 1.0
    corrected = product_corrected(scores)
    assert corrected.argmax().item() == 1 * 6 + 4
    off = ~torch.eye(6, dtype=torch.bool)
    without = scores.masked_fill(~off, 0.0)
    mean = without.sum(-1) / 5
    expected = without - mean[:, None] * mean / (without.sum() / 30)
    torch.testing.assert_close(corrected[off], expected[off])
    assert corrected.diagonal().eq(0).all()
    flat = product_corrected(torch.full((6, 6), 3.0))
    torch.testing.assert_close(flat, torch.zeros(6, 6))


def test_it_learns_which_columns_belong_together():
    """Column 3 copies column 0, the others are noise: in a few steps that pair is the strongest."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, LETTERS, (400, COLUMNS), generator=generator)
    x[:, 3] = x[:, 0]
    torch.manual_seed(0)
    model = FactoredAttention(COLUMNS, LETTERS, HEADS, D_K)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(60):
        total, count = pseudo_likelihood_loss(model, x)
        optimizer.zero_grad()
        (total / count).backward()
        optimizer.step()
    scores = product_corrected(pair_scores(model.couplings().detach()))
    assert scores.argmax().item() in {3, 3 * COLUMNS}


def test_it_runs_on_any_device():
    torch.manual_seed(0)
    model = FactoredAttention(COLUMNS, LETTERS, HEADS, D_K).eval()
    x = every_sequence()[:7]
    check.runs_on_any_device(model, x, expected=model(x))
    check.runs_on_any_device(FactoredAttention.energy, model, x, expected=model.energy(x))
    W = model.couplings().detach()
    check.runs_on_any_device(pair_scores, W, expected=pair_scores(W))
    S = pair_scores(W)
    check.runs_on_any_device(product_corrected, S, expected=product_corrected(S))
