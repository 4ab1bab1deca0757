"""Where a token stands: attention by itself doesn't know. Three ways to say it.

Sinusoidal and learned positions are added to the embeddings (Vaswani et al. 2017, arXiv:1706.03762, §3.5); rotary
ones turn queries and keys (Su et al. 2021, arXiv:2104.09864, §3.2). Each takes the `offset` of its first position,
so that a decoder with a cache, which sees one token at a time, encodes it where it stands.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def angles(
    T: int, d: int, offset: int = 0, *, base: float = 10_000.0, device: torch.device | str | None = None
) -> Float[Tensor, "positions pairs"]:
    """t / base^(2i/d) in radians, for positions t = offset … offset + T - 1 and pairs i = 0 … ⌈d/2⌉ - 1.

    In float64 where the device has it (Apple's has not): in float32 position 100,000 is off by thousandths.
    """
    precise = torch.float32 if torch.device(device or "cpu").type == "mps" else torch.float64
    t = torch.arange(offset, offset + T, device=device, dtype=precise)
    exponent = torch.arange(0, d, 2, device=device, dtype=precise) / d  # (pairs,)
    return torch.outer(t, base**-exponent)  # (T, pairs)


def sinusoidal(
    T: int,
    d_model: int,
    offset: int = 0,
    *,
    base: float = 10_000.0,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, "positions d_model"]:
    """PE[t, 2i] = sin(t / base^(2i/d_model)), PE[t, 2i+1] = cos of the same angle (Vaswani et al. §3.5).

    Wavelengths grow from 2π towards base · 2π. An odd d_model has a last sine without its cosine.
    """
    angle = angles(T, d_model, offset, base=base, device=device)  # (T, ⌈d_model / 2⌉)
    pairs = torch.stack([angle.sin(), angle.cos()], dim=-1)  # (T, ⌈d_model / 2⌉, 2)
    return pairs.flatten(-2)[:, :d_model].to(dtype or torch.get_default_dtype())  # (T, d_model)


class SinusoidalPositions(nn.Module):
    """Adds `sinusoidal` to embeddings. Nothing is learned, and no length is the longest."""

    def forward(self, x: Float[Tensor, "batch time d_model"], offset: int = 0) -> Float[Tensor, "batch time d_model"]:
        return x + sinusoidal(x.shape[-2], x.shape[-1], offset, dtype=x.dtype, device=x.device)


class LearnedPositions(nn.Module):
    """Adds a learned vector for each position up to `max_length`, as BERT and GPT do.

    Raises:
        ValueError: a sequence reaches beyond `max_length`.
    """

    def __init__(self, max_length: int, d_model: int):
        super().__init__()
        self.embedding = nn.Embedding(max_length, d_model)

    def forward(self, x: Float[Tensor, "batch time d_model"], offset: int = 0) -> Float[Tensor, "batch time d_model"]:
        end = offset + x.shape[-2]
        if end > self.embedding.num_embeddings:
            raise ValueError(f"{end} positions were asked for, and {self.embedding.num_embeddings} are learned")
        return x + self.embedding.weight[offset:end]


class RotaryPositions(nn.Module):
    """Turns each pair (x_{2i}, x_{2i+1}) of a query or key by the angle t / base^(2i/d_k).

    The product of a turned query at t and a turned key at s depends on s - t alone (Su et al. §3.2.2): relative
    positions, without a table. Norms stay.

    Raises:
        ValueError: d_k is odd, so that a coordinate has no partner to turn with.
    """

    def __init__(self, base: float = 10_000.0):
        super().__init__()
        self.base = base

    def forward(self, x: Float[Tensor, "*batch time d_k"], offset: int = 0) -> Float[Tensor, "*batch time d_k"]:
        if x.shape[-1] % 2:
            raise ValueError(f"rotary positions turn pairs of coordinates, so d_k is even, not {x.shape[-1]}")
        angle = angles(x.shape[-2], x.shape[-1], offset, base=self.base, device=x.device)  # (T, d_k / 2)
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        even, odd = x[..., 0::2], x[..., 1::2]  # (…, T, d_k / 2)
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)  # (…, T, d_k)
