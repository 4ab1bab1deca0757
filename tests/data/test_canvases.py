"""A canvas shows the digits that its caption names, where its boxes are, and no digit on two sides of a split."""

import pytest
import torch

from course.data import canvases
from course.data.canvases import CANVAS, CELL, DIGITS, GRID, CaptionBatches, by_cell, caption_batch, cut, inside, paint
from course.data.digits import SIDE, split_digits
from course.data.vocabulary import BOS, EOS, PAD

PARTS = ("train", "valid", "test")


@pytest.fixture(scope="module")
def drawn():
    return {part: canvases.canvases(400, part, seed=1) for part in PARTS}


def labels_of(part: str) -> dict[bytes, set[int]]:
    """The labels of each picture of a digit, by its pixels."""
    found: dict[bytes, set[int]] = {}
    pictures = getattr(split_digits(), part)
    for image, label in zip(pictures.images, pictures.labels.tolist(), strict=True):
        found.setdefault(image.numpy().tobytes(), set()).add(label)
    return found


@pytest.mark.parametrize("part", PARTS)
def test_the_digits_of_the_caption_stand_in_the_boxes_and_nothing_else_is_there(drawn, part):
    images, captions, boxes = drawn[part]
    known = labels_of(part)
    for image, caption, pair in zip(images, captions, boxes.tolist(), strict=True):
        rest = image[0].clone()
        for name, (top, left, bottom, right) in zip((caption.split()[0], caption.split()[-1]), pair, strict=True):
            assert (bottom - top, right - left) == (SIDE, SIDE)
            digit = image[0, top:bottom, left:right].contiguous()
            assert DIGITS.index(name) in known[digit.numpy().tobytes()]
            rest[top:bottom, left:right] = 0
        assert not rest.any()


@pytest.mark.parametrize("part", PARTS)
def test_the_relation_is_plain_to_see(drawn, part):
    _, captions, boxes = drawn[part]
    for caption, (first, second) in zip(captions, boxes.tolist(), strict=True):
        down, right = second[0] - first[0], second[1] - first[1]
        along, across = (down, right) if " above " in caption else (right, down)
        assert along >= canvases.APART and along >= 2 * abs(across)
    assert {" ".join(caption.split()[1:-1]) for caption in captions} == {"above", "left of"}


def test_the_parts_share_no_picture_of_a_digit(drawn):
    seen = {}
    for part in PARTS:
        crops = cut(drawn[part].images, drawn[part].boxes).flatten(0, 1).contiguous()
        seen[part] = {crop.numpy().tobytes() for crop in crops}
    assert not (seen["train"] & seen["valid"] or seen["train"] & seen["test"] or seen["valid"] & seen["test"])


def test_digits_stand_anywhere_and_every_word_occurs(drawn):
    boxes = drawn["train"].boxes
    assert boxes[..., :2].min() == 0 and boxes[..., 2:].max() == CANVAS
    assert {word for caption in drawn["train"].captions for word in caption.split()} == {
        *DIGITS, "above", "left", "of",
    }  # fmt: skip


def test_a_seed_repeats_the_canvases_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first, again, other = (canvases.canvases(5, "valid", seed) for seed in (3, 3, 4))
    assert first.images.equal(again.images) and first.captions == again.captions and first.boxes.equal(again.boxes)
    assert not first.images.equal(other.images)
    assert torch.get_rng_state().equal(before)


def test_an_unknown_part_is_refused():
    with pytest.raises(ValueError, match="one of train, valid, test, not 'dev'"):
        canvases.canvases(1, "dev")


# --- digits to pictures, and back


def test_what_is_painted_can_be_cut_out_and_moved(drawn):
    images, _, boxes = drawn["test"]
    digits = cut(images, boxes)
    assert paint(digits, boxes).equal(images)
    moved = torch.full_like(boxes, 0) + torch.tensor([[2, 3, 10, 11], [20, 5, 28, 13]])
    assert cut(paint(digits, moved), moved).equal(digits)


def test_where_digits_overlap_the_darker_ink_is_seen():
    digits = torch.rand(1, 2, SIDE, SIDE)
    boxes = torch.tensor([[[4, 4, 12, 12], [4, 4, 12, 12]]])
    torch.testing.assert_close(paint(digits, boxes)[0, 0, 4:12, 4:12], digits[0].amax(0))


@pytest.mark.parametrize("shift", [-1, 1])
def test_no_digit_leaves_the_canvas(shift):
    corner = 0 if shift < 0 else CANVAS - SIDE
    boxes = torch.tensor([[[corner, 5, corner + SIDE, 13], [5, 5, 13, 13]]])
    paint(torch.ones(1, 2, SIDE, SIDE), boxes)
    boxes[0, 0, ::2] += shift
    with pytest.raises(ValueError, match="boxes lie within 0 and 36"):
        paint(torch.ones(1, 2, SIDE, SIDE), boxes)


@pytest.mark.parametrize("margin", [0, 1, CELL])
def test_a_widened_box_stays_on_the_canvas_and_its_cells_count_its_pixels(drawn, margin):
    boxes = drawn["valid"].boxes[:50]
    masks = inside(boxes, margin)
    shares = by_cell(masks)
    for pair, of_pair, cells in zip(boxes.tolist(), masks, shares, strict=True):
        for (top, left, bottom, right), mask, share in zip(pair, of_pair, cells, strict=True):
            expected = torch.zeros(CANVAS, CANVAS, dtype=torch.bool)
            expected[max(0, top - margin) : bottom + margin, max(0, left - margin) : right + margin] = True
            assert mask.equal(expected)
            for i in range(GRID):
                for j in range(GRID):
                    cell = mask[i * CELL : (i + 1) * CELL, j * CELL : (j + 1) * CELL]
                    assert share[i * GRID + j].item() == pytest.approx(cell.sum().item() / CELL**2)


# --- batches


def test_captions_are_shifted_by_one_and_padded(drawn):
    batch = caption_batch(drawn["train"])
    words = canvases.vocabulary()
    assert len(words) == 4 + 13
    for row, caption in enumerate(drawn["train"].captions):
        assert words.decode(batch.written[row].tolist()) == caption.split()
        m = len(caption.split())
        assert batch.read[row, 0] == BOS and batch.read[row, 1 : m + 1].equal(batch.written[row, :m])
        assert batch.written[row, m] == EOS and (batch.written[row, m + 1 :] == PAD).all()


def test_an_epoch_has_every_canvas_once(drawn):
    batches = CaptionBatches(drawn["train"], batch_size=64, seed=2)
    epoch = [batches(step) for step in range(7)]
    assert [len(batch.images) for batch in epoch].count(64) == 6
    written = torch.cat([batch.images for batch in epoch]).flatten(1)
    assert written.sum(1).sort().values.equal(drawn["train"].images.flatten(1).sum(1).sort().values)
    assert batches(3).read.equal(CaptionBatches(drawn["train"], 64, 2)(3).read)
    assert epoch[0].to("meta").images.device.type == "meta"
