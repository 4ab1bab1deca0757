"""Choosing a box frames it and says its shapes and parameters."""

import pytest

from course.plots.transformer import PARTS, Sizes, facts
from course.widgets.transformer import diagram_explorer

VOCABULARY = 1000


@pytest.fixture(scope="module")
def explorer():
    return diagram_explorer(VOCABULARY)


def test_every_control_changes_picture_and_sentence_at_once(explorer, hold_quick):
    hold_quick(explorer, "part", ["softmax", "encoder add & norm", "cross-attention"])
    for name, values in {
        "B": [3, 4, 2],
        "S": [9, 8, 7],
        "T": [9, 8, 5],
        "d_model": [64, 128, 512],
        "H": [2, 4, 8],
    }.items():
        hold_quick(explorer, name, values)


@pytest.mark.parametrize("part", PARTS)
def test_the_sentence_says_what_is_true_of_the_box(explorer, part: str):
    explorer.controls["part"].value = part
    values = explorer.values
    said = facts(part, Sizes(values["B"], values["S"], values["T"], values["d_model"], values["H"], VOCABULARY))
    assert explorer.sentence.startswith(f"Box {PARTS[part].number}, {part}: from (2, ")
    assert f"{said.parameters:,} parameters" in explorer.sentence
    assert ("Inside it makes" in explorer.sentence) == (said.inside is not None)
    (ax,) = explorer.figure.axes
    assert len(ax.patches) == len(PARTS[part].places)
    assert ax.texts[-1].get_text().startswith(f"{PARTS[part].number}  {part}\n")


def test_the_shapes_follow_the_sliders(explorer):
    explorer.controls["part"].value = "cross-attention"
    explorer.controls["S"].value, explorer.controls["T"].value = 11, 13
    assert "Inside it makes weights (2, 8, 13, 11)." in explorer.sentence
