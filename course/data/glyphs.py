"""Letters of the DejaVu fonts as pictures, and their Unicode names as captions: what a small CLIP can learn from.

Datasheet
    What: 1,206 letters of the Latin, Greek and Cyrillic scripts in eight faces, 32 × 32 grey pixels each, and a caption
        for each letter: "latin small e with tilde below". Faces: sans and serif, each plain, bold, slanted, and both.
    From: the DejaVu fonts that matplotlib brings (`mpl-data/fonts/ttf`), and Python's own `unicodedata`. Nothing is
        downloaded.
    Licence: fonts: Bitstream Vera's, Arev's, and public domain (LICENSE_DEJAVU beside them: free to use and to pass
        on); names: the Unicode License.
    Size: 9,648 pictures, 1,206 captions of 2 to 9 words, 119 words.
    Made: matplotlib's FreeType draws at 20 pixels per em, unhinted; baselines lie on one line, letters in the middle.
        A caption is the name in lower case without the word "letter". Left out are letters that a face lacks or that
        are wider than the picture, and letters with a word that fewer than four letters share: nobody could learn it.
    Good for: image and text in one space; names for letters never seen, since their words are known from others.
    Flaws: a drawn world, where nothing is blurred, cut or turned, and captions never vary in wording. 101 letters have
        a twin, the same picture in all faces under another name: Latin A and Greek Alpha. Words are of very different
        frequency: three captions of four say "with", one of a hundred says "ogonek". Pixels may differ a little between
        versions of FreeType.
    Splits: by letter, all eight faces on one side: 100 letters for validation, 100 for test, 1,006 to train on. No
        held-out letter has a twin, so its picture is as new as its name; and each of its words stands in at least three
        captions of the training part.
"""

import random
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font, LoadFlags
from torch import Tensor

from course.data.splits import Split

FACES = tuple(
    f"{family}{style}"
    for family, styles in (
        ("Sans", ("", "-Bold", "-Oblique", "-BoldOblique")),
        ("Serif", ("", "-Bold", "-Italic", "-BoldItalic")),
    )
    for style in styles
)
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")
SIDE, PER_EM, BASELINE = 32, 20, 25  # pixels; the baseline is the lower edge of row 24
SHARED_BY = 4  # a word is kept if so many letters have it
HELD_OUT, KNOWN_FROM = 100, 3


class Letter(NamedTuple):
    character: str
    caption: str


@cache
def letters() -> tuple[Letter, ...]:
    """All letters of the corpus, in the order of Unicode."""
    everywhere = set.intersection(*(set(font.get_charmap()) for font in _fonts()))
    named = [(chr(code), unicodedata.name(chr(code), "")) for code in sorted(everywhere)]
    kept = [
        Letter(character, name.lower().replace(" letter ", " "))
        for character, name in named
        if name.startswith(SCRIPTS)
        and " LETTER " in name
        and all(_ink(f, character)[0].shape[1] <= SIDE for f in _fonts())
    ]
    while rare := {word for word, count in words_of(kept).items() if count < SHARED_BY}:
        kept = [letter for letter in kept if rare.isdisjoint(letter.caption.split())]  # others become rare by this
    return tuple(kept)


def words_of(some: Sequence[Letter]) -> Counter[str]:
    """In how many captions each word stands."""
    return Counter(word for letter in some for word in set(letter.caption.split()))


@cache
def split() -> Split:
    """Train, validation and test: lists of letters, the same at every call.

    Letters without a twin are taken out at random, as long as their words still stand in `KNOWN_FROM` captions each.
    """
    looks = Counter(_drawn(letter.character).tobytes() for letter in letters())
    left = words_of(letters())
    order = list(letters())
    random.Random(0).shuffle(order)
    held_out: list[Letter] = []
    for letter in order:
        own = set(letter.caption.split())
        unique = looks[_drawn(letter.character).tobytes()] == 1
        if len(held_out) < 2 * HELD_OUT and unique and all(left[word] > KNOWN_FROM for word in own):
            held_out.append(letter)
            left.subtract(own)
    train = [letter for letter in letters() if letter not in set(held_out)]
    return Split(train, held_out[:HELD_OUT], held_out[HELD_OUT:])


def pictures(some: Sequence[Letter]) -> Float[Tensor, "letters faces 1 side side"]:
    """Each letter in each face: 0 is paper, 1 is ink."""
    rows = torch.stack([torch.from_numpy(_drawn(letter.character)) for letter in some])  # (letters, faces, side, side)
    return rows.unsqueeze(2).float() / 255


@cache
def _fonts() -> tuple[FT2Font, ...]:
    fonts = tuple(FT2Font(Path(get_data_path(), "fonts", "ttf", f"DejaVu{face}.ttf")) for face in FACES)
    for font in fonts:
        font.set_size(PER_EM, 72)  # at 72 dots per inch a point is a pixel
    return fonts


@cache
def _ink(font: FT2Font, character: str) -> tuple[np.ndarray, int]:
    """What a character covers, (height, width), 0 to 255, and how many of these rows lie above the baseline."""
    font.set_text(character, flags=LoadFlags.NO_HINTING)
    font.draw_glyphs_to_bitmap(antialiased=True)
    bitmap = np.asarray(font.get_image())
    left, right = np.flatnonzero(bitmap.any(axis=0))[[0, -1]]  # FreeType may leave a margin
    top = font.get_width_height()[1] - font.get_descent()  # above the baseline, in 64ths of a pixel
    return bitmap[:, left : right + 1], top // 64 + 1


@cache
def _drawn(character: str) -> np.ndarray:
    """A character in all faces, (faces, side, side), 0 to 255."""
    canvas = np.zeros((len(FACES), SIDE, SIDE), np.uint8)
    for page, font in zip(canvas, _fonts(), strict=True):
        ink, above = _ink(font, character)
        top, left = BASELINE - above, (SIDE - ink.shape[1]) // 2
        page[top : top + len(ink), left : left + ink.shape[1]] = ink
    return canvas
