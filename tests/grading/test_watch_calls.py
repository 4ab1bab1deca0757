"""Forbidden calls that only show while an answer runs."""

import nbformat
import pytest
import torch

from course.grading.border import Border
from course.grading.judge import Bench, judge_exercise
from course.grading.notebook import read_source
from course.grading.rebuild import rebuild
from course.grading.warm import connect
from tests.grading import small_notebook as small

FORBIDS = ("torch.softmax", "torch.nn.functional.softmax", "torch.Tensor.softmax", "torch.nn.Softmax")
GIVEN = "import torch\ndef given_softmax(x):\n    return torch.softmax(x, -1)"


def seen(zygote, answer: str, name: str = "softmax") -> dict:
    border = Border(connect(zygote), 10, forbids=FORBIDS)
    try:
        assert border.run([("given", GIVEN), ("<A1_2-answer>", f"import torch\nfrom torch import nn\n{answer}")]) == []
        try:
            called = border.proxy(name, "function")
            assert torch.allclose(called(torch.ones(4)), torch.full((4,), 0.25))
        finally:
            found = border.forbidden
        return found
    finally:
        border.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("def softmax(x):\n    return getattr(torch, 'soft' + 'max')(x, -1)", {"torch.softmax": 4}),
        ("def softmax(x):\n    return vars(torch)['softmax'](x, -1)", {"torch.softmax": 4}),
        (
            "def softmax(x):\n    scope = {'x': x, 'torch': torch}\n"
            "    exec('y = torch.softmax(x, -1)', scope)\n    return scope['y']",
            {"torch.softmax": None},
        ),
        ("def softmax(x):\n    return getattr(x, 'soft' + 'max')(-1)", {"torch.Tensor.softmax": 4}),
        ("def softmax(x):\n    return getattr(nn, 'Soft' + 'max')(-1)(x)", {"torch.nn.functional.softmax": 4}),
        ("def softmax(x):\n    return eval('torch.sof' + 'tmax')(x, -1)", {"torch.softmax": 4}),
    ],
)
def test_a_call_that_the_source_hides_is_seen_with_its_line(student_zygote, answer, expected):
    assert seen(student_zygote, answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "def softmax(x):\n    return given_softmax(x)",
        "def softmax(x):\n    return x.exp() / x.exp().sum(-1, keepdim=True)",
        "def softmax(x):\n    return x.exp() / x.exp().sum(-1)\n\n"
        "assert torch.allclose(softmax(torch.ones(2)), torch.softmax(torch.ones(2), -1))",
        "def softmax(x):\n    return x.log_softmax(-1).exp()",
    ],
)
def test_what_is_not_the_answers_own_call_counts_for_nothing(student_zygote, answer):
    assert seen(student_zygote, answer) == {}


def test_the_exercise_scores_nothing_and_the_message_names_the_call_and_the_line(tmp_path, student_zygote):
    nb = small.source()
    small.find(nb, "setup").source = "import torch\nfrom course import check"
    small.find(nb, "A9_1").metadata.course["forbids"] = ["torch.add"]
    hidden = "def double(number):\n    name = 'ad' + 'd'\n    return getattr(torch, name)(number, number)"
    small.find(nb, "A9_1-values").source = "check.close(double(torch.ones(3)), torch.full((3,), 2.0))"
    source = read_source(small.write(nb, tmp_path / small.ASSIGNMENT / small.NOTEBOOK))
    submitted = nbformat.from_dict(nb)
    small.find(submitted, "A9_1-answer").source = hidden
    bench, setup = Bench(student_zygote, "secret", "a student"), {"torch": torch}
    exec(source.setup[0].source, setup)
    cells = judge_exercise(source, rebuild(source, submitted), source.exercise("A9.1"), bench, setup)
    assert {(cell.outcome, cell.score) for cell in cells} == {("forbidden", 0.0)}
    assert cells[0].message == "torch.add is what this exercise asks you to write (line 3)"
