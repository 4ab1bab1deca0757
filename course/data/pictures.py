"""Small grey pictures with labels: what the sets of digits share."""

import gzip
import random
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from course.data.batches import Batches
from course.errors import CourseError

Images = Float[Tensor, "pictures 1 height width"]
Labels = Int[Tensor, " pictures"]


class Pictures(NamedTuple):
    """Pictures with numbers from 0 (paper) to 1 (ink), and the class of each."""

    images: Images
    labels: Labels

    def some(self, n: int, which: int = 0) -> "Pictures":
        """n of them; another `which` gives others, as long as there are. Classes are balanced as `split` leaves them.

        Raises:
            ValueError: there are fewer.
        """
        if n > len(self.labels):
            raise ValueError(f"{n} pictures of {len(self.labels)} were asked for")
        rows = (which * n + torch.arange(n)) % len(self.labels)  # (n,)
        return Pictures(self.images[rows], self.labels[rows])


class PictureSplit(NamedTuple):
    train: Pictures
    valid: Pictures
    test: Pictures


def read(package: str, path: str, side: int, ink: int, pip_name: str) -> Pictures:
    """The pictures in a compressed table within a package: a row has side · side numbers from 0 to `ink`, and a label.

    Only the file is read, and the package isn't imported: that would take seconds.

    Raises:
        CourseError: the package is not installed, or the table is damaged.
    """
    spec = find_spec(package)
    if spec is None:
        raise CourseError(f"{pip_name} is not installed: pip install {pip_name}")
    try:
        text = gzip.decompress((Path(spec.submodule_search_locations[0]) / path).read_bytes()).decode()
        table = np.fromstring(text.replace("\n", ","), sep=",", dtype=np.float32).reshape(-1, side**2 + 1)
    except (OSError, EOFError, ValueError) as problem:
        raise CourseError(f"{pip_name}/{path} is damaged: pip install --force-reinstall {pip_name}") from problem
    images = torch.from_numpy(table[:, :-1] / ink).reshape(-1, 1, side, side)  # (pictures, 1, side, side)
    return Pictures(images, torch.from_numpy(table[:, -1]).long())


def split(pictures: Pictures, valid: float, test: float, seed: int = 0) -> PictureSplit:
    """Cut each class in the same shares, in a random order that depends on `seed` alone; the rest is for training.

    In each part the classes take turns, so that any run of n pictures has about as many of each class.

    Raises:
        ValueError: shares that leave nothing to train on.
    """
    if min(valid, test) < 0 or valid + test >= 1:
        raise ValueError(f"shares of {valid} and {test} leave nothing to train on")
    generator = torch.Generator().manual_seed(seed)
    parts: list[list[tuple[int, int]]] = [[], [], []]  # (place within its class, row)
    for label in pictures.labels.unique().tolist():
        rows = (pictures.labels == label).nonzero().flatten()
        rows = rows[torch.randperm(len(rows), generator=generator)].tolist()
        cuts = [0, round(test * len(rows)), round((test + valid) * len(rows)), len(rows)]
        for part, start, end in zip(parts, cuts, cuts[1:], strict=False):
            part += enumerate(rows[start:end])
    for part in parts:
        part.sort(key=lambda place_and_row: place_and_row[0])  # stable: classes in turn
    test_part, valid_part, train_part = (
        Pictures(pictures.images[rows], pictures.labels[rows]) for rows in ([row for _, row in part] for part in parts)
    )
    return PictureSplit(train_part, valid_part, test_part)


def shifted(images: Images, pixels: int, generator: torch.Generator) -> Images:
    """Move each picture by up to so many pixels up or down and left or right; paper comes in from the border."""
    n, _, height, width = images.shape
    padded = torch.nn.functional.pad(images, [pixels] * 4)[:, 0]  # (n, H + 2p, W + 2p)
    corner = torch.randint(2 * pixels + 1, (2, n, 1), generator=generator).to(images.device)
    y = (corner[0] + torch.arange(height, device=images.device))[:, :, None]  # (n, H, 1)
    x = (corner[1] + torch.arange(width, device=images.device))[:, None, :]  # (n, 1, W)
    return padded[torch.arange(n, device=images.device)[:, None, None], y, x].unsqueeze(1)  # (n, 1, H, W)


class PictureBatches:
    """Batches as a function of the step: every picture once an epoch, moved by up to `shift` pixels.

    Args:
        pictures: what to draw from.
        batch_size: pictures in a batch, all of them where there are fewer.
        seed: of the order and of the shifts.
        shift: how far a picture may move, in pixels.
    """

    def __init__(self, pictures: Pictures, batch_size: int = 64, seed: int = 0, shift: int = 0):
        self.pictures, self.seed, self.shift = pictures, seed, shift
        self.order = Batches(range(len(pictures.labels)), torch.tensor, batch_size, seed)

    def __call__(self, step: int) -> tuple[Images, Labels]:
        rows = self.order(step)  # (B,)
        images = self.pictures.images[rows]  # (B, 1, H, W)
        if self.shift:
            mixed = random.Random(f"{self.seed} {step}").getrandbits(63)
            images = shifted(images, self.shift, torch.Generator().manual_seed(mixed))
        return images, self.pictures.labels[rows]
