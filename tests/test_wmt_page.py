"""docs/wmt.md: its table is what its code prints, and its formulas hold for the course's own transformer."""

import contextlib
import io
import re
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from course.models.transformer import Transformer

PAGE = (Path(__file__).parents[1] / "docs" / "wmt.md").read_text(encoding="utf-8")
SIZES = [{"d_model": 512, "heads": 8, "d_ff": 2048}, {"d_model": 1024, "heads": 16, "d_ff": 4096}]


@pytest.fixture(scope="module")
def numbers() -> dict:
    """What the page's code computes, and under "printed" what it prints."""
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    values: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, values)
    return values | {"printed": printed.getvalue()}


def test_the_table_is_what_the_code_prints(numbers):
    assert len(numbers["printed"].splitlines()) > 10
    assert f"\n\n| | base | big |\n| --- | ---: | ---: |\n{numbers['printed']}\n" in PAGE


def test_the_paper_has_the_same_numbers(numbers):
    """Table 3: 65 and 213 million parameters. Table 2: 3.3e18 and 2.3e19 operations, by time and peak."""
    assert [count / 1e6 for count in numbers["N"]] == pytest.approx([65, 213], rel=0.03)
    by_time = [numbers["P100"] * seconds for seconds in numbers["seconds"]]
    assert by_time == pytest.approx([3.3e18, 2.3e19], rel=0.01)
    assert numbers["SEED"] == pytest.approx(8 * 18.7e12, rel=0.01)


@pytest.mark.parametrize("which", [0, 1])
def test_parameters_and_operations_are_those_of_the_model(numbers, which):
    rows, n = 2, numbers["n"]
    with torch.device("meta"):
        model = Transformer(numbers["V"], numbers["V"], tied=True, **SIZES[which])
        tokens, mask = torch.ones(rows, n, dtype=torch.long), torch.ones(rows, n, dtype=torch.bool)
        assert sum(parameter.numel() for parameter in model.parameters()) == numbers["N"][which]
        with FlopCounterMode(display=False) as counter:
            model(tokens, tokens, mask).sum().backward()
    assert counter.get_total_flops() / (rows * n) == pytest.approx(numbers["C"][which], rel=0.005)
    assert counter.get_flop_counts()["Global"][torch.ops.aten.bmm] / (rows * n) == numbers["attention"][which]


def test_both_terms_are_equal_where_the_page_says(numbers):
    assert numbers["N"][0] / (6 * 512 * 6) == pytest.approx(3400, rel=0.01)


@pytest.mark.parametrize(("dropout", "ratio"), [(0.0, 1), (0.1, 4 / 3)])
def test_what_the_forward_pass_keeps(numbers, dropout, ratio):
    """Bytes of all tensors saved for backward, each storage once, without the logits' own."""
    V, rows, n, L = 11, 2, numbers["n"], 3
    model = Transformer(V, V, layers=L, dropout=dropout, tied=True)
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept = {}  # the tensors too: a freed one's address could be used again

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    tokens = torch.randint(1, V, (rows, n))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = model(tokens, tokens, tokens != 0)  # lives on, and with it all that it needs
    size = sum(tensor.untyped_storage().nbytes() for address, tensor in kept.items() if address not in weights)
    formula = 4 * numbers["layers"][0] / numbers["BATCH"] / numbers["L"] * L * rows * n
    assert logits.requires_grad and size / formula == pytest.approx(ratio, rel=0.03)
