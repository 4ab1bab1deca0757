"""Only answers are learned, preferences move the model as equation 7 of the DPO paper says, and a reply ends."""

import math

import numpy as np
import pytest
import torch

from course.models.assistant import (
    answer_log_probability,
    dialogue_loss,
    frozen_copy,
    preference_loss,
    preference_margin,
    reply,
)
from course.models.decoding import sampler
from course.models.gpt import GPT


def model(seed: int, vocab: int = 13) -> GPT:
    torch.manual_seed(seed)
    gpt = GPT(vocab=vocab, context=16, d_model=12, heads=3, layers=2, dropout=0.1).double().eval()
    with torch.no_grad():
        for parameter in gpt.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return gpt


def dialogues(seed: int, length: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Input, targets and answer mask of random dialogues: a random stretch, never the first token, is the answer."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(13, (4, length + 1), generator=generator)
    begin = torch.randint(length - 2, (4, 1), generator=generator)
    t = torch.arange(length)
    return tokens[:, :-1], tokens[:, 1:], (t >= begin) & (t < begin + 3)


def by_hand(logits: np.ndarray, targets: np.ndarray, mask: np.ndarray) -> list[float]:
    """log p of the answers, token by token, with nothing but exp and log."""
    result = []
    for row_logits, row, answer in zip(logits, targets, mask, strict=True):
        total = 0.0
        for t in range(len(row)):
            if answer[t]:
                p = np.exp(row_logits[t]) / np.exp(row_logits[t]).sum()
                total += math.log(p[row[t]])
        result.append(total)
    return result


# --- imitation


@pytest.mark.parametrize("seed", range(3))
def test_log_probabilities_are_those_by_hand(seed: int):
    _, targets, mask = dialogues(seed, length=9)
    logits = torch.randn(4, 9, 13, dtype=torch.double, generator=torch.Generator().manual_seed(seed))
    expected = by_hand(logits.numpy(), targets.numpy(), mask.numpy())
    found = answer_log_probability(logits, targets, mask)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.double))
    total, count = dialogue_loss(logits, targets, mask)
    torch.testing.assert_close(total.item(), -sum(expected))
    assert count == mask.sum()


@torch.no_grad()
def test_probabilities_of_all_answers_sum_to_one():
    gpt, question = model(0, vocab=5), torch.tensor([[3, 1]])
    answers = torch.cartesian_prod(torch.arange(5), torch.arange(5))
    tokens = torch.cat([question.expand(25, 2), answers], dim=1)
    mask = torch.tensor([False, True, True]).expand(25, 3)
    probability = answer_log_probability(gpt(tokens[:, :-1]), tokens[:, 1:], mask).exp().sum()
    torch.testing.assert_close(probability.item(), 1.0)


def test_the_users_tokens_are_not_learned():
    _, targets, mask = dialogues(1, length=9)
    logits = torch.randn(4, 9, 13, dtype=torch.double, requires_grad=True)
    total, count = dialogue_loss(logits, targets, mask)
    other = torch.where(mask, targets, (targets + 1) % 13)
    assert torch.equal(dialogue_loss(logits, other, mask)[0], total)
    total.backward()
    assert torch.equal(logits.grad.abs().sum(dim=-1) > 0, mask)
    nothing = torch.zeros_like(mask)
    assert dialogue_loss(logits, targets, nothing) == (0, 0)


# --- preference


@pytest.mark.parametrize("seed", range(3))
def test_the_preference_loss_is_equation_7(seed: int):
    policy, reference, beta = model(seed), model(seed + 10), 0.3
    chosen, rejected = dialogues(seed, length=9), dialogues(seed + 1, length=7)

    def log_p(gpt: GPT, pair: tuple) -> np.ndarray:
        with torch.no_grad():
            return np.array(by_hand(gpt(pair[0]).numpy(), *(x.numpy() for x in pair[1:])))

    ratio_w = log_p(policy, chosen) - log_p(reference, chosen)
    ratio_l = log_p(policy, rejected) - log_p(reference, rejected)
    expected = -np.log(1 / (1 + np.exp(-(beta * ratio_w - beta * ratio_l))))
    total, count = preference_loss(policy, reference, chosen, rejected, beta)
    torch.testing.assert_close(total.item(), expected.sum().item())
    assert count == 4
    margin = preference_margin(policy, reference, chosen, rejected)
    torch.testing.assert_close(margin.detach(), torch.from_numpy(ratio_w - ratio_l))


def test_the_gradient_is_the_papers():
    """-β σ(-β · margin) (∇ log π(chosen) - ∇ log π(rejected)), §4 of the paper, for every parameter."""
    policy, reference, beta = model(0), model(1), 0.7
    chosen, rejected = dialogues(2, length=9), dialogues(3, length=7)
    preference_loss(policy, reference, chosen, rejected, beta)[0].backward()
    found = [p.grad.clone() for p in policy.parameters()]
    assert all(p.grad is None for p in reference.parameters())
    policy.zero_grad()
    margin = preference_margin(policy, reference, chosen, rejected).detach()
    weight = beta * torch.sigmoid(-beta * margin)
    log_p_chosen, log_p_rejected = (answer_log_probability(policy(x), *rest) for x, *rest in (chosen, rejected))
    (-(weight * (log_p_chosen - log_p_rejected))).sum().backward()
    for ours, expected in zip(found, (p.grad for p in policy.parameters()), strict=True):
        torch.testing.assert_close(ours, expected)


def test_a_step_down_the_gradient_prefers_the_chosen():
    policy = model(4)
    reference = frozen_copy(policy)
    chosen, rejected = dialogues(5, length=9), dialogues(6, length=7)
    total, count = preference_loss(policy, reference, chosen, rejected)
    torch.testing.assert_close(total.item() / count, math.log(2))  # nothing is preferred yet
    total.backward()
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter -= 1e-4 * parameter.grad
        assert preference_margin(policy, reference, chosen, rejected).sum() > 0
        assert preference_margin(policy, reference, rejected, chosen).sum() < 0
        assert preference_loss(policy, reference, chosen, rejected)[0] < total


def test_a_frozen_copy_stays():
    policy = model(0).train()
    copy = frozen_copy(policy)
    tokens, _, _ = dialogues(0, length=9)
    before = copy(tokens)
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(1)
    assert torch.equal(copy(tokens), before) and not before.requires_grad and policy.training


def test_beta_is_positive():
    pair = dialogues(0, length=9)
    with pytest.raises(ValueError, match="beta is positive"):
        preference_loss(model(0), model(0), pair, pair, beta=0.0)


# --- replies


USER, ASSISTANT, END = 10, 11, 12


def batch(*answers: tuple[int, list[int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Input, targets and answer mask of dialogues of one question and one answer each, padded."""
    tokens, mask = torch.zeros(len(answers), 7, dtype=torch.long), torch.zeros(len(answers), 7, dtype=torch.bool)
    for row, (question, answer) in enumerate(answers):
        tokens[row, : 4 + len(answer)] = torch.tensor([USER, question, ASSISTANT, *answer, END])
        mask[row, 3 : 4 + len(answer)] = True
    return tokens[:, :-1], tokens[:, 1:], mask[:, 1:]


def descend(gpt: GPT, loss, steps: int, learning_rate: float) -> None:
    optimizer = torch.optim.Adam(gpt.parameters(), lr=learning_rate)
    for _ in range(steps):
        total, count = loss()
        optimizer.zero_grad()
        (total / count).backward()
        optimizer.step()


def test_what_is_imitated_is_replied_and_what_is_preferred_takes_its_place():
    """Both trainings, from noise. To question 5 two answers are seen, [1, 2, 3] twice as often as [7]."""
    torch.manual_seed(0)
    gpt = GPT(vocab=13, context=16, d_model=24, heads=2, layers=1, dropout=0.0).eval()
    seen = batch((5, [1, 2, 3]), (5, [1, 2, 3]), (5, [7]), (6, [4]))
    descend(gpt, lambda: dialogue_loss(gpt(seen[0]), *seen[1:]), steps=50, learning_rate=1e-2)
    assert reply(gpt, [USER, 5, ASSISTANT], END) == [1, 2, 3]
    assert reply(gpt, [USER, 6, ASSISTANT], END) == [4]
    assert reply(gpt, [USER, 5, ASSISTANT], END, max_length=2) == [1, 2]

    reference = frozen_copy(gpt)
    chosen, rejected = batch((5, [7]), (6, [4])), batch((5, [1, 2, 3]), (6, [7]))

    def both() -> tuple[torch.Tensor, int]:
        (preferred, pairs), (imitated, tokens) = (
            preference_loss(gpt, reference, chosen, rejected),
            dialogue_loss(gpt(chosen[0]), *chosen[1:]),
        )
        return preferred / pairs + imitated / tokens, 1

    descend(gpt, both, steps=30, learning_rate=3e-3)
    assert reply(gpt, [USER, 5, ASSISTANT], END) == [7]
    assert reply(gpt, [USER, 6, ASSISTANT], END) == [4]
    with torch.no_grad():
        assert preference_margin(gpt, reference, chosen, rejected).min() > 1


def test_a_reply_can_be_drawn_and_ends_with_the_context():
    gpt = model(0)
    draws = [
        reply(gpt, [1, 2, 3], END, choose=sampler(generator=torch.Generator().manual_seed(seed)))
        for seed in (0, 0, 1, 2)
    ]
    assert draws[0] == draws[1] and len({tuple(draw) for draw in draws}) > 1
    assert all(len(draw) <= 14 and END not in draw for draw in draws)
    assert len(reply(gpt, [1, 2, 3], end=-1)) == 14  # 16 positions, and one more token needs none
    for prompt in ([], [1] * 17):
        with pytest.raises(ValueError, match="prompt has between"):
            reply(gpt, prompt, END)
