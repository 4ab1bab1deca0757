"""The paper's loss, learning rate and optimizer, held to their formulas."""

import pytest
import torch
import torch.nn.functional as F

from course.training import paper_adam, token_loss, warm_up


@pytest.mark.parametrize(("smoothing", "pad"), [(0.0, 0), (0.1, 0), (0.37, 4), (1.0, 0)])
def test_token_loss_is_the_divergence_from_the_smoothed_target_plus_its_entropy(smoothing, pad):
    B, T_, V = 3, 7, 11
    logits = torch.randn(B, T_, V, dtype=torch.float64) * 3
    targets = torch.randint(0, V, (B, T_))
    targets[1, 2:] = pad
    wanted = torch.zeros((), dtype=torch.float64)
    count = 0
    for b in range(B):
        for t in range(T_):
            if targets[b, t] == pad:
                continue
            q = torch.full((V,), smoothing / V, dtype=torch.float64)
            q[targets[b, t]] += 1 - smoothing
            log_p = logits[b, t].log_softmax(-1)
            entropy = -torch.xlogy(q, q).sum()
            wanted += F.kl_div(log_p, q, reduction="sum") + entropy
            count += 1
    total, items = token_loss(logits, targets, pad=pad, smoothing=smoothing)
    torch.testing.assert_close(total, wanted)
    assert items == count < B * T_


def test_padding_has_no_gradient():
    logits = torch.randn(2, 3, 5, requires_grad=True)
    targets = torch.tensor([[1, 2, 0], [3, 0, 0]])
    token_loss(logits, targets, smoothing=0.1)[0].backward()
    assert torch.equal(logits.grad.abs().sum(-1) > 0, targets != 0)


def test_smoothing_is_a_share():
    with pytest.raises(ValueError, match="between 0 and 1"):
        token_loss(torch.zeros(1, 2), torch.ones(1, dtype=torch.long), smoothing=1.5)


def test_warm_up_is_the_papers_formula():
    rate = warm_up(512)
    for step in (1, 17, 3999, 4000, 4001, 100_000):
        assert rate(step) == pytest.approx(512**-0.5 * min(step**-0.5, step * 4000**-1.5))
    assert warm_up(512, factor=2.0)(17) == pytest.approx(2 * rate(17))


def test_warm_up_grows_in_a_line_and_falls_from_its_peak():
    rate = warm_up(64, warm_up_steps=10)
    rates = [rate(step) for step in range(1, 41)]
    assert max(rates) == rates[9] == pytest.approx(64**-0.5 * 10**-0.5)
    assert rates[4] == pytest.approx(5 * rates[0])
    assert rates[39] == pytest.approx(rates[9] / 2)  # four times the steps, half the rate


@pytest.mark.parametrize("arguments", [(0, 10), (64, 0)])
def test_warm_up_refuses_what_has_no_meaning(arguments):
    with pytest.raises(ValueError, match="positive"):
        warm_up(*arguments)


def test_the_papers_adam():
    (group,) = paper_adam([torch.nn.Parameter(torch.zeros(1))]).param_groups
    assert group["betas"] == (0.9, 0.98) and group["eps"] == 1e-9
