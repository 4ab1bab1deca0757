"""The assignment that the attacks are made on: three small exercises and an open question, with course.check and torch.

Hidden tests hold words and a number that occur nowhere else, so that a leak can be searched for. A wrong answer of
`answers.py` deserves no point in any cell of its exercise, here and under stock nbgrader.
"""

import re
from copy import deepcopy
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

from tests.attacks.answers import RIGHT
from tests.grading.small_notebook import cell, find, header, hidden, write

ASSIGNMENT, NOTEBOOK = "08-target", "target.ipynb"
POINTS = {"A8.1": 5.0, "A8.2": 5.0, "A8.3": 5.0}
MANUAL = "A8.4"
# Of the hidden tests: names in their source, and an input of theirs.
MARKERS = ("marker_softmax_c41d", "marker_scale_90be", "marker_mean_e77a")
HIDDEN_INPUT = 604127

SETUP = """import torch
import torch.nn.functional as F
from torch import nn

from course import check

torch.set_num_threads(1)"""

SOFTMAX_VALUES = """# Visible test: the weights (2 points)
rows, columns = check.sizes("rows columns")
scores = torch.randn(rows, columns)
expected = F.softmax(scores, dim=-1)
check.close(softmax(scores), expected, mistakes={"the scores are returned as they are": scores})"""
SOFTMAX_HIDDEN = f"""marker_softmax_c41d = torch.tensor([{HIDDEN_INPUT}.0, {HIDDEN_INPUT - 1}.0, {HIDDEN_INPUT - 2}.0])
check.close(softmax(marker_softmax_c41d), F.softmax(marker_softmax_c41d, dim=-1))
large = torch.randn(500, 300)  # more than a socket takes at once
check.close(softmax(large), F.softmax(large, dim=-1))"""
# It stands after the hidden test on purpose: what an answer saw there must not come out here.
SOFTMAX_FAR = """# Visible test: far from zero (1 point)
scores = 900 + 10 * torch.rand(4, 6)
check.close(softmax(scores), F.softmax(scores, dim=-1))"""

SCALE_INPUTS = """features, rows = check.sizes("features rows")
layer = Scale(features)
weight, bias = torch.randn(features), torch.randn(features)
with torch.no_grad():
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
x = torch.randn(rows, features, requires_grad=True)
"""
SCALE_VALUES = f"""# Visible test: values (3 points)
{SCALE_INPUTS}check.close(layer(x), x * weight + bias, mistakes={{"the input is returned as it is": x}})
check.close(layer(2 * x), 2 * x * weight + bias, name="the result for another input")"""
SCALE_HIDDEN = f"""{SCALE_INPUTS}marker_scale_90be = torch.randn(rows, features)
result = layer(x)
check.close(result, x * weight + bias)
result.backward(marker_scale_90be)
check.close(x.grad, marker_scale_90be * weight, name="the gradient of the input")
check.close(layer.weight.grad, (x * marker_scale_90be).sum(0), name="the gradient of the weight")"""

# An author who compares for themselves: what claims to be equal to anything would pass in one process.
MEAN_VALUES = """# Visible test: the mean of three numbers (2 points)
check.close(abs(mean_of([1.0, 2.0, 6.0]) - 3.0) < 1e-9, True)"""
MEAN_HIDDEN = f"""marker_mean_e77a = [{HIDDEN_INPUT}, {HIDDEN_INPUT + 2}]
check.close(mean_of(marker_mean_e77a), {HIDDEN_INPUT + 1})
numbers = torch.rand(5).tolist()
check.close(mean_of(numbers), sum(numbers) / 5)"""

SOFTMAX_FORBIDS = ["torch.softmax", "torch.nn.functional.softmax", "torch.Tensor.softmax", "torch.nn.Softmax"]


def source() -> NotebookNode:
    """The source notebook: 15 automatic points, 5 for a person. Little time and room: every attack ends soon."""
    one, two, three, four = ({"exercise": name} for name in (*POINTS, MANUAL))
    cells = [
        cell("prose", "", "# A small target"),
        cell("setup", "setup", SETUP),
        header("A8.1", "Softmax", 5, 5, 1, seconds=1, forbids=SOFTMAX_FORBIDS),
        cell("answer", "A8_1-answer", _marked(RIGHT["A8_1-answer"]), **one),
        cell("visible", "A8_1-values", SOFTMAX_VALUES, 2, **one),
        cell("hidden", "A8_1-hidden", hidden("A8.1, more values: 2 points", SOFTMAX_HIDDEN), 2, **one),
        cell("visible", "A8_1-far", SOFTMAX_FAR, 1, **one),
        header("A8.2", "A layer with weights", 5, 5, 1, seconds=1),
        cell("answer", "A8_2-answer", _marked(RIGHT["A8_2-answer"]), **two),
        cell("visible", "A8_2-values", SCALE_VALUES, 3, **two),
        cell("hidden", "A8_2-hidden", hidden("A8.2, gradients: 2 points", SCALE_HIDDEN), 2, **two),
        header("A8.3", "A mean", 5, 5, 1, seconds=1),
        cell("answer", "A8_3-answer", _marked(RIGHT["A8_3-answer"]), **three),
        cell("visible", "A8_3-values", MEAN_VALUES, 2, **three),
        cell("hidden", "A8_3-hidden", hidden("A8.3, more values: 3 points", MEAN_HIDDEN), 3, **three),
        header(MANUAL, "In your own words", 5, 5, 1),
        cell("manual", "A8_4-words", "A model answer in some words.", 5, **four),
    ]
    limits = {"memory_mb": 600, "processes": 24, "file_mb": 16, "tmp_mb": 32, "tmp_files": 512}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "course": {"limits": limits | {"wall_per_cpu_second": 3}}}
    return new_notebook(cells=cells, metadata=metadata)


def course(root: Path) -> Path:
    """A course root that holds nothing but the target."""
    write(source(), root / "solutions" / ASSIGNMENT / NOTEBOOK)
    (root / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    return root


def released(nb: NotebookNode) -> NotebookNode:
    """What students get: without the hidden tests, and with stubs for answers."""
    nb = deepcopy(nb)
    for node in nb.cells:
        node.source = re.sub(r"(?ms)^### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS\n?", "", node.source)
        if node.metadata.course.role == "answer":
            node.source = "raise NotImplementedError"
        elif node.metadata.course.role == "manual":
            node.source = "YOUR ANSWER HERE"
    return nb


def answered(released_nb: NotebookNode, answers: dict[str, str], words: str = "My own words.") -> NotebookNode:
    """A copy with these answers in it, the right ones for all others, and something for a person to read."""
    nb = deepcopy(released_nb)
    for grade_id, text in {**RIGHT, "A8_4-words": words, **answers}.items():
        find(nb, grade_id).source = text
    return nb


def hand_in(nb: NotebookNode, folder: Path, name: str = NOTEBOOK) -> Path:
    """Write a submitted notebook to its place."""
    return write(nb, folder / name)


def _marked(answer: str) -> str:
    """An answer between nbgrader's marks, at the deepest place where they fit: around the whole."""
    return f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION"


def source_text() -> str:
    """The source notebook as it stands on the disk."""
    return nbformat.writes(source()) + "\n"
