"""check.causal, check.equivariant, check.unchanged: what is right passes, every single slip is caught."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course import check
from course.check.properties import INVARIANT, LEAK, RESTLESS


def tokens_and_width():
    batch, steps, d = check.sizes("batch steps d", low=2, high=7)
    return torch.randn(batch, steps, d)


def failure(checked, *args, **options):
    with pytest.raises(check.CheckFailed) as caught:
        checked(*args, **options)
    return caught.value


def causal(x):
    return F.scaled_dot_product_attention(x, x, x, is_causal=True)


def masked_by(mask):
    return lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=mask)


# --- causal -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("positions", [2, 3, 7, 33, 60])
def test_causal_attention_passes(positions):
    check.causal(causal, torch.randn(2, positions, 4))
    check.causal(causal, torch.randn(positions, 4, dtype=torch.float64))
    check.causal(lambda x: (causal(x), x.sum()), torch.randn(positions, 4))
    check.causal(lambda x: x.cumsum(0), torch.randn(positions), axis=0)


def test_a_finite_fill_value_passes():
    x = tokens_and_width()

    def fn(x):
        hidden = torch.ones(x.shape[-2], x.shape[-2]).triu(1).bool()
        return (x @ x.mT).masked_fill(hidden, -1e9).softmax(-1) @ x

    check.causal(fn, x)
    check.causal(lambda x: x.half().cumsum(-2), x)


@pytest.mark.parametrize("positions", [2, 5, 9])
def test_a_leak_from_any_single_later_position_is_caught(positions):
    x = torch.randn(positions, 4)
    for i in range(positions):
        for j in range(i + 1, positions):
            mask = torch.ones(positions, positions).tril().bool()
            mask[i, j] = True
            wrong = failure(check.causal, masked_by(mask), x)
            assert wrong.mistake == LEAK and f"position {i} changes" in wrong.message


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: F.scaled_dot_product_attention(x, x, x),
        lambda x: x.flip(-2),
        lambda x: x.cumsum(-2) / x.norm(),
        lambda x: x + x.mean(-2, keepdim=True),
        lambda x: x.roll(-1, -2),
        lambda x: x.flip(-2).cumsum(-2).flip(-2),
    ],
)
def test_leaks(fn):
    assert failure(check.causal, fn, tokens_and_width()).mistake == LEAK


def test_token_ids_and_booleans():
    batch, steps, d = check.sizes("batch steps d")
    table = torch.randn(11, d)
    ids = torch.randint(0, 11, (batch, steps))
    ids[0, :2] = torch.tensor([0, 10])
    check.causal(lambda ids: causal(table[ids]), ids, axis=-1)
    assert failure(check.causal, lambda ids: causal(table[ids.roll(-1, -1)]), ids, axis=-1).mistake == LEAK
    two = torch.tensor([[3, 4, 3, 3]])
    assert failure(check.causal, lambda ids: table[ids.flip(-1)], two, axis=-1).mistake == LEAK
    keep = torch.rand(4) > 0.5
    check.causal(lambda keep: keep.cumsum(0), keep, axis=0)
    assert failure(check.causal, lambda keep: keep.flip(0), keep, axis=0).mistake == LEAK


def test_heads_before_positions():
    check.causal(lambda x: torch.stack([causal(x)] * 8, 1), torch.randn(2, 5, 3))
    check.causal(lambda x: (x @ x.mT).tril().sum(-1), torch.randn(2, 5, 3))


def test_a_module_and_dropout():
    torch.manual_seed(int(torch.randint(1000, ())))
    noisy = nn.Sequential(nn.Linear(4, 64), nn.Dropout(0.5))
    x = torch.randn(5, 4)
    assert failure(check.causal, noisy, x).mistake == RESTLESS
    assert failure(check.equivariant, noisy, x).mistake == RESTLESS
    check.causal(noisy.eval(), x)
    check.equivariant(noisy, x)


def test_the_input_is_left_alone():
    x = torch.randn(5, 4)
    before = x.clone()
    check.causal(lambda x: x.mul_(2), x)
    check.equivariant(lambda x: x.mul_(2), x)
    assert torch.equal(x, before)


@pytest.mark.parametrize("checked", [check.causal, check.equivariant])
def test_results_that_cannot_be_held(checked):
    x = torch.randn(5, 4)
    assert "got NoneType" in failure(checked, lambda x: None, x).message
    assert "holds NaN" in failure(checked, lambda x: x * torch.nan, x).message
    assert "no axis of 5 positions" in failure(checked, lambda x: x[:3], x).message


@pytest.mark.parametrize("checked", [check.causal, check.equivariant])
def test_slips_of_the_author(checked):
    with pytest.raises(ValueError, match="at least two positions"):
        checked(lambda x: x, torch.ones(1, 4))
    with pytest.raises(TypeError, match="axis"):
        checked(lambda x: x, torch.ones(4))
    with pytest.raises(ValueError, match="one token id only"):
        check.causal(lambda x: x, torch.tensor([2, 2]), axis=0)


# --- equivariant --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: F.scaled_dot_product_attention(x, x, x),
        lambda x: (x.relu(), None),
        lambda x: x - x.mean(-2, keepdim=True),
        lambda x: x.norm(dim=-1),
    ],
)
def test_equivariant_functions_pass(fn):
    check.equivariant(fn, tokens_and_width())


@pytest.mark.parametrize(
    "fn",
    [
        causal,
        lambda x: x + torch.arange(x.shape[-2])[:, None],
        lambda x: x.cumsum(-2),
        lambda x: x.roll(1, -2),
        lambda x: torch.cat([x[..., :1, :] * 2, x[..., 1:, :]], -2),
    ],
)
def test_functions_that_depend_on_the_order_fail(fn):
    x = torch.randn(3, 5, 4)
    wrong = failure(check.equivariant, fn, x)
    assert wrong.message == "the result for permuted positions: not the expected value" and wrong.details


def test_a_function_that_ignores_the_order_is_named():
    wrong = failure(check.equivariant, lambda x: x.sort(-2).values, torch.randn(5, 4))
    assert wrong.mistake == INVARIANT


# --- unchanged ----------------------------------------------------------------------------------------------


def changes_mask(q, mask, *, scale=1.0):
    mask.logical_not_()
    return q * scale


@pytest.mark.parametrize(
    ("fn", "name"),
    [
        (lambda q, mask: q.mul_(2), "argument 1 (q)"),
        (lambda q, mask: q[..., 0].zero_(), "argument 1 (q)"),
        (changes_mask, "argument 2 (mask)"),
        (lambda q, mask: q.t_(), "argument 1 (q)"),
        (lambda q, mask: q.masked_fill_(mask, torch.nan), "argument 1 (q)"),
    ],
)
def test_a_changed_argument_is_named(fn, name):
    wrong = failure(check.unchanged, fn, torch.randn(2, 3), torch.rand(2, 3) > 0)
    assert wrong.message.startswith(f"the call changed {name} in place") and wrong.mistake


def test_keywords_and_containers_are_looked_into():
    x = torch.randn(3)
    wrong = failure(check.unchanged, lambda x, cache: cache.append(x), x, cache=[])
    assert "argument `cache`" in wrong.message
    wrong = failure(check.unchanged, lambda pair: pair[1].add_(1), (x, x.clone()))
    assert "argument 1 (pair)" in wrong.message
    wrong = failure(check.unchanged, lambda x: x.exp_(), x=x)
    assert "argument `x`" in wrong.message


def test_unchanged_arguments_pass_even_with_nan():
    x = torch.tensor([1.0, torch.nan])
    check.unchanged(lambda x, n, mask: x * 2, x, 3, None)
    check.unchanged(nn.Linear(2, 3), torch.randn(4, 2))


def test_the_value_comes_first():
    x = torch.randn(3)
    check.unchanged(lambda x: 2 * x, x, expected=2 * x)
    assert "not the expected value" in failure(check.unchanged, lambda x: x.mul_(3), x, expected=2 * x).message


def test_what_another_process_reports():
    class Remote:
        changed_by_last_call = None

        def __call__(self, x):
            self.changed_by_last_call = ["argument 1"]
            return x

    assert "argument 1" in failure(check.unchanged, Remote(), torch.ones(2)).message
    remote = Remote()
    remote.__class__.__call__ = lambda self, x: x
    check.unchanged(remote, torch.ones(2))
