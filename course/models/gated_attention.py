"""What all sub-layers of the Evoformer are made of: gated attention, shared dropout, and how weights start.

Source: Supplement of Jumper et al. 2021 (doi:10.1038/s41586-021-03819-2): Algorithms 7, 8, 13 and 14, what they have in
common; §1.11.4 (initial weights), §1.11.6 (dropout).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from course.models.attention import attention, attention_weights, key_mask

Lines = Float[Tensor, "batch lines time d"]
LinesMask = Bool[Tensor, "batch lines time"]
Bias = Float[Tensor, "batch 1 heads time time"]


class GatedAttention(nn.Module):
    """Multi-head self-attention along the axis before the last, with a bias of the scores and a gate of the output.

    Rows, columns and triangles all use it; they differ in the axis that they put there, and in the bias:

        o_i = sigmoid(W_G x_i) ⊙ Σ_j softmax_j(q_i · k_j / √d_head + bias_ij) v_j

    for each head, then W_O of all heads side by side (Algorithm 7, lines 2 and 4 to 7). Queries, keys and values are
    made without a bias. A query without a real key gathers zeros; AlphaFold's code lets it look at all, and since it is
    padding itself, neither matters.

    Args:
        d: size of the vectors. The heads need not share it out: heads · d_head may be any number.
    """

    def __init__(self, d: int, heads: int, d_head: int):
        super().__init__()
        self.heads = heads
        self.W_Q, self.W_K, self.W_V = (nn.Linear(d, heads * d_head, bias=False) for _ in range(3))
        self.W_G = nn.Linear(d, heads * d_head)
        self.W_O = nn.Linear(heads * d_head, d)
        for projection in (self.W_Q, self.W_K, self.W_V):
            nn.init.xavier_uniform_(projection.weight)
        open_gate(self.W_G)
        silence(self.W_O)

    def forward(self, x: Lines, mask: LinesMask | None = None, bias: Bias | None = None) -> Lines:
        """Each line attends to itself; `mask` says which of its keys are real, `bias` is shared by all lines."""
        Q, K, V = self.project(x)
        heads = attention(Q, K, V, key_mask(mask), bias=bias).transpose(-3, -2).flatten(-2)  # (B, L, T, H · d_head)
        return self.W_O(torch.sigmoid(self.W_G(x)) * heads)

    def weights(
        self, x: Lines, mask: LinesMask | None = None, bias: Bias | None = None
    ) -> Float[Tensor, "batch lines heads time time"]:
        """What each head of each line looks at."""
        Q, K, _ = self.project(x)
        return attention_weights(Q, K, key_mask(mask), bias=bias)

    def project(self, x: Tensor) -> list[Float[Tensor, "batch lines heads time d_head"]]:
        """Queries, keys and values of all heads."""
        return [W(x).unflatten(-1, (self.heads, -1)).transpose(-3, -2) for W in (self.W_Q, self.W_K, self.W_V)]


class SharedDropout(nn.Module):
    """Dropout whose mask is shared along one axis: there a channel is dropped all along, or nowhere.

    The Supplement's DropoutRowwise has one mask for all rows (axis=1), DropoutColumnwise one for all columns (axis=2).
    """

    def __init__(self, probability: float, axis: int):
        super().__init__()
        self.probability, self.axis = probability, axis

    def forward(self, x: Float[Tensor, "batch rows columns d"]) -> Float[Tensor, "batch rows columns d"]:
        if not self.training or self.probability == 0:
            return x
        return x * F.dropout(torch.ones_like(x.narrow(self.axis, 0, 1)), self.probability)


# --- initial weights (§1.11.4)


def initialise(*layers: nn.Linear, gain: float = 1.0) -> None:
    """Truncated normal of variance gain / inputs: LeCun's with gain 1, He's, in front of a ReLU, with gain 2."""
    for layer in layers:
        std = (gain / layer.in_features) ** 0.5 / 0.87962566  # what is left of a normal's deviation, cut off at ±2
        nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def open_gate(*layers: nn.Linear) -> None:
    """A gate starts nearly open, sigmoid(1) = 0.73, whatever it sees."""
    for layer in layers:
        nn.init.zeros_(layer.weight)
        nn.init.ones_(layer.bias)


def silence(*layers: nn.Linear) -> None:
    """The last layer of an update starts at zero, so that a whole block starts as the identity."""
    for layer in layers:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
