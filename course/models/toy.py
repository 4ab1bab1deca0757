"""Small networks for the one-dimensional toy task: convolutions alone, or with one layer of self-attention among them.

The layout is Fleuret's (EE559 and 14x050 "Deep Learning", the lecture on attention): five convolutions, or two, a
self-attention layer and two more. His layer has no 1/√d, and his positions are the bits of the index.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course.models.attention import attention, attention_weights
from course.models.positions import sinusoidal

Signal = Float[Tensor, "n channels T"]
KINDS = ("convolution", "attention", "attention + positions")
BASE = 100.0  # of the positions: wavelengths from 6 to some hundred samples; of 10,000, half would hardly move in 64


class SelfAttention1d(nn.Module):
    """One head of self-attention in the place of a convolution: (n, C, T) -> (n, C, T)."""

    def __init__(self, channels: int):
        super().__init__()
        self.W_Q = nn.Linear(channels, channels, bias=False)
        self.W_K = nn.Linear(channels, channels, bias=False)
        self.W_V = nn.Linear(channels, channels, bias=False)

    def forward(self, x: Signal) -> Signal:
        x = x.mT  # (n, T, C)
        return attention(self.W_Q(x), self.W_K(x), self.W_V(x)).mT  # (n, C, T)

    def weights(self, x: Signal) -> Float[Tensor, "n T T"]:
        """Row t says where sample t looks."""
        x = x.mT  # (n, T, C)
        return attention_weights(self.W_Q(x), self.W_K(x))


class ToyNet(nn.Module):
    """From a signal of the toy task to the same signal with averaged heights: (n, 1, T) -> (n, 1, T).

    Args:
        kind: "convolution", "attention", or "attention + positions", which reads sinusoidal positions
            (Vaswani et al. 2017, §3.5) as further input channels.
        channels: of each layer between input and output.
        kernel: width of the convolutions, odd.
        positions: number of position channels, where there are some.

    Raises:
        ValueError: an unknown `kind`, or an even kernel, which would shorten the signal.
    """

    def __init__(self, kind: str = "attention", channels: int = 32, kernel: int = 5, positions: int = 8):
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, not {kind!r}")
        if kernel % 2 == 0:
            raise ValueError(f"the kernel's width is odd, not {kernel}")
        self.positions = positions if kind == "attention + positions" else 0

        def convolution(d_in: int, d_out: int) -> nn.Conv1d:
            return nn.Conv1d(d_in, d_out, kernel, padding=kernel // 2)

        self.before = nn.Sequential(
            convolution(1 + self.positions, channels), nn.ReLU(), convolution(channels, channels), nn.ReLU()
        )
        if kind == "convolution":
            self.middle = nn.Sequential(convolution(channels, channels), nn.ReLU())
        else:
            self.middle = SelfAttention1d(channels)
        self.after = nn.Sequential(convolution(channels, channels), nn.ReLU(), convolution(channels, 1))

    def forward(self, x: Float[Tensor, "n 1 T"]) -> Float[Tensor, "n 1 T"]:
        return self.after(self.middle(self.features(x)))

    def attention_map(self, x: Float[Tensor, "n 1 T"]) -> Float[Tensor, "n T T"]:
        """Where each sample looks: row t sums to one over the samples of the same signal.

        Raises:
            ValueError: this network has no attention.
        """
        if not isinstance(self.middle, SelfAttention1d):
            raise ValueError("a network of convolutions alone has no attention map")
        return self.middle.weights(self.features(x))

    def features(self, x: Float[Tensor, "n 1 T"]) -> Signal:
        """What the middle layer reads."""
        if self.positions:
            where = sinusoidal(x.shape[-1], self.positions, base=BASE, dtype=x.dtype, device=x.device)
            x = torch.cat([x, where.mT.expand(len(x), -1, -1)], dim=1)  # (n, 1 + positions, T)
        return self.before(x)
