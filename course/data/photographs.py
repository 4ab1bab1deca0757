"""A few real photographs in colour, cut to a square.

Datasheet
    What: five photographs: a portrait, a cat, a cup of coffee, a rocket, the back of an eye.
    From: scikit-image (tested with 0.26.0), which has them in its wheel. Nothing is downloaded.
    Licence: scikit-image is BSD-3; each photograph's own terms stand beside it below, as scikit-image states them.
    Size: squares of 300 to 1,411 pixels, given in the size that is asked for.
    Made: a square is cut out, and pixels are averaged.
    Good for: showing what a model for pictures reads. Nothing is trained on them.
    Flaws: five.
    Splits: none.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Source(NamedTuple):
    """Where a photograph is in scikit-image, the square that is cut out (top, left, side), and whose it is."""

    loader: str
    square: tuple[int, int, int]
    credit: str


SOURCES = {
    "astronaut": Source("astronaut", (0, 32, 448), "Eileen Collins; NASA, public domain"),
    "cat": Source("chelsea", (0, 75, 300), "Chelsea; Stéfan van der Walt, CC0"),
    "coffee": Source("coffee", (0, 100, 400), "Rachel Michetti, courtesy of Pikolo Espresso Bar, CC0"),
    "rocket": Source("rocket", (0, 107, 427), "Falcon 9; SpaceX, public domain"),
    "eye": Source("retina", (0, 0, 1411), "Mikael Häggström, CC0"),
}


def photograph(name: str, side: int = 224) -> Float[Tensor, "3 height width"]:
    """A square of side · side pixels, with numbers from 0 to 1.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in SOURCES:
        raise ValueError(f"photographs are {', '.join(SOURCES)}, not {name!r}")
    from skimage import data  # here, since it takes a while

    top, left, size = SOURCES[name].square
    pixels = torch.from_numpy(getattr(data, SOURCES[name].loader)()).permute(2, 0, 1) / 255  # (3, H, W)
    return torch.nn.functional.adaptive_avg_pool2d(pixels[:, top : top + size, left : left + size], side)
