"""check.gradient: right gradients pass, wrong and cut ones are named."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course import check
from course.check.gradients import CUT


def qkv():
    batch, queries, keys, d_k, d_v = check.sizes("batch queries keys d_k d_v")
    return torch.randn(batch, queries, d_k), torch.randn(batch, keys, d_k), torch.randn(batch, keys, d_v)


def attention(q, k, v):
    return (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v


def failure(fn, *args, **options):
    with pytest.raises(check.CheckFailed) as caught:
        check.gradient(fn, *args, **options)
    return caught.value


REFERENCES = [None, F.scaled_dot_product_attention]


@pytest.mark.parametrize("reference", REFERENCES)
def test_right_gradients_pass(reference):
    check.gradient(attention, *qkv(), reference=reference)


@pytest.mark.parametrize("reference", [None, lambda q, k, v: (attention(q, k, v), (q @ k.mT))])
def test_tuples_lists_and_integers_pass(reference):
    def fn(q, k, v):
        return [attention(q, k, v), q @ k.mT, torch.arange(3)]

    check.gradient(fn, *qkv(), reference=reference)
    check.gradient(lambda pair, ids: pair[0][ids] * pair[1], (torch.randn(4, 3), torch.randn(3)), torch.tensor([0, 2]))


@pytest.mark.parametrize("reference", REFERENCES)
def test_arguments_are_left_alone(reference):
    args = qkv()
    with torch.no_grad():
        check.gradient(attention, *args, reference=reference)
    assert all(not a.requires_grad and a.grad is None for a in args)


def test_a_gradient_that_is_truly_zero_is_no_cut():
    """One key: its weight is 1 whatever the query, and the reference's zero is rounding noise."""
    q, k, v = torch.randn(5, 3), torch.randn(1, 3), torch.randn(1, 4)

    def noisy(q, k, v):
        powers = (q @ k.mT).exp()
        return (powers / powers.sum(-1, keepdim=True)) @ v + 1e-8 * q.sum()

    for _ in range(20):
        check.gradient(lambda q, k, v: v.expand(5, 4) + 0 * q.sum() + 0 * k.sum(), q, k, v, reference=noisy)


CUTS = [
    lambda q, k, v: attention(q, k, v).detach(),
    lambda q, k, v: torch.tensor(attention(q, k, v).tolist(), dtype=q.dtype),
    lambda q, k, v: attention(q.detach(), k.detach(), v.detach()),
    torch.no_grad()(attention),
]


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("fn", CUTS)
def test_a_cut_graph_is_named(fn, reference):
    wrong = failure(fn, *qkv(), reference=reference)
    assert wrong.mistake == CUT and wrong.message == CUT


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize(
    ("fn", "name"),
    [
        (lambda q, k, v: attention(q, k.detach(), v), "argument 2 (k)"),
        (lambda q, k, v: attention(q, k, v.detach()), "argument 3 (v)"),
        (lambda q, k, v: (q @ k.mT / q.shape[-1] ** 0.5).detach().softmax(-1) @ v, "argument 1 (q)"),
    ],
)
def test_a_partly_cut_graph_is_named(fn, name, reference):
    wrong = failure(fn, *qkv(), reference=reference)
    assert wrong.mistake == CUT and wrong.message == f"{CUT}: no gradient reaches {name}"


class Off(torch.autograd.Function):
    """The identity, whose gradient is wrong."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, upstream):
        return 1.02 * upstream


class Tilted(Off):
    """The same, worse: in float32 differences are coarse."""

    @staticmethod
    def backward(ctx, upstream):
        return 1.3 * upstream


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_wrong_gradient_is_found_and_its_argument_named(reference):
    wrong = failure(lambda q, k, v: attention(q, Off.apply(k), v), *qkv(), reference=reference)
    assert wrong.mistake is None and "the gradient of argument 2 (k)" in wrong.message
    assert wrong.details


def test_a_named_mistake():
    def unscaled(q, k, v):
        return F.scaled_dot_product_attention(q, k, v, scale=1.0)

    mistakes = {
        "another": lambda q, k, v: q.sum() + 0 * k.sum() + 0 * v.sum(),
        "the scores are not scaled": unscaled,
    }
    wrong = failure(unscaled, *qkv(), reference=F.scaled_dot_product_attention, mistakes=mistakes)
    assert wrong.mistake == wrong.message == "the scores are not scaled"


def test_wrong_values_with_right_gradients_are_not_its_business():
    check.gradient(lambda x: x.sin() + 1, torch.randn(3), reference=torch.sin)


def test_shapes_and_types():
    x = torch.randn(2, 3)
    assert failure(lambda x: x.T, x, reference=lambda x: x).message == "the result has shape (3, 2), expected (2, 3)"
    assert failure(lambda x: None, x).message.startswith("expected a floating tensor, got NoneType")
    assert "expected 2 floating tensors" in failure(lambda x: x, x, reference=lambda x: (x, x)).message


def test_nan_gradients():
    def masked_row(x):
        return torch.where(x > 9, x, -torch.inf).softmax(-1)

    def root_of_zero(x):
        return (x * 0).sqrt()

    x = torch.randn(2, 3)
    for reference in (None, lambda x: x * 2):
        assert failure(masked_row, x, reference=reference).message == "the result holds NaN"
        assert "gradient" in failure(root_of_zero, x, reference=reference).message
        assert "holds NaN" in failure(root_of_zero, x, reference=reference).message


def test_kinks_pass():
    for near in [1.0, 1e-2, 1e-3, 1e-4]:
        x = torch.randn(6, 7)
        x[0, 0] = near
        check.gradient(lambda x: x.relu(), x)
        check.gradient(lambda x: x.relu() @ torch.ones(7, 3), x)  # float32 alone


def test_what_works_in_float32_alone_is_measured_there():
    table = torch.randn(3, 3)
    check.gradient(lambda x: torch.tanh(x @ table), torch.randn(4, 3))
    wrong = failure(lambda x: Tilted.apply(x @ table), torch.randn(4, 3))
    assert "differs from finite differences" in wrong.message
    check.gradient(lambda x: x.float().sin(), torch.randn(4, 3))

    class Crossed(Exception):
        """An error as it arrives from another process."""

        mro = ("RuntimeError", "Exception")

    def remote(x):
        if x.dtype == torch.float64:
            raise Crossed
        return x.sin()

    check.gradient(remote, torch.randn(4, 3))
    with pytest.raises(ZeroDivisionError):
        check.gradient(lambda x: 1 / 0, torch.randn(4, 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parameters_of_modules(dtype):
    batch, d_in, d_out = check.sizes("batch d_in d_out")
    reference = nn.Linear(d_in, d_out).to(dtype)
    own = copy.deepcopy(reference)
    x = torch.randn(batch, d_in, dtype=dtype)
    check.gradient(own, x, reference=reference)
    check.gradient(own, x)
    assert own.weight.grad is None and own.weight.dtype == dtype

    class Cut(nn.Linear):
        def forward(self, x):
            return F.linear(x, self.weight.detach(), self.bias)

    cut = Cut(d_in, d_out).to(dtype)
    cut.load_state_dict(reference.state_dict())
    wrong = failure(cut, x, reference=reference)
    assert wrong.message == f"{CUT}: no gradient reaches parameter `weight`"


def test_modules_with_other_parameter_names_are_held_to_their_arguments():
    reference = nn.Linear(3, 2)
    own = nn.Sequential(nn.Linear(3, 2))
    own.load_state_dict({f"0.{name}": value for name, value in reference.state_dict().items()})
    check.gradient(own, torch.randn(4, 3), reference=reference)


def test_few_calls():
    calls = []
    x = torch.randn(3)
    check.gradient(lambda x: (calls.append(1), x.sin())[1], x)
    assert len(calls) == 7
    calls.clear()
    check.gradient(lambda x: (calls.append(1), x.sin())[1], x, reference=torch.sin)
    assert len(calls) == 1


def test_slips_of_the_author():
    with pytest.raises(TypeError, match="no argument is a floating tensor"):
        check.gradient(lambda x: x, torch.tensor([1, 2]))
    with pytest.raises(TypeError, match="need a reference"):
        check.gradient(lambda x: x, torch.ones(2), mistakes={"a": torch.sin})
