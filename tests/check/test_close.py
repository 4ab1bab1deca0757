"""check.close: fair and tight tolerances, one line that names the mistake, and no value in it."""

import re

import pytest
import torch
import torch.nn.functional as F

from course import check

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def failure(actual, expected, **options):
    with pytest.raises(check.CheckFailed) as caught:
        check.close(actual, expected, **options)
    return caught.value


def qkv():
    batch, queries, keys, d_k, d_v = check.sizes("batch queries keys d_k d_v", low=3)
    return torch.randn(batch, queries, d_k), torch.randn(batch, keys, d_k), torch.randn(batch, keys, d_v)


@pytest.mark.parametrize("dtype", FLOATS)
def test_attention_by_hand_passes_in_every_precision(dtype):
    q, k, v = (t.to(dtype) for t in qkv())
    by_hand = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v
    check.close(by_hand, F.scaled_dot_product_attention(q.double(), k.double(), v.double()))
    check.close(by_hand, F.scaled_dot_product_attention(q, k, v))


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_lower_precision_decides(dtype):
    x = torch.randn(5, 7, dtype=torch.float64)
    check.close(x.to(dtype), x)
    check.close(x, x.to(dtype))


@pytest.mark.parametrize(("dtype", "factor"), [(torch.float64, 1e-5), (torch.float32, 1e-3), (torch.float32, 1e-2)])
def test_a_slightly_scaled_answer_fails(dtype, factor):
    x = torch.randn(5, 7, dtype=dtype)
    failure(x * (1 + factor), x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_an_answer_scaled_by_a_fifth_fails_in_half_precision(dtype):
    x = torch.randn(5, 7, dtype=dtype)
    failure(x * 1.2, x)


def test_long_sums_in_another_order_pass_and_a_percent_more_fails():
    x = torch.rand(20_000)
    total = torch.zeros(())
    for part in x:
        total = total + part
    check.close(total, x.double().sum())
    check.close(total.item(), x.double().sum().item())
    failure(total * 1.01, x.double().sum())
    a, b = torch.randn(9, 4096), torch.randn(4096, 8)
    slow = torch.zeros(9, 8)
    for i in range(4096):
        slow += a[:, i, None] * b[i]
    check.close(slow, a.double() @ b.double())
    failure(slow * 1.01, a.double() @ b.double())


def test_a_constant_rounded_to_float32_passes_in_float64():
    x = torch.randn(4, 5, dtype=torch.float64)
    check.close(x / torch.tensor(5).sqrt(), x / 5**0.5)


def test_small_values_are_held_to_their_own_size():
    small = (torch.rand(4, 5) + 0.1) * 1e-5
    check.close(small * (1 + 1e-6), small)
    failure(torch.zeros(4, 5), small)


def test_huge_fill_values_do_not_hide_the_others():
    scores = torch.randn(6, 6)
    hidden = torch.ones(6, 6).triu(1).bool()
    filled = scores.masked_fill(hidden, -1e9)
    failure((scores * 1.01).masked_fill(hidden, -1e9), filled)
    infinite = scores.masked_fill(hidden, -torch.inf)
    check.close(infinite.clone(), infinite)
    assert "infinite" in failure(infinite, filled).message


def test_rounding_beside_exact_zeros_passes():
    check.close(torch.tensor([1e-8, -1e-8]), torch.zeros(2))
    failure(torch.tensor([1e-5, 0.0]), torch.zeros(2))


def test_integers_and_booleans_are_exact():
    ids = torch.tensor([1, 2, 2**60])
    check.close(ids.clone(), ids)
    failure(torch.tensor([1, 2, 2**60 + 1]), ids)
    mask = torch.tensor([True, False])
    check.close(mask.clone(), mask)
    check.close(torch.tensor([1.0, 0.0]), mask)
    failure(~mask, mask)
    assert "dtype float32, expected bool" in failure(torch.tensor([1.0, 0.0]), mask, dtype=torch.bool).message


def test_numbers_and_scalars_are_one():
    check.close(0.5, torch.tensor(0.5))
    check.close(torch.tensor(3), 3)
    check.close(True, True)
    failure(0.51, 0.5)
    assert "shape (1,), expected ()" in failure(torch.tensor([0.5]), 0.5).message


def test_dtype_is_held_only_when_asked():
    x = torch.randn(3)
    check.close(x.double(), x)
    check.close(x.half(), x)
    check.close(x.half(), x, dtype=torch.float16)
    assert failure(x, x, dtype=torch.float16).message == "the result has dtype float32, expected float16"


def test_the_authors_tolerances_win():
    x = torch.rand(3) + 1
    check.close(x * 1.05, x, rtol=0.1)
    check.close(x + 0.05, x, atol=0.1)
    failure(x * (1 + 1e-5), x, rtol=0, atol=0)


def test_graphs_expanded_tensors_and_empty_ones_pass():
    x = torch.randn(3, requires_grad=True)
    check.close(x * 2, (x * 2).detach())
    check.close(torch.zeros(1).expand(4, 3), torch.zeros(4, 3))
    check.close(torch.zeros(0, 3), torch.zeros(0, 3))
    check.close(torch.nn.Parameter(torch.ones(2)), torch.ones(2))


def test_parts_of_tuples_lists_and_text():
    out, weights = torch.randn(2, 3), torch.rand(2, 4)
    check.close((out, weights), (out, weights))
    check.close([out, weights], (out, weights))
    check.close([3, 1, 2], [3, 1, 2])
    check.close((out, None), (out, None))
    check.close("abc", "abc")
    assert failure("abd", "abc").message == "the result: not the expected value"
    assert failure((out, out), (out, weights)).message == "part 2 of the result has shape (2, 3), expected (2, 4)"
    assert failure(out, (out, weights)).message == "expected a tuple of 2 parts, got tensor"
    assert failure((out,), (out, weights)).message == "the result should have 2 parts and has 1"
    assert failure([3, 1, 4], [3, 1, 2]).message == "part 3 of the result: not the expected value"


@pytest.mark.parametrize(
    ("actual", "message"),
    [
        (None, "expected a tensor, got NoneType: does the function return its result?"),
        ([[1.0, 2.0]], "expected a tensor, got list"),
        (torch.ones(2, 3), "the weights has shape (2, 3), expected (1, 2)"),
        (torch.tensor([[1.0, torch.nan]]), "the weights holds NaN"),
        (torch.tensor([[1.0, -torch.inf]]), "the weights holds infinite values"),
        (torch.tensor([[1.0, 3.0]]), "the weights: not the expected value"),
    ],
)
def test_messages(actual, message):
    assert failure(actual, torch.tensor([[1.0, 2.0]]), name="the weights").message == message


def test_numpy_arrays_are_named():
    assert failure(torch.ones(2).numpy(), torch.ones(2)).message == "expected a tensor, got ndarray"


def test_messages_hold_no_value_and_details_do():
    wrong = failure(torch.full((2, 2), 0.123), torch.full((2, 2), 0.456))
    assert not re.search(r"\d", wrong.message)
    assert "0.123*" in wrong.details and "0.456" in wrong.details and "4 of 4 differ" in wrong.details
    assert wrong.details in str(wrong) and str(wrong).startswith(wrong.message)


# --- mistakes -----------------------------------------------------------------------------------------------


def test_a_named_mistake_is_the_message():
    q, k, v = qkv()
    expected = F.scaled_dot_product_attention(q, k, v)
    unscaled = F.scaled_dot_product_attention(q, k, v, scale=1.0)
    mistakes = {"another one": torch.zeros_like(expected), "the scores are not divided by √d_k": unscaled}
    wrong = failure((q @ k.mT).softmax(-1) @ v, expected, mistakes=mistakes)
    assert wrong.message == wrong.mistake == "the scores are not divided by √d_k"
    unnamed = failure(expected + 1, expected, mistakes=mistakes)
    assert unnamed.mistake is None and unnamed.message == "the result: not the expected value"


def test_mistakes_are_computed_only_on_failure():
    calls = []

    def wrong():
        calls.append(1)
        return torch.ones(2)

    check.close(torch.zeros(2), torch.zeros(2), mistakes={"ones": wrong})
    assert not calls
    assert failure(torch.ones(2), torch.zeros(2), mistakes={"ones": wrong}).mistake == "ones"


def test_a_mistake_that_is_right_by_chance_is_ignored():
    expected = torch.randn(3)
    nearly = expected * (1 + 1e-7)
    wrong = failure(expected * 1.0001, expected, mistakes={"harmless": nearly}, rtol=1e-5, atol=0)
    assert wrong.mistake is None
    # close enough to the mistake, but the mistake is close enough to the expected value
    edge = expected * (1 + 0.8e-2)
    wrong = failure(expected * (1 + 1.5e-2), expected, mistakes={"harmless": edge}, rtol=1e-2, atol=0)
    assert wrong.mistake is None


def test_a_mistake_may_have_another_shape_type_or_nan():
    out, weights = torch.randn(2, 3), torch.rand(2, 4)
    assert failure(out.T, out, mistakes={"transposed": out.T}).mistake == "transposed"
    assert failure(out, (out, weights), mistakes={"no weights": out}).mistake == "no weights"
    assert failure((weights, out), (out, weights), mistakes={"swapped": (weights, out)}).mistake == "swapped"
    nan = out.clone()
    nan[0] = torch.nan
    assert failure(nan.clone(), out, mistakes={"a masked row is NaN": nan}).mistake == "a masked row is NaN"
    assert failure(torch.full_like(out, torch.nan), out, mistakes={"a row": nan}).mistake is None


def test_a_mistake_in_another_dtype_is_recognised():
    x = torch.randn(4)
    assert failure((2 * x).half(), x, mistakes={"doubled": 2 * x}).mistake == "doubled"


# --- the author's use ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        (None, TypeError),
        ({"a": 1}, TypeError),
        (torch.tensor([1j]), TypeError),
        (torch.tensor([torch.nan]), ValueError),
    ],
)
def test_an_expected_value_that_cannot_be_held_to(expected, error):
    with pytest.raises(error, match="check"):
        check.close(torch.ones(1), expected)


def test_a_mistake_that_cannot_be_computed():
    with pytest.raises(ValueError, match="'broken' could not be computed"):
        check.close(torch.ones(1), torch.zeros(1), mistakes={"broken": lambda: 1 / 0})


def test_large_tables_are_cropped_and_show_where_it_differs():
    expected = torch.zeros(3, 20, 30)
    actual = expected.clone()
    actual[2, 0, 1] = 5
    details = failure(actual, expected).details
    assert "[2, :, :]" in details and "20 rows and 30 columns" in details and "5*" in details
    assert max(map(len, details.splitlines())) < 120 and "1 of 1800 differ, by 5 at most" in details
