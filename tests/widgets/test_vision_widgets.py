"""Moving a patch size tells what it costs; choosing a layer or a head tells where the class token looks."""

import pytest
import torch

from course.widgets.vision import ROLLOUT, Looked, patch_size, where_it_looks


@pytest.fixture
def photos():
    return {name: torch.rand(3, 48, 48, generator=torch.Generator().manual_seed(i)) for i, name in enumerate("ab")}


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    made = {}
    for name in ("one", "two"):
        weights = torch.randn(2, 3, 7, 7, generator=generator).softmax(-1)
        rollout = torch.randn(7, 7, generator=generator).softmax(-1)
        made[name] = Looked(torch.rand(1, 4, 6, generator=generator), weights, rollout, f"It says {name}")
    return made


def test_every_control_of_the_patch_size_changes_what_is_seen_at_once(photos, hold_quick):
    widget = patch_size(photos)
    hold_quick(widget, "P", [4, 8, 24, 6])
    hold_quick(widget, "photo", ["b", "a", "b"])


def test_patch_sizes_tile_the_photograph_and_the_sentence_counts(photos):
    widget = patch_size(photos)
    assert [P for _, P in widget.controls["P"]._options_full] == [4, 6, 8, 12, 16, 24]
    widget.controls["P"].value = 8
    assert "6 · 6 = 36 tokens of 8 · 8 · 3 = 192 numbers" in widget.sentence
    assert "36² = 1,296 pairs" in widget.sentence
    assert len(widget.figure.axes[0].collections[0].get_segments()) == 5


def test_every_control_of_the_looks_changes_what_is_seen_at_once(pictures, hold_quick):
    widget = where_it_looks(pictures, columns=3)
    hold_quick(widget, "layer", ["layer 2", ROLLOUT, "layer 1"])
    hold_quick(widget, "head", ["head 1", "head 3", "head 2"])
    hold_quick(widget, "picture", ["two", "one"])


def test_the_map_is_the_class_tokens_row_and_the_sentence_reads_it(pictures):
    widget = where_it_looks(pictures, columns=3)
    widget.controls["layer"].value, widget.controls["head"].value = "layer 2", "head 3"
    row = pictures["one"].weights[1, 2, 0]
    shown = [text.get_text() for text in widget.figure.axes[1].texts]
    assert shown == [f"{100 * weight:.0f}" for weight in row[1:].tolist()]
    y, x = divmod(int(row[1:].argmax()), 3)
    assert widget.sentence == (
        f"Layer 2, head 3: the class token gives most, {row[1:].max():.2f}, to the patch in row {y + 1}, column "
        f"{x + 1}, and {row[0]:.2f} to itself; a share of 0.14 each would be even. It says one."
    )
    widget.controls["head"].value = "mean of heads"
    mean = pictures["one"].weights[1].mean(0)[0]
    assert f"most, {mean[1:].max():.2f}, to" in widget.sentence and f"{mean[0]:.2f} to itself" in widget.sentence


def test_a_roll_out_has_no_heads_to_choose(pictures):
    widget = where_it_looks(pictures, columns=3)
    widget.controls["layer"].value = ROLLOUT
    assert widget.controls["head"].disabled
    assert widget.sentence.startswith("Roll-out through all layers: ")
    assert f"{pictures['one'].rollout[0, 1:].max():.2f}" in widget.sentence
    widget.controls["layer"].value = "layer 1"
    assert not widget.controls["head"].disabled
