"""Forbidden calls are found by what they are, not by how they are written; what only looks like one is let be."""

import pytest

from course.grading.own_work import find_forbidden

FORBIDS = [
    "torch.softmax",
    "torch.nn.functional.softmax",
    "torch.Tensor.softmax",
    "torch.nn.Softmax",
    "torch.logsumexp",
]
FUNCTIONAL = "torch.nn.functional.softmax"
SETUP = ["import torch\nfrom torch import nn\nimport torch.nn.functional as F"]


def found(answer, helpers=(), names=("softmax",)):
    return [finding.call for finding in find_forbidden([answer], list(helpers), SETUP, FORBIDS, list(names))]


@pytest.mark.parametrize(
    ("answer", "call"),
    [
        ("def softmax(x): return torch.softmax(x, -1)", "torch.softmax"),
        ("def softmax(x): return F.softmax(x, -1)", FUNCTIONAL),
        ("def softmax(x): return x.softmax(-1)", "torch.Tensor.softmax"),
        ("def softmax(x): return (x * 2).softmax(-1)", "torch.Tensor.softmax"),
        ("def softmax(x): return torch.Tensor.softmax(x, -1)", "torch.Tensor.softmax"),
        ("def softmax(x): return nn.Softmax(-1)(x)", "torch.nn.Softmax"),
        ("import torch as t\ndef softmax(x): return t.softmax(x, -1)", "torch.softmax"),
        ("from torch import softmax as s\ndef softmax(x): return s(x, -1)", "torch.softmax"),
        ("from torch import *\nf = softmax\n", None),
        ("from torch import *\ndef softmax(x): return logsumexp(x, -1)", "torch.logsumexp"),
        ("from torch.nn.functional import *\ndef g(x): return softmax(x, -1)", FUNCTIONAL),
        ("f = torch.softmax\ndef softmax(x): return f(x, -1)", "torch.softmax"),
        ("f = F\ng = f\ndef softmax(x): return g.softmax(x, -1)", FUNCTIONAL),
        ("def softmax(x): return getattr(torch, 'softmax')(x, -1)", "torch.softmax"),
        ("def softmax(x): return list(map(torch.softmax, [x], [-1]))[0]", "torch.softmax"),
        ("def h(x): return x.softmax(-1)\ndef softmax(x): return h(x)", "torch.Tensor.softmax"),
        ("class softmax(nn.Module):\n  def forward(self, x): return x.softmax(-1)", "torch.Tensor.softmax"),
        ("def softmax(x):\n  g = F\n  return g.softmax(x, -1)", FUNCTIONAL),
        ("def softmax(x):\n  from torch import softmax as s\n  return s(x, -1)", "torch.softmax"),
        (
            "def softmax(x):\n  import torch.nn.functional as g\n  return (lambda y: g.softmax(y))(x)",
            "torch.nn.functional.softmax",
        ),
        ("class Own:\n  def softmax(self): pass\ndef softmax(x): return x.softmax(-1)", "torch.Tensor.softmax"),
        (
            "def softmax(x): return F.softmax(x, -1)\nf = softmax\ndef softmax(x): return f(x)",
            "torch.nn.functional.softmax",
        ),
        (
            "def softmax(x): return F.softmax(x, -1)\ndef softmax(x, f=softmax): return f(x)",
            "torch.nn.functional.softmax",
        ),
    ],
)
def test_found(answer, call):
    names = ("g",) if "def g" in answer else ("softmax",)
    assert set(found(answer, names=names)) == ({call} if call else set())


def test_found_through_a_helper_cell_with_its_line():
    helpers = ["x = 1\ndef h(x):\n    return torch.softmax(x, -1)"]
    (finding,) = find_forbidden(["def softmax(x): return h(x)"], helpers, SETUP, FORBIDS, ["softmax"])
    assert (finding.call, finding.line, finding.cell) == ("torch.softmax", 3, 1)
    assert str(finding) == "torch.softmax is what this exercise asks you to write (line 3 of a helper cell)"


@pytest.mark.parametrize(
    "answer",
    [
        "def softmax(x):\n    # not torch.softmax(x)\n    return x.exp() / x.exp().sum(-1, keepdim=True)",
        "def softmax(x):\n    'like torch.softmax'\n    return x",
        "def softmax(x): return x\nprint(torch.allclose(softmax(torch.ones(3)), torch.softmax(torch.ones(3), -1)))",
        "def unused(x): return torch.softmax(x, -1)\ndef softmax(x): return x",
        "def softmax(x): return softmax(x)",
        "def softmax(x): return x.log_softmax(-1)",
        "def f(x): g = F\n  return g.softmax(x)\ndef softmax(x):\n  g = x.exp()\n  return g.softmax_is_not_this",
        "def f():\n  from torch import softmax as g\n  return g\ndef softmax(x):\n  g = x.exp()\n  return g",
        "def g(x): return F.softmax(x, -1)\ndef softmax(x, g=1): return x * g",
        "def softmax(x): return F.softmax(x, -1)\ndef softmax(x): return x",
        "from torch import *\ndef softmax(x):\n  logsumexp = x.exp()\n  return (lambda softmax: softmax)(logsumexp)",
        "class Own:\n  softmax = staticmethod(abs)\n  @classmethod\n  def of(cls, x): return cls.softmax(x)\n"
        "own = Own()\ndef softmax(x): return Own.softmax(x) + own.softmax(x) + Own().softmax(x) + Own.of(x)",
        "class Options:\n  softmax: bool = True\ndef softmax(x, options=Options()): return x if options.softmax else 0",
        "class softmax(nn.Module):\n  def softmax(self, x): return x\n  def forward(self, x): return self.softmax(x)",
    ],
)
def test_let_be(answer):
    assert found(answer) == []


def test_found_where_another_cell_than_the_answers_defines_what_is_asked_for():
    assert found("", helpers=["def softmax(x): return torch.softmax(x, -1)"]) == ["torch.softmax"]
    assert found("def softmax(x): return x", helpers=["softmax = torch.softmax"]) == ["torch.softmax"]


def test_a_helper_that_is_not_reached_and_a_syntax_error_count_for_nothing():
    assert found("def softmax(x): return x", helpers=["def other(x): return torch.softmax(x, -1)", "def ("]) == []
