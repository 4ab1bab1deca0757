"""A mask is painted by pressing buttons; menu, buttons and value say the same, and so do picture and sentence."""

import pytest
import torch

from course.models.attention import attention_weights
from course.widgets.masks import BY_HAND, MaskGrid, mask_painter, presets

WORDS = "the cat was too tired .".split()


@pytest.fixture
def painter():
    generator = torch.Generator().manual_seed(0)
    Q, K = torch.randn(2, len(WORDS), 8, generator=generator)
    return mask_painter(WORDS, lambda mask: attention_weights(Q, K, mask))


def test_every_control_changes_picture_and_sentence_at_once(painter, hold_quick):
    named = presets(len(WORDS))
    one_leak = [list(row) for row in named["causal"]]
    one_leak[1][5] = True
    one_leak = tuple(map(tuple, one_leak))
    hold_quick(painter, "mask", [named["padding"], named["two blocks"], named["none: all may look at all"], one_leak])
    hold_quick(painter, "layers", [2, 1])


def test_a_button_paints_one_pair_and_is_reachable_by_keyboard_with_a_label(painter):
    grid = painter.controls["mask"]
    button = grid.buttons[1][5]
    assert button.tooltip == "cat may look at ." and not button.value
    button.value = True
    assert grid.value[1][5] and sum(map(sum, grid.value)) == 22
    assert grid.preset.value == BY_HAND and button.description == "✓"
    button.value = False
    assert grid.preset.value == "causal" and button.description == "·"


def test_the_menu_presses_the_buttons_and_draws_once(painter):
    grid, drawn = painter.controls["mask"], []
    inner = painter.draw
    painter.draw = lambda figure, **values: drawn.append(values) or inner(figure, **values)
    for name, rows in presets(len(WORDS)).items():
        grid.preset.value = name
        assert grid.value == rows
        assert tuple(tuple(b.value for b in line) for line in grid.buttons) == rows
    assert len(drawn) == len(presets(len(WORDS))) - 1  # it began with the first


def test_the_masks_of_the_menu_are_what_they_are_called():
    named = {name: torch.tensor(rows) for name, rows in presets(6).items()}
    assert named["causal"].equal(torch.ones(6, 6).tril().bool())
    assert named["padding"].all(0).tolist() == [True] * 4 + [False] * 2 and named["padding"].any(0).sum() == 4
    blocks = named["two blocks"]
    assert blocks.equal(torch.block_diag(torch.ones(3, 3), torch.ones(3, 3)).bool())


def test_the_sentence_counts_names_empty_rows_and_names_what_leaks(painter):
    grid = painter.controls["mask"]
    assert painter.sentence == (
        "21 of 36 pairs may look. No row is empty. After 1 layer nobody knows of the future."
    )  # fmt: skip
    grid.buttons[1][5].value = True
    assert painter.sentence.endswith("After 1 layer the future has leaked into: cat.")
    painter.controls["layers"].value = 2
    assert painter.sentence.endswith("After 2 layers the future has leaked into: cat, was, too, tired.")
    grid.buttons[0][0].value = False
    assert "Nothing to look at, so zeros: the. " in painter.sentence
    weights = painter.figure.axes[0].images[0].get_array()
    assert (weights[0] == 0).all() and weights.sum(1).tolist() == pytest.approx([0, 1, 1, 1, 1, 1])


def test_a_grid_is_a_control_with_a_value_of_rows():
    grid = MaskGrid(["a", "b"], {"all": ((True, True), (True, True))}, description="mask")
    seen = []
    grid.observe(lambda change: seen.append(change["new"]), names="value")
    grid.buttons[0][1].value = False
    assert seen == [((True, False), (True, True))]
    grid.value = ((True, True), (True, True))
    assert grid.buttons[0][1].value and grid.preset.value == "all"
