"""The one-dimensional toy task of François Fleuret, on which attention beats convolution in seconds.

A sequence holds two triangles and two rectangles. The target is the same sequence in which both shapes of a
pair have the mean height of the pair. Its two partners may stand anywhere, so a network must carry a number
over a long distance, to a place that the content decides.

Datasheet
    What: signals of 64 samples with four shapes on them, and the same signals with averaged heights. Two tasks: pairs
        are the shapes of a kind ("by shape"), or the two on the left and the two on the right ("by side").
    From: François Fleuret's idea (EE559 and 14x050 "Deep Learning", the lecture on attention; his own script is
        `attentiontoy1d.py` on fleuret.org, CC0). The code is written anew; licence: the course's own, MIT.
    Size: without limit, drawn from a seed.
    Made: places, kinds, heights and noise are drawn uniformly. Heights, noise and length are such that a small network
        learns the task on a laptop in a minute. His script has 100 samples, and a test for room that looks at one
        neighbour twice; here shapes never touch.
    Good for: what attention does that convolution cannot (by shape), and what it cannot without positions (by side).
    Flaws: a toy. A solved map need not look at its own kind: heights of both kinds can travel in channels of their own.
    Splits: another seed is another set.
"""

import torch
from jaxtyping import Float
from torch import Tensor

SHAPES = 4
HEIGHTS = (0.2, 4.0)  # with T = 64 and widths of 8 the target's variance is then about 1
BY_SHAPE, BY_SIDE = "by shape", "by side"


def sequences(
    n: int,
    T: int = 64,
    *,
    pairs: str = BY_SHAPE,
    widths: tuple[int, int] = (8, 8),
    noise: float = 0.05,
    seed: int | None = None,
    device: torch.device | str = "cpu",
) -> tuple[Float[Tensor, "n 1 T"], Float[Tensor, "n 1 T"]]:
    """Draw `n` sequences of the toy task.

    Args:
        n: number of sequences.
        T: length of each, in samples.
        pairs: "by shape" averages the heights of the two triangles and of the two rectangles;
            "by side" those of the two leftmost and of the two rightmost shapes.
        widths: smallest and largest width of a shape, in samples, both included.
        noise: standard deviation of the Gaussian noise on the input; the target has none.
        seed: of a generator of its own; None draws from torch's global generator.
        device: where the result lives. The numbers do not depend on it: they are drawn on the CPU.

    Returns:
        input and target, each (n, 1, T), the layout of `nn.Conv1d`.

    Raises:
        ValueError: unknown `pairs`, widths that are not 1 <= smallest <= largest, or no room for four shapes.
    """
    _demand_room(T, pairs, widths)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    kinds = _random_kinds(n, generator)
    width = torch.randint(widths[0], widths[1] + 1, (n, SHAPES), generator=generator)
    start = _random_starts(T, width, generator)
    low, high = HEIGHTS
    height = low + (high - low) * torch.rand(n, SHAPES, generator=generator)
    clean = _draw(kinds, start, width, height, T)
    target = _draw(kinds, start, width, _pair_means(height, kinds, pairs), T)
    noisy = clean + noise * torch.randn(clean.shape, generator=generator)
    return noisy.to(device), target.to(device)


def _demand_room(T: int, pairs: str, widths: tuple[int, int]) -> None:
    if pairs not in (BY_SHAPE, BY_SIDE):
        raise ValueError(f'pairs is "{BY_SHAPE}" or "{BY_SIDE}", not {pairs!r}')
    if not 1 <= widths[0] <= widths[1]:
        raise ValueError(f"widths are 1 <= smallest <= largest, not {widths}")
    if SHAPES * widths[1] + SHAPES - 1 > T:
        raise ValueError(f"{SHAPES} shapes of width {widths[1]} do not fit into {T} samples")


def _random_kinds(n: int, generator: torch.Generator | None) -> Tensor:
    """(n, 4) booleans, from left to right: True is a triangle. Two of each in every row."""
    return torch.rand(n, SHAPES, generator=generator).argsort(dim=1) < SHAPES // 2


def _random_starts(T: int, width: Tensor, generator: torch.Generator | None) -> Tensor:
    """First samples (n, 4) of shapes that stand from left to right, at least one sample apart."""
    n = len(width)
    free = T - width.sum(dim=1, keepdim=True) - (SHAPES - 1)  # (n, 1) samples to share out as gaps
    gaps = (torch.rand(n, SHAPES, generator=generator) * (free + 1)).long().sort(dim=1).values
    before = width.cumsum(dim=1) - width + torch.arange(SHAPES)  # (n, 4) what the shapes on the left take
    return gaps + before


def _pair_means(height: Tensor, kinds: Tensor, pairs: str) -> Tensor:
    """(n, 4) for each shape the mean height of its pair."""
    right = torch.arange(SHAPES) >= SHAPES // 2
    label = kinds if pairs == BY_SHAPE else right.expand_as(kinds)
    partners = (label[:, :, None] == label[:, None, :]).to(height.dtype)  # (n, 4, 4), its own partner too
    return torch.einsum("nij,nj->ni", partners, height) / 2


def _draw(kinds: Tensor, start: Tensor, width: Tensor, height: Tensor, T: int) -> Tensor:
    """Signals (n, 1, T): a rectangle is flat, a triangle rises to `height` at its middle."""
    sample = torch.arange(T) - start[:, :, None]  # (n, 4, T) offset from each shape's first sample
    span = width[:, :, None]
    inside = (sample >= 0) & (sample < span)
    from_middle = (2 * sample + 1 - span).abs() - (span + 1) % 2  # 0 on one or two samples
    ramp = 1 - from_middle / span
    profile = torch.where(kinds[:, :, None], ramp, torch.ones_like(ramp))
    return (inside * profile * height[:, :, None]).sum(dim=1, keepdim=True)
