"""Two handwritten digits on a canvas, and a caption that says which is where: "seven above two", "three left of nine".

Datasheet
    What: grey pictures of 36 × 36 pixels with two digits of 8 × 8 on an empty ground, a caption of three or four words,
        and the box of each digit. The upper one is named first, or the one on the left.
    From: the digits of `course.data.digits` (scikit-learn); the canvases are the course's own.
    Licence: the digits' (scikit-learn BSD-3, UCI CC BY 4.0); captions and code MIT.
    Size: 200 captions of 13 words; canvases without limit, drawn from a seed.
    Made: two digits are drawn, then "above" or "left of", then places. In that direction they are at least 10 pixels
        apart, and at least twice as far as across it, so that nobody would call it otherwise.
    Good for: captioning, and whether a model looks at the digit that it names: the boxes are known.
    Flaws: as tidy as no photograph: two things, one relation, no background. Which digit is named first is a rule of
        ours. Digits are few (180 pictures for validation), and whoever wrote them is in all parts.
    Splits: by the picture of a digit: canvases for training, validation and test share none. Captions they do share.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from course.data.batches import Batches, pad
from course.data.digits import SIDE, split_digits
from course.data.vocabulary import BOS, EOS, Vocabulary

DIGITS = "zero one two three four five six seven eight nine".split()
ABOVE, LEFT = "above", "left of"
CANVAS, APART = 36, 10  # pixels
GRID = 6  # cells along a side: the places of the captioner's map
CELL = CANVAS // GRID

Images = Float[Tensor, "n 1 height width"]
Boxes = Int[Tensor, "n 2 4"]  # top, left, bottom, right in pixels; bottom and right are the first outside


class Canvases(NamedTuple):
    """Pictures, what is to be said of each, and where its digits are, in the order in which they are named."""

    images: Images
    captions: list[str]
    boxes: Boxes


def canvases(n: int, part: str = "train", seed: int = 0) -> Canvases:
    """Draw `n` canvases with the digits of one part: "train", "valid" or "test".

    Raises:
        ValueError: no such part.
        CourseError: scikit-learn is not installed, or damaged.
    """
    parts = split_digits()
    if part not in parts._fields:
        raise ValueError(f"a part is one of {', '.join(parts._fields)}, not {part!r}")
    pictures = getattr(parts, part)
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(pictures.labels), (n, 2), generator=generator)
    upright = torch.rand(n, generator=generator) < 0.5
    corners = _corners(upright, generator)  # (n, 2, 2)
    boxes = torch.cat([corners, corners + SIDE], dim=-1)  # (n, 2, 4)
    names = [[DIGITS[label] for label in labels] for labels in pictures.labels[chosen].tolist()]
    relations = [ABOVE if above else LEFT for above in upright.tolist()]
    captions = [f"{a} {relation} {b}" for (a, b), relation in zip(names, relations, strict=True)]
    return Canvases(paint(pictures.images[chosen].squeeze(2), boxes), captions, boxes)


def _corners(upright: Tensor, generator: torch.Generator) -> Tensor:
    """Top left corners (n, 2, 2) of both digits: drawn anywhere, and drawn anew until the relation is clear."""
    corners, open_ = torch.zeros(len(upright), 2, 2, dtype=torch.long), torch.arange(len(upright))
    while len(open_):
        drawn = torch.randint(CANVAS - SIDE + 1, (len(open_), 2, 2), generator=generator)
        down, right = (drawn[:, 1] - drawn[:, 0]).unbind(-1)
        along = torch.where(upright[open_], down, right)
        across = torch.where(upright[open_], right, down).abs()
        clear = (along >= APART) & (along >= 2 * across)
        corners[open_[clear]] = drawn[clear]
        open_ = open_[~clear]
    return corners


# --- from digits to pictures, and back


def paint(digits: Float[Tensor, "n 2 side side"], boxes: Boxes) -> Images:
    """Canvases with these digits in these boxes. Where two overlap, the ink of the darker one is seen.

    Raises:
        ValueError: a box reaches beyond the canvas.
    """
    if boxes.min() < 0 or boxes.max() > CANVAS:
        raise ValueError(f"boxes lie within 0 and {CANVAS} pixels, not {boxes.min()} and {boxes.max()}")
    layers = digits.new_zeros(*digits.shape[:2], CANVAS, CANVAS)  # (n, 2, 36, 36)
    layers[_pixels(boxes)] = digits
    return layers.amax(dim=1, keepdim=True)  # (n, 1, 36, 36)


def cut(images: Images, boxes: Boxes) -> Float[Tensor, "n 2 side side"]:
    """What is in the boxes: `paint` undone."""
    return images.expand(-1, 2, -1, -1)[_pixels(boxes)]


def _pixels(boxes: Boxes) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Indices of the boxes' pixels in (n, 2, height, width)."""
    inside = torch.arange(SIDE, device=boxes.device)
    rows, columns = (boxes[..., corner, None] + inside for corner in (0, 1))  # (n, 2, side) each
    canvas = torch.arange(len(boxes), device=boxes.device)[:, None, None, None]
    digit = torch.arange(2, device=boxes.device)[:, None, None]
    return canvas, digit, rows[..., :, None], columns[..., None, :]


# --- where attention falls


def inside(boxes: Boxes, margin: int = CELL) -> Bool[Tensor, "n 2 36 36"]:
    """The pixels of each box, widened by so many pixels (a cell, unless given) on every side, within the canvas."""
    pixel = torch.arange(CANVAS, device=boxes.device)
    low, high = boxes[..., :2, None] - margin, boxes[..., 2:, None] + margin  # (n, 2, 2, 1): down and right
    down, right = ((pixel >= low) & (pixel < high)).unbind(dim=2)  # (n, 2, 36) each
    return down[..., :, None] & right[..., None, :]  # (n, 2, 36, 36)


def by_cell(pixels: Bool[Tensor, "*batch 36 36"]) -> Float[Tensor, "*batch 36"]:
    """The share of each cell's pixels that are True, row by row.

    A weight of a cell counts as spread evenly over it. So the weights times these, summed, are the share of the
    attention that falls on those pixels; and the mean of these is their share of the canvas: what even weights give.
    """
    cells = pixels.unflatten(-1, (GRID, CELL)).unflatten(-3, (GRID, CELL))  # (…, 6, 6, 6, 6)
    return cells.double().mean(dim=(-3, -1)).float().flatten(-2)  # (…, 36)


# --- captions as integers


def vocabulary() -> Vocabulary:
    """The 13 words of the captions."""
    return Vocabulary([*DIGITS, *dict.fromkeys(f"{ABOVE} {LEFT}".split())])


class CaptionBatch(NamedTuple):
    """B pictures and their captions y_1 … y_m."""

    images: Images
    read: Int[Tensor, "n time"]  # BOS y_1 … y_m: what the decoder reads
    written: Int[Tensor, "n time"]  # y_1 … y_m EOS: what it has to say at each place

    def to(self, device: torch.device | str) -> "CaptionBatch":
        return CaptionBatch(*(part.to(device) for part in self))


def caption_batch(drawn: Canvases) -> CaptionBatch:
    """Pad the captions, and shift them by one for teacher forcing."""
    words = vocabulary()
    encoded = [words.encode(caption.split()) for caption in drawn.captions]
    return CaptionBatch(drawn.images, pad([[BOS, *y] for y in encoded]), pad([[*y, EOS] for y in encoded]))


class CaptionBatches:
    """Batches as a function of the step: every canvas once an epoch."""

    def __init__(self, drawn: Canvases, batch_size: int = 64, seed: int = 0):
        self.all = caption_batch(drawn)
        self.order = Batches(range(len(drawn.captions)), torch.tensor, batch_size, seed)

    def __call__(self, step: int) -> CaptionBatch:
        rows = self.order(step)  # (B)
        return CaptionBatch(*(part[rows] for part in self.all))
