"""A test over the border sees what it would see in a plain kernel: values, gradients, modules, errors."""

import contextlib
import copy
import os
import time

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course.grading.border import Border
from course.grading.proxies import AuthorError, RemoteModule, StudentError, StudentGone, StudentTimeout
from course.grading.warm import connect

ANSWER = """
import os, sys, time, math, random
import torch
from torch import nn
import torch.nn.functional as F

def attention(q, k, v, mask=None):
    scores = q @ k.mT / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    weights = scores.softmax(-1)
    return weights @ v, weights

def apply(function, x): return function(x)
def double(x): return 2 * x
def identity(*args, **kwargs): return args, kwargs
def same(x, y): return x is y
def shares_memory(x, y): return x.untyped_storage().data_ptr() == y.untyped_storage().data_ptr()
def spoil(x, y): y.zero_(); return x
def noise(n): return torch.rand(n), random.random()
def argmax(x): return x.argmax(-1), x * 3
def cut(x): return x.detach() * 2
def fail(x):
    raise ValueError("the temperature must be positive")
def not_yet(x): raise NotImplementedError
def leave(): sys.exit(3)
def die(): os._exit(3)
def loop():
    while True: pass
def sleep(): time.sleep(1000)
def grad_mode(): return torch.is_grad_enabled()
def odd(): return {1, 2}
table = torch.arange(6.0).reshape(2, 3)

class Layer(nn.Module):
    def __init__(self, d_in, d_out):
        super().__init__()
        self.linear = nn.Linear(d_in, d_out)
        self.inner = nn.ModuleList([nn.Linear(d_out, d_out, bias=False)])
        self.register_buffer("scale", torch.tensor(2.0))
        self.dropout = nn.Dropout(0.5)
    def forward(self, x, y=None):
        out = self.inner[0](torch.tanh(self.linear(x))) * self.scale
        return self.dropout(out), out.softmax(-1)

def train(layer, x, y, steps):
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    losses = []
    for _ in range(steps):
        loss = (layer(x)[1] - y).square().mean()
        optimizer.zero_grad(); loss.backward(); optimizer.step()
        losses.append(loss.item())
    return losses
"""

LOCAL = {"__name__": "local"}
exec(ANSWER, LOCAL)


@pytest.fixture(scope="module")
def border(student_zygote):
    with open_border(student_zygote, shared={"double": LOCAL["double"]}) as border:
        yield border


@contextlib.contextmanager
def open_border(path, seconds=20.0, shared=None):
    border = Border(connect(path), seconds, shared, trainers={"train"})
    try:
        assert border.run([("<A1_1-answer>", ANSWER)]) == []
        yield border
    finally:
        border.close()


def qkv(dtype=torch.float64):
    return [torch.randn(2, 3, n, 7, dtype=dtype, requires_grad=True) for n in (4, 5, 5)]


def test_values_and_gradients_are_those_of_a_local_call(border):
    attention, q_k_v = border.proxy("attention", "function"), qkv()
    mask = torch.rand(4, 5) > 0.3
    mask[:, 0] = True
    for arguments in (q_k_v, [*q_k_v, mask]):
        (out, weights), (expected, _) = attention(*arguments), LOCAL["attention"](*arguments)
        torch.testing.assert_close(out, expected)
        torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
        cotangent = torch.randn_like(out)
        for _ in range(2):  # a test may differentiate twice
            ours = torch.autograd.grad(out, q_k_v, cotangent, retain_graph=True)
            theirs = torch.autograd.grad(expected, q_k_v, cotangent, retain_graph=True)
            torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradcheck(lambda *x: attention(*x)[0], [x[:1, :1].detach().requires_grad_() for x in q_k_v])


def test_one_tensor_used_thrice_is_one_leaf(border):
    x = torch.randn(4, 7, dtype=torch.float64, requires_grad=True)
    ours = torch.autograd.grad(border.proxy("attention", "function")(x, x, x)[0].square().sum(), x)
    theirs = torch.autograd.grad(F.scaled_dot_product_attention(x, x, x).square().sum(), x)
    torch.testing.assert_close(ours, theirs)


def test_identity_memory_and_structure_cross(border):
    x = torch.randn(5, 3)
    assert border.proxy("same", "function")(x, x) is True
    assert border.proxy("shares_memory", "function")(x, x[1:]) is True
    args, kwargs = border.proxy("identity", "function")(1, [None, "a", (2.5, True)], key={"b": x})
    assert args == (1, [None, "a", (2.5, True)])
    assert torch.equal(kwargs["key"]["b"], x)


def test_an_argument_changed_in_place_is_named_and_the_judges_own_stays(border):
    spoil, x, y = border.proxy("spoil", "function"), torch.randn(3), torch.randn(4)
    kept = y.clone()
    spoil(x, y)
    assert spoil.changed_by_last_call == ["argument 2"]
    spoil(x, y=y)
    assert spoil.changed_by_last_call == ["argument y"]
    assert torch.equal(y, kept)
    border.proxy("attention", "function")(x[None], x[None], x[None])


def test_every_call_starts_from_a_seed_of_the_judges(border):
    noise = border.proxy("noise", "function")
    border.begin(3)
    first, again = noise(5), noise(5)
    assert not torch.equal(first[0], again[0])
    border.begin(3)
    assert torch.equal(noise(5)[0], first[0])


def test_grad_mode_crosses_and_only_what_can_be_differentiated_is(border):
    grad_mode, x = border.proxy("grad_mode", "function"), torch.randn(3, 4, requires_grad=True)
    assert grad_mode() is True
    with torch.no_grad():
        assert grad_mode() is False
        assert not border.proxy("double", "function")(x).requires_grad
    index, tripled = border.proxy("argmax", "function")(x)
    assert index.dtype == torch.int64
    assert not index.requires_grad
    assert tripled.requires_grad
    assert not border.proxy("cut", "function")(x).requires_grad


def test_functions_cross_by_name_only(border):
    apply, x = border.proxy("apply", "function"), torch.randn(4)
    assert torch.equal(apply(LOCAL["double"], x), 2 * x)  # a setup-cell function, there on both sides
    assert torch.equal(apply(torch.tanh, x), x.tanh())
    assert torch.equal(apply(border.proxy("double", "function"), x), 2 * x)
    with pytest.raises(AuthorError, match="can't cross"):
        apply(lambda x: x, x)


def test_values_come_as_they_are_and_an_odd_type_is_named(border):
    assert torch.equal(border.proxy("table", "value"), torch.arange(6.0).reshape(2, 3))
    assert repr(border.proxy("odd", "function")()) == "<set>"
    with pytest.raises(StudentError, match="'nothing' is not defined"):
        border.proxy("nothing", "value")


def test_errors_carry_type_message_and_line(border):
    with pytest.raises(StudentError) as caught:
        border.proxy("fail", "function")(torch.ones(2))
    error = caught.value
    assert (error.type_name, error.message) == ("ValueError", "the temperature must be positive")
    assert "Exception" in error.mro
    assert ANSWER.splitlines()[error.line - 1].strip().startswith("raise ValueError")
    for name, type_name in [("not_yet", "NotImplementedError"), ("leave", "SystemExit"), ("absent", "NameError")]:
        with pytest.raises(StudentError) as caught:
            border.proxy(name, "function")(*[1][: name == "not_yet"])
        assert caught.value.type_name == type_name
    assert border.proxy("double", "function")(3) == 6  # and the process lives on


def test_a_module_is_a_real_module_here(border):
    theirs = border.proxy("Layer", "class")(4, 3).double().eval()
    local = LOCAL["Layer"](4, 3).double().eval()
    assert isinstance(theirs, nn.Module)
    assert list(theirs.state_dict()) == list(local.state_dict())
    with torch.no_grad():
        local.load_state_dict(theirs.state_dict())
        theirs.linear.weight.mul_(2)
        local.linear.weight.mul_(2)
    x = torch.randn(5, 4, dtype=torch.float64, requires_grad=True)
    ours, expected = theirs(x), local(x)
    torch.testing.assert_close(ours, expected)
    for module, (out, weights) in ((theirs, ours), (local, expected)):
        x.grad = None
        (out.sum() + weights.square().sum()).backward()
        module.inputs_gradient = x.grad.clone()
    torch.testing.assert_close(theirs.inputs_gradient, local.inputs_gradient)
    for p, q in zip(theirs.parameters(), local.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)
    twin = copy.deepcopy(theirs)
    with torch.no_grad():
        twin.linear.weight.zero_()
    torch.testing.assert_close(theirs(x), local(x))
    assert not torch.equal(twin(x)[0], theirs(x)[0])


def test_train_and_eval_cross(border):
    layer, x = border.proxy("Layer", "class")(4, 40), torch.randn(5, 4)
    assert (layer.train()(x)[0] == 0).any()
    assert not (layer.eval()(x)[0] == 0).any()


def test_an_optimizer_here_trains_a_module_there(border):
    layer = border.proxy("Layer", "class")(3, 4).eval()
    x, y = torch.randn(16, 3), torch.randn(16, 4).softmax(-1)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        loss = (layer(x)[1] - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_training_over_there_comes_back(border):
    layer = border.proxy("Layer", "class")(3, 4)
    local = LOCAL["Layer"](3, 4)
    local.load_state_dict(layer.state_dict())
    x, y = torch.randn(16, 3), torch.randn(16, 4).softmax(-1)
    losses = border.proxy("train", "function")(layer, x, y, steps=7)
    assert losses == pytest.approx(LOCAL["train"](local, x, y, steps=7), rel=1e-4)
    for name, value in layer.state_dict().items():
        torch.testing.assert_close(value, local.state_dict()[name])
    torch.testing.assert_close(layer.eval()(x), local.eval()(x))


def test_what_does_not_cross_says_so(border):
    layer = border.proxy("Layer", "class")(3, 4)
    with pytest.raises(AttributeError, match="only parameters and buffers"):
        layer.dropout_rate  # noqa: B018
    with pytest.raises(AuthorError, match="sub-module"):
        layer.linear(torch.ones(3))
    assert not isinstance(layer.linear, RemoteModule)


def test_an_endless_loop_ends_by_its_own_computing_time(student_zygote):
    with open_border(student_zygote, seconds=0.5) as border:
        begun = time.monotonic()
        with pytest.raises(StudentTimeout, match=r"longer than 0.5 s"):
            border.proxy("loop", "function")()
        assert time.monotonic() - begun < 6


def test_sleeping_ends_by_the_clock(student_zygote):
    with open_border(student_zygote, seconds=0.3) as border, pytest.raises(StudentTimeout):
        border.proxy("sleep", "function")()


def test_a_process_that_dies_is_gone_and_its_sibling_is_not(student_zygote, border):
    with open_border(student_zygote) as other:
        with pytest.raises(StudentGone):
            other.proxy("die", "function")()
        assert border.proxy("double", "function")(2) == 4


def test_closing_ends_the_process(student_zygote):
    with open_border(student_zygote) as border:
        pid = border.pid
        os.kill(pid, 0)
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    pytest.fail("the student process outlives its border")


def test_only_what_trains_may_change_weights(student_zygote):
    """Else a test that computes what it expects from the weights after a call would take the student's word."""
    code = (
        "import torch\nfrom torch import nn\n"
        "class Zero(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.linear = nn.Linear(3, 4)\n"
        "        self.register_buffer('calls', torch.zeros(()))\n"
        "    def forward(self, x):\n        self.linear.weight.data.zero_(); self.linear.bias.data.zero_()\n"
        "        self.calls += 1\n        return self.linear(x)\n"
        "def use(net, x):\n    return net(x)\n"
    )
    border = Border(connect(student_zygote), 10)
    assert border.run([("<A1_1-answer>", code)]) == []
    net, x = border.proxy("Zero", "class")(), torch.randn(5, 3)
    for call in (lambda: net(x), lambda: border.proxy("use", "function")(net, x)):
        assert not call().any()
        assert net.linear.weight.any()
    assert net.calls == 2, "buffers do come back"
    border.close()


def test_weights_of_nothing_but_zeros_are_drawn_anew(student_zygote):
    code = (
        "import torch\nfrom torch import nn\n"
        "class Zero(nn.Linear):\n    def __init__(self):\n        super().__init__(3, 4)\n"
        "        nn.init.constant_(self.weight, 1e-4); nn.init.zeros_(self.bias)\n"
        "    def forward(self, x):\n        return 0 * super().forward(x)\n"
    )
    border = Border(connect(student_zygote), 10)
    border.run([("<A1_1-answer>", code)])
    net = border.proxy("Zero", "class")()
    assert net.weight.abs().mean() > 0.05
    assert net.bias.abs().mean() > 0.05
    border.close()


def test_a_stand_in_of_ours_is_handed_over_with_its_weights_and_gets_their_gradients(student_zygote):
    class Score(torch.nn.Module):
        def __init__(self, d, scale=1.0):
            super().__init__()
            self.linear, self.scale = torch.nn.Linear(d, d, bias=False), scale

        def forward(self, q, k):
            return self.scale * self.linear(q) @ k.mT

    code = (
        "import torch\nfrom torch import nn\n"
        "class Score(nn.Module):\n    def __init__(self, d, scale=1.0):\n        super().__init__()\n"
        "        self.linear, self.scale = nn.Linear(d, d, bias=False), scale\n"
        "    def forward(self, q, k):\n        return self.scale * self.linear(q) @ k.mT\n"
        "def attend(score, q, k):\n    return score(q, k).softmax(-1)\n"
    )
    border = Border(connect(student_zygote), 10)
    border.run([("given", code)])
    attend, given = border.proxy("attend", "function"), border.given("Score", Score)
    score, q, k = given(4, scale=2.0), torch.randn(2, 4), torch.randn(3, 4)
    assert isinstance(score, Score)
    for _ in range(2):  # weights that are changed here go over again
        expected = score(q, k).softmax(-1)
        torch.testing.assert_close(attend(score, q, k), expected)
        direction = torch.randn(2, 3)
        (found,) = torch.autograd.grad((attend(score, q, k) * direction).sum(), list(score.parameters()))
        (wanted,) = torch.autograd.grad((expected * direction).sum(), list(score.parameters()))
        torch.testing.assert_close(found, wanted)
        with torch.no_grad():
            score.linear.weight.mul_(3)
    double = copy.deepcopy(score).double()
    torch.testing.assert_close(attend(double, q.double(), k.double()), double(q.double(), k.double()).softmax(-1))
    border.close()
