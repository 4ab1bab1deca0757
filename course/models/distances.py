"""Completing a map of distances: the part of AlphaFold's idea that fits into a minute.

Some distances between the residues of a protein are known, the others are hidden. The pair representation z starts from
what is known of each pair alone, passes a few blocks of the Evoformer's pair track, and is read out as a distance for
every pair. Nothing but the triangle layers carries news from one pair to another; without them each hidden
distance must be guessed from its own place in the sequence.

The pair track: Jumper et al. 2021 (doi:10.1038/s41586-021-03819-2), Supplement, Algorithm 6, lines 6 to 10, see
`course.models.evoformer`. Task, input and output are the course's own: AlphaFold is given no distances.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course.models.evoformer import PairStack

KINDS = ("none", "multiplication", "attention", "both")
SCALE = 10.0  # Å: what the network counts distances in
Residues = Int[Tensor, "batch N"]
Distances = Float[Tensor, "batch N N"]
Hidden = Bool[Tensor, "batch N N"]


class DistanceNet(nn.Module):
    """From residues and a partly hidden map of distances to a whole one, in Å.

    Args:
        triangles: which layers the blocks have besides their transition: "none", "multiplication", "attention", "both".
        d_pair: size of z's vectors, and of the products in triangle multiplication.
        blocks: how many.
        factor: how many times as wide a transition is inside. Given to "none", a larger one makes up for parameters.
        heads: of triangle attention, d_pair / heads wide each.
        residues: how many kinds of residues there are.
        window: separations in the sequence that are told apart; all larger ones are one.

    Raises:
        ValueError: an unknown kind of triangles.
    """

    def __init__(
        self,
        triangles: str = "both",
        d_pair: int = 32,
        blocks: int = 2,
        factor: int = 2,
        heads: int = 4,
        residues: int = 20,
        window: int = 24,
    ):
        super().__init__()
        if triangles not in KINDS:
            raise ValueError(f"triangles is one of {', '.join(KINDS)}, not {triangles!r}")
        self.window = window
        self.separation = nn.Embedding(window + 1, d_pair)
        self.left, self.right = nn.Embedding(residues, d_pair), nn.Embedding(residues, d_pair)
        self.known = nn.Linear(2, d_pair)  # the distance, and whether it is known
        self.blocks = nn.ModuleList(
            PairStack(
                d_pair,
                d_triangle=d_pair,
                heads=heads,
                d_head=d_pair // heads,
                factor=factor,
                dropout=0.0,
                triangle_multiplication=triangles in ("multiplication", "both"),
                triangle_attention=triangles in ("attention", "both"),
            )
            for _ in range(blocks)
        )
        self.norm, self.output = nn.LayerNorm(d_pair), nn.Linear(d_pair, 1)

    def forward(self, residues: Residues, distances: Distances, hidden: Hidden) -> Distances:
        """All distances, hidden and known alike, symmetric, zero on the diagonal.

        Args:
            distances: in Å; those that are hidden are not looked at.
            hidden: True where a distance is hidden.
        """
        z = self.embed(residues, distances, hidden)  # (B, N, N, d_pair)
        for block in self.blocks:
            z = block(z)
        z = z + z.transpose(1, 2)  # the way there is as long as the way back
        found = SCALE * F.softplus(self.output(self.norm(z))).squeeze(-1)  # (B, N, N)
        return found * (1 - torch.eye(found.shape[-1], dtype=found.dtype, device=found.device))

    def embed(self, residues: Residues, distances: Distances, hidden: Hidden) -> Float[Tensor, "batch N N d_pair"]:
        """What is known of each pair alone: separation, both residues, and the distance where it is not hidden."""
        place = torch.arange(residues.shape[-1], device=residues.device)
        apart = (place[:, None] - place).abs().clamp(max=self.window)  # (N, N)
        seen = (~hidden).to(distances.dtype)  # (B, N, N)
        known = torch.stack([seen * distances.masked_fill(hidden, 0.0) / SCALE, seen], dim=-1)  # (B, N, N, 2)
        return (
            self.separation(apart)
            + self.left(residues).unsqueeze(2)
            + self.right(residues).unsqueeze(1)
            + self.known(known)
        )


def hidden_error(found: Distances, distances: Distances, hidden: Hidden) -> Float[Tensor, ""]:
    """The mean of |found - true| over what is hidden, in Å: the loss, and what is reported."""
    return (found - distances)[hidden].abs().mean()
