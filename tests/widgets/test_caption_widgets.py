"""Which word looks where: controls act at once, the digit goes as far as the canvas, and words fit the caption."""

import pytest
import torch

from course.plots.captions import Captioned, Digits
from course.widgets.captions import where_it_looks

CAPTIONS = {"a": "seven above two", "b": "three left of nine", "c": "one left of four"}
LEFT = {"a": 2, "b": 5, "c": 0}  # the first digit's, 4 pixels wide on a canvas of 12


def caption(canvas: str, dx: int) -> tuple[Captioned, Digits]:
    words = [*(CAPTIONS[canvas] if dx < 3 else "two above seven").split(), "<eos>"]
    generator = torch.Generator().manual_seed(100 * ord(canvas) + dx + 50)
    weights = torch.rand(len(words), 9, generator=generator).softmax(-1)
    left = LEFT[canvas] + dx
    boxes = torch.tensor([[1, left, 5, left + 4], [7, 8, 11, 12]])
    image = torch.zeros(12, 12)
    image[1:5, left : left + 4] = 1
    names = [CAPTIONS[canvas].split()[0], CAPTIONS[canvas].split()[-1]]
    return Captioned(image, words, weights), Digits(names, boxes, weights[:, :2], torch.tensor([0.25, 0.5]))


@pytest.fixture
def widget():
    return where_it_looks(list(CAPTIONS), caption)


def test_each_control_acts_at_once(widget, hold_quick):
    hold_quick(widget, "word", [2, 3, 4])
    hold_quick(widget, "opacity", [0.0, 0.5, 1.0])
    hold_quick(widget, "dx", [1, -2, 4])
    hold_quick(widget, "canvas", ["b", "c", "a"])


def test_the_words_come_in_their_order(widget):
    for word, name in enumerate(["seven", "above", "two", "end"], start=1):
        widget.controls["word"].value = word
        assert f"While it writes word {word}, “{name}”" in widget.sentence


def test_the_digit_goes_as_far_as_the_canvas_does_and_comes_back_with_another_one(widget):
    move = widget.controls["dx"]
    for canvas, left in LEFT.items():
        widget.controls["canvas"].value = canvas
        assert (move.min, move.max, move.value) == (-left, 8 - left, 0)
        move.value = move.max
        assert "It writes “two above seven”" in widget.sentence
        move.value = move.min
        assert f"It writes “{CAPTIONS[canvas]}”" in widget.sentence


def test_there_are_as_many_words_as_the_caption_has(widget):
    word = widget.controls["word"]
    assert word.max == 4
    widget.controls["canvas"].value = "b"
    assert word.max == 5
    word.value = 5
    widget.controls["dx"].value = 3
    assert (word.max, word.value) == (4, 4) and "word 4, “end”" in widget.sentence
    widget.controls["dx"].value = 0
    assert word.max == 5


def test_the_model_is_asked_once_for_each_place():
    asked = []
    widget = where_it_looks(list(CAPTIONS), lambda canvas, dx: asked.append((canvas, dx)) or caption(canvas, dx))
    asked.clear()
    widget.controls["word"].value = 2
    widget.controls["opacity"].value = 0.3
    assert asked == []
    widget.controls["dx"].value = 2
    assert asked == [("a", 2)]
