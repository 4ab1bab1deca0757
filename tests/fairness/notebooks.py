"""What people and their tools do to a notebook that is right: each costs no point.

An oddity is a function that edits a submission in place (the released notebook with the reference's answers in it), or
returns the bytes of the file that is handed in. It names the exercises that might suffer.
"""

import ast
import json
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell

FILE_NAME = "attention.ipynb"


@dataclass(frozen=True)
class Oddity:
    """exercises: those that are judged; notes: what may be noted of the submission, word for word; file: its name."""

    edit: Callable[[NotebookNode], bytes | None]
    exercises: tuple[str, ...]
    notes: tuple[str, ...]
    file: str

    def __str__(self) -> str:
        return self.edit.__name__.replace("_", " ")


ODDITIES: list[Oddity] = []


def oddity(*exercises: str, notes: tuple[str, ...] = (), file: str = FILE_NAME) -> Callable:
    """Register a function as an oddity."""

    def register(edit: Callable) -> Callable:
        ODDITIES.append(Oddity(edit, exercises, notes, file))
        return edit

    return register


def place(nb: NotebookNode, grade_id: str) -> int:
    return next(i for i, c in enumerate(nb.cells) if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def cell(nb: NotebookNode, grade_id: str) -> NotebookNode:
    return nb.cells[place(nb, grade_id)]


def role(one: NotebookNode) -> str:
    return one.metadata.get("course", {}).get("role", "")


def as_bytes(nb: NotebookNode) -> bytes:
    return json.dumps(nb, ensure_ascii=False, indent=1).encode()


LAST_COUNTS = "; the last answer counts, and what only another copy defines"
HELPER = ("1 added code cell kept as helper",)


# ---- other tools ------------------------------------------------------------------------------------------------


@oddity("A1.1", "A1.3")
def saved_by_a_tool_that_drops_all_metadata_of_cells(nb):
    for one in nb.cells:
        one.metadata = {}
    nb.metadata = {}


@oddity("A1.3")
def saved_by_a_tool_that_gives_new_ids(nb):
    for number, one in enumerate(nb.cells):
        one.id = f"{number:08x}"


@oddity("A1.3")
def saved_in_format_4_0_without_ids(nb):
    nb.nbformat_minor = 0
    for one in nb.cells:
        del one["id"]


@oddity("A1.1")
def saved_in_format_3(nb):
    for one in nb.cells:
        if one.cell_type == "code":
            one.outputs, one.execution_count = [], 3
    return as_bytes(nbformat.convert(nb, 3))


@oddity("A1.1")
def saved_in_a_format_of_the_future(nb):
    nb.nbformat_minor = 99
    nb.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2}}
    for one in nb.cells:
        one["trusted"] = True
        one.metadata["new"] = {"deep": [None, 1.5]}


@oddity("A1.1")
def every_cell_has_the_same_id(nb):
    for one in nb.cells:
        one.id = "cell"


@oddity("A1.1")
def formatted_by_a_tool_that_also_formats_tests(nb):
    for one in nb.cells:
        magic = "%run" in one.source  # such tools leave alone what isn't Python
        if one.cell_type == "code" and not magic and not one.source.startswith("# Hidden"):
            one.source = "\n" + ast.unparse(ast.parse(one.source)) + ";\n"


@oddity("A1.3", "A1.5")
def written_on_windows(nb):
    for one in nb.cells:
        one.source = one.source.replace("\n", "\r\n")
    return as_bytes(nb).replace(b"\n", b"\r\n")


@oddity("A1.1", "A1.6")
def indented_with_tabs(nb):
    for one in nb.cells:
        if role(one) == "answer":
            one.source = one.source.replace("    ", "\t")


@oddity("A1.1")
def begins_with_a_byte_order_mark(nb):
    return b"\xef\xbb\xbf" + as_bytes(nb)


@oddity(
    "A1.1", file="attention (1) - Kopie.ipynb", notes=("the notebook was handed in as attention (1) - Kopie.ipynb",)
)
def renamed(nb):
    pass


# ---- what a session leaves --------------------------------------------------------------------------------------


@oddity("A1.3")
def outputs_of_15_megabytes(nb):
    for number, one in enumerate(one for one in nb.cells if one.cell_type == "code"):
        one.execution_count = 400 - number
        one.outputs = [new_output("stream", name="stderr", text="UserWarning: step\n" * 1000)]
    one.outputs += [new_output("display_data", {"image/png": "iVBORw0KGgo" + "A" * 13_000_000})]
    one.outputs += [new_output("error", ename="KeyboardInterrupt", evalue="", traceback=["\x1b[0;31mstopped\x1b[0m"])]


@oddity("A1.3")
def outputs_of_30_megabytes(nb):
    cell(nb, "A1_2-values").outputs = [new_output("display_data", {"image/png": "A" * 30_000_000})]


@oddity("A1.3")
def cells_of_every_kind_that_are_no_code(nb):
    nb.cells[3:3] = [new_markdown_cell("# notes"), new_raw_cell("raw"), new_code_cell(""), new_code_cell("# later")]


# ---- what a hand does to cells ----------------------------------------------------------------------------------


@oddity("A1.1", notes=("the cell A1_1-answer is there twice" + LAST_COUNTS,))
def answer_cell_split_in_two_which_both_keep_the_metadata(nb):
    index = place(nb, "A1_1-answer")
    first, second = deepcopy(nb.cells[index]), deepcopy(nb.cells[index])
    head, mark, tail = first.source.partition("def scaled_dot_similarity")
    first.source, second.source, second.id = head, mark + tail, "split"
    nb.cells[index : index + 1] = [first, second]


@oddity("A1.1", notes=HELPER)
def answer_cell_split_in_two_of_which_one_is_new(nb):
    index = place(nb, "A1_1-answer")
    head, mark, tail = nb.cells[index].source.partition("def cosine_similarity")
    nb.cells[index].source = head
    nb.cells.insert(index + 1, new_code_cell(mark + tail))


@oddity("A1.2", notes=HELPER)
def answer_in_a_new_cell_below_the_stub(nb):
    index = place(nb, "A1_2-answer")
    nb.cells.insert(index + 1, new_code_cell(nb.cells[index].source))
    nb.cells[index].source = "def softmax(scores, dim=-1):\n    # YOUR CODE HERE\n    raise NotImplementedError()"


@oddity("A1.2", notes=("deleted tests were put back: A1_2-values",))
def answer_cell_merged_with_the_test_below_it(nb):
    index = place(nb, "A1_2-answer")
    nb.cells[index].source += "\n\n" + nb.cells.pop(index + 1).source


@oddity(
    "A1.2",
    notes=(
        "the answer cell A1_2-answer is missing",
        *HELPER,
        "changed tests were replaced by the originals: A1_2-values",
    ),
)
def test_cell_merged_with_the_answer_above_it(nb):
    index = place(nb, "A1_2-answer")
    nb.cells[index + 1].source = nb.cells[index].source + "\n\n" + nb.cells[index + 1].source
    del nb.cells[index]


@oddity("A1.2", notes=("the cell A1_2-answer is there 3 times" + LAST_COUNTS,))
def answer_cell_copied_to_try_things_out(nb):
    index = place(nb, "A1_2-answer")
    for text in ("# softmax(torch.zeros(3))", "softmax(torch.zeros(3))\nsoftmax(torch.ones(3)).sum()"):
        nb.cells.insert(index + 1, deepcopy(nb.cells[index]) | {"source": text, "id": f"copy-{len(text)}"})


@oddity("A1.2", notes=("the cell A1_2-answer is there twice; the last answer counts",))
def stub_pasted_again_below_the_answer(nb):
    index = place(nb, "A1_2-answer")
    nb.cells.insert(index + 1, deepcopy(nb.cells[index]))
    nb.cells[index + 1].source = "def softmax(scores, dim=-1):\n    raise NotImplementedError()"


@oddity("A1.5", notes=("deleted tests were put back: A1_4-padding, A1_5-half",))
def cells_in_another_order_and_tests_deleted(nb):
    nb.cells = [one for one in nb.cells if one not in (cell(nb, "A1_4-padding"), cell(nb, "A1_5-half"))]
    nb.cells.reverse()


@oddity("A1.2", notes=("2 added code cells kept as helpers",))
def helpers_at_the_very_end_that_were_run_first(nb):
    cell(nb, "A1_2-answer").source = "def softmax(scores, dim=-1):\n    return normalised(shifted(scores, dim), dim)"
    nb.cells += [
        new_code_cell("EPS = 0.0\ndef normalised(e, dim):\n    return e / (e.sum(dim, keepdim=True) + EPS)"),
        new_code_cell("def shifted(z, dim):\n    return (z - z.amax(dim, keepdim=True)).exp()"),
    ]


@oddity("A1.2", "A1.3", notes=("2 added code cells kept as helpers",))
def helper_names_used_again_for_something_else_further_down(nb):
    cell(nb, "A1_2-answer").source = "def softmax(scores, dim=-1):\n    return rescaled(scores, dim) * scale"
    nb.cells.insert(
        place(nb, "A1_2-answer"),
        new_code_cell(
            "scale = 1.0\ndef rescaled(z, dim):\n    return F.normalize((z - z.amax(dim, True)).exp(), p=1, dim=dim)"
        ),
    )
    cell(nb, "A1_3-answer").source = (
        "def soft_lookup(query, keys, values, temperature=1.0):\n"
        "    if temperature <= 0: raise ValueError\n"
        "    return rescaled(query, keys, values, temperature)"
    )
    text = "scale = 'unused'\ndef rescaled(q, k, v, t):\n    w = softmax(q @ k.T / t)\n    return w @ v, w"
    nb.cells.insert(place(nb, "A1_3-answer"), new_code_cell(text))


@oddity("A1.2", notes=("6 added code cells kept as helpers",))
def cells_of_trials_that_never_end_or_do_not_run(nb):
    below = place(nb, "A1_2-answer") + 1
    texts = [
        "weights = scores = exponentials = q = k = v = mask = None\nwhile exponentials is None: pass",
        "input('your name? ')",
        "import os\nos.abort()",
        "def softmax(",
        "%%bash\nsleep 1000",
        "raise SystemExit",
    ]
    nb.cells[below:below] = [new_code_cell(text) for text in texts]


@oddity("A1.1", notes=HELPER)
def imports_and_helpers_added_to_the_first_cell(nb):
    above = "import numpy as np\nfrom math import *\nfrom torch import *\n"
    below = "\ndevice = torch.device('cpu')\ndef dot(q, k):\n    return matmul(q, k.mT) * exp(tensor(0.0))"
    cell(nb, "setup").source = above + cell(nb, "setup").source + below
    text = cell(nb, "A1_1-answer").source
    cell(nb, "A1_1-answer").source = text.replace("return q @ k.transpose(-2, -1)", "return dot(q, k).to(device)")


@oddity("A1.2", notes=("changed tests were replaced by the originals: A1_2-values, A1_2-large",))
def prints_added_to_tests(nb):
    for name in ("A1_2-values", "A1_2-large"):
        cell(nb, name).source += "\nprint(softmax(scores))"


@oddity("A1.1")
def hints_unfolded_and_prose_annotated(nb):
    for one in nb.cells:
        if one.cell_type == "markdown":
            one.source = re.sub(r"</?details>", "", one.source) + "\n\n*my remark*"
