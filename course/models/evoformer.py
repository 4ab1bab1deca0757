"""AlphaFold's Evoformer: an alignment and a map of pairs that teach each other.

Two tensors run through it side by side, with a row for each of S aligned sequences and a column for each of N residues:

    m (B, S, N, d_msa)   the MSA representation: sequence s at residue i,
    z (B, N, N, d_pair)  the pair representation: what is known of residues i and j, and of the way from i to j.

The alignment looks along its rows, told by z which residues belong together, and along its columns. What it says of two
residues goes to z, where every pair hears of the two other sides of its triangles. Every sub-layer here returns an
*update*, made of its normed input; `EvoformerBlock` adds it.

Read it beside the Supplement of Jumper et al. 2021, "Highly accurate protein structure prediction with AlphaFold"
(doi:10.1038/s41586-021-03819-2), Algorithms 6 to 15. Their letters: c_m = d_msa, c_z = d_pair, N_head = heads,
N_seq = S, N_res = N. Defaults are theirs. Not here: the embeddings of the input, templates, the stack for extra
sequences, recycling, the structure module.

Masks are boolean, True = real: (B, S, N) for m and (B, N, N) for z. What is not real is seen by nothing that is. What
stands at such a place itself is finite and means nothing; a mask of z is meant to be residues times residues, so that
the bias b_jk of a real pair (i, k) comes from real residues too.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from course.models.gated_attention import GatedAttention, SharedDropout, initialise, open_gate, silence

MSA = Float[Tensor, "batch sequences residues d_msa"]
Pair = Float[Tensor, "batch residues residues d_pair"]
MSAMask = Bool[Tensor, "batch sequences residues"]
PairMask = Bool[Tensor, "batch residues residues"]
PairBias = Float[Tensor, "batch 1 heads residues residues"]


# --- the MSA track


class MSARowAttention(nn.Module):
    """Algorithm 7, MSARowAttentionWithPairBias: residues of one sequence look at each other, and z says where.

    Lines 1 and 3 are here, the others in `GatedAttention`; each query is a residue, each line of it a sequence.
    """

    def __init__(self, d_msa: int = 256, d_pair: int = 128, heads: int = 8, d_head: int = 32):
        super().__init__()
        self.norm, self.pair_norm = nn.LayerNorm(d_msa), nn.LayerNorm(d_pair)
        self.pair_bias = nn.Linear(d_pair, heads, bias=False)
        self.attention = GatedAttention(d_msa, heads, d_head)
        initialise(self.pair_bias)

    def forward(self, m: MSA, z: Pair, mask: MSAMask | None = None) -> MSA:
        return self.attention(self.norm(m), mask, self.bias(z))  # line 1; 2, 4 to 7

    def bias(self, z: Pair) -> PairBias:
        """b_ij of line 3: one number for each head and pair, the same for all sequences."""
        return self.pair_bias(self.pair_norm(z)).permute(0, 3, 1, 2).unsqueeze(1)  # (B, 1, H, N, N)


class MSAColumnAttention(nn.Module):
    """Algorithm 8, MSAColumnAttention: at each residue, sequences look at each other. There is no bias."""

    def __init__(self, d_msa: int = 256, heads: int = 8, d_head: int = 32):
        super().__init__()
        self.norm = nn.LayerNorm(d_msa)
        self.attention = GatedAttention(d_msa, heads, d_head)

    def forward(self, m: MSA, mask: MSAMask | None = None) -> MSA:
        columns = None if mask is None else mask.transpose(1, 2)  # (B, N, S)
        return self.attention(self.norm(m).transpose(1, 2), columns).transpose(1, 2)  # (B, S, N, d_msa)


class Transition(nn.Module):
    """Algorithms 9, MSATransition, and 15, PairTransition: a feed-forward network at each place alike.

    Args:
        factor: how many times as wide it is inside; n in the Supplement.
    """

    def __init__(self, d: int, factor: int = 4):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.expand, self.contract = nn.Linear(d, factor * d), nn.Linear(factor * d, d)
        initialise(self.expand, gain=2.0)
        silence(self.contract)

    def forward(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch d"]:
        return self.contract(F.relu(self.expand(self.norm(x))))  # lines 1 to 3


# --- from the MSA track to the pair track


class OuterProductMean(nn.Module):
    """Algorithm 10: what columns i and j say together, as the mean over sequences of the products of all channels.

    With one-hot vectors for a and b these means would be how often each two amino acids stand at i and j in one
    sequence: what coevolution is read from. The mean is over the sequences that are real at both residues. (AlphaFold's
    code divides by their number + 0.001, and only after the last layer, so its bias too; the Supplement does not.)
    """

    def __init__(self, d_msa: int = 256, d_hidden: int = 32, d_pair: int = 128):
        super().__init__()
        self.norm = nn.LayerNorm(d_msa)
        self.left, self.right = nn.Linear(d_msa, d_hidden), nn.Linear(d_msa, d_hidden)
        self.output = nn.Linear(d_hidden**2, d_pair)
        initialise(self.left, self.right)
        silence(self.output)

    def forward(self, m: MSA, mask: MSAMask | None = None) -> Pair:
        m = self.norm(m)  # line 1
        real = m.new_ones(m.shape[:-1]) if mask is None else mask.to(m.dtype)  # (B, S, N)
        a, b = (W(m) * real.unsqueeze(-1) for W in (self.left, self.right))  # line 2: (B, S, N, c)
        total = torch.einsum("bsic,bsjd->bijcd", a, b)  # line 3: (B, N, N, c, c)
        count = torch.einsum("bsi,bsj->bij", real, real).clamp(min=1)  # (B, N, N)
        return self.output(total.flatten(-2) / count.unsqueeze(-1))  # line 4: (B, N, N, d_pair)


# --- the pair track


class TriangleMultiplication(nn.Module):
    """Algorithms 11 (outgoing) and 12 (incoming): (i, j) adds up, over all k, products of the triangle's other sides.

    Outgoing: the edges that leave i and j for k, Σ_k a_ik ⊙ b_jk. Incoming: those that come from k, Σ_k a_ki ⊙ b_kj.
    For each channel that is a product of two N × N matrices, A Bᵀ or Aᵀ B.
    """

    def __init__(self, d_pair: int = 128, d_hidden: int = 128, *, outgoing: bool):
        super().__init__()
        self.sides = "bikc,bjkc->bijc" if outgoing else "bkic,bkjc->bijc"
        self.norm, self.hidden_norm = nn.LayerNorm(d_pair), nn.LayerNorm(d_hidden)
        self.left, self.right = nn.Linear(d_pair, d_hidden), nn.Linear(d_pair, d_hidden)
        self.left_gate, self.right_gate = nn.Linear(d_pair, d_hidden), nn.Linear(d_pair, d_hidden)
        self.gate, self.output = nn.Linear(d_pair, d_pair), nn.Linear(d_hidden, d_pair)
        initialise(self.left, self.right)
        open_gate(self.left_gate, self.right_gate, self.gate)
        silence(self.output)

    def forward(self, z: Pair, mask: PairMask | None = None) -> Pair:
        z = self.norm(z)  # line 1
        a = torch.sigmoid(self.left_gate(z)) * self.left(z)  # line 2: (B, N, N, c)
        b = torch.sigmoid(self.right_gate(z)) * self.right(z)
        if mask is not None:
            a, b = a * mask.unsqueeze(-1), b * mask.unsqueeze(-1)
        both = torch.einsum(self.sides, a, b)  # (B, N, N, c)
        return torch.sigmoid(self.gate(z)) * self.output(self.hidden_norm(both))  # lines 3, 4


class TriangleAttention(nn.Module):
    """Algorithms 13 (around the starting node) and 14 (around the ending node).

    Starting: the edge (i, j) looks at the edges (i, k) that start where it starts, and the third side (j, k) is the
    bias of that score. Ending: at the edges (k, j), with the bias of (k, i); that is the same on the transposed z.
    """

    def __init__(self, d_pair: int = 128, heads: int = 4, d_head: int = 32, *, starting: bool):
        super().__init__()
        self.starting = starting
        self.norm = nn.LayerNorm(d_pair)
        self.third_side = nn.Linear(d_pair, heads, bias=False)
        self.attention = GatedAttention(d_pair, heads, d_head)
        initialise(self.third_side)

    def forward(self, z: Pair, mask: PairMask | None = None) -> Pair:
        z = self.norm(z)  # line 1
        if self.starting:
            return self.around_start(z, mask)
        return self.around_start(z.transpose(1, 2), None if mask is None else mask.transpose(1, 2)).transpose(1, 2)

    def around_start(self, z: Pair, mask: PairMask | None) -> Pair:
        bias = self.third_side(z).permute(0, 3, 1, 2).unsqueeze(1)  # line 3: b_jk for query j, key k; (B, 1, H, N, N)
        return self.attention(z, mask, bias)  # lines 2, 4 to 7


class PairStack(nn.Module):
    """Algorithm 6, lines 6 to 10: what happens in the pair track of one block.

    Args:
        d_triangle: size of the products in triangle multiplication.
        heads, d_head: of triangle attention.
        factor: how many times as wide the transition is inside.
        dropout: of the triangles' updates.
        triangle_multiplication, triangle_attention: False leaves both layers of that kind out, parameters and all.
    """

    def __init__(
        self,
        d_pair: int = 128,
        *,
        d_triangle: int = 128,
        heads: int = 4,
        d_head: int = 32,
        factor: int = 4,
        dropout: float = 0.25,
        triangle_multiplication: bool = True,
        triangle_attention: bool = True,
    ):
        super().__init__()
        updates: list[tuple[nn.Module, nn.Module]] = []
        if triangle_multiplication:
            for outgoing in (True, False):
                layer = TriangleMultiplication(d_pair, d_triangle, outgoing=outgoing)
                updates.append((layer, SharedDropout(dropout, axis=1)))
        if triangle_attention:
            for starting in (True, False):
                layer = TriangleAttention(d_pair, heads, d_head, starting=starting)
                updates.append((layer, SharedDropout(dropout, axis=1 if starting else 2)))
        self.triangles = nn.ModuleList(layer for layer, _ in updates)
        self.dropouts = nn.ModuleList(dropped for _, dropped in updates)
        self.transition = Transition(d_pair, factor)

    def forward(self, z: Pair, mask: PairMask | None = None) -> Pair:
        for triangle, dropout in zip(self.triangles, self.dropouts, strict=True):
            z = z + dropout(triangle(z, mask))  # lines 6 to 9
        return z + self.transition(z)  # line 10


# --- both tracks


class EvoformerBlock(nn.Module):
    """Algorithm 6, lines 2 to 10: one of the stack's blocks.

    Args:
        d_msa, d_pair: sizes of the vectors in m and z.
        heads, d_head: of the attention in the MSA track; pair_heads, pair_d_head: of triangle attention.
        d_outer: size of both factors of the outer product.
        d_triangle: size of the products in triangle multiplication.
        factor: how many times as wide transitions are inside.
        dropout: of the MSA track and of the pair track, or one number for both.
        triangle_multiplication, triangle_attention: False leaves both layers of that kind out, parameters and all.
    """

    def __init__(
        self,
        d_msa: int = 256,
        d_pair: int = 128,
        *,
        heads: int = 8,
        d_head: int = 32,
        d_outer: int = 32,
        d_triangle: int = 128,
        pair_heads: int = 4,
        pair_d_head: int = 32,
        factor: int = 4,
        dropout: float | tuple[float, float] = (0.15, 0.25),
        triangle_multiplication: bool = True,
        triangle_attention: bool = True,
    ):
        super().__init__()
        in_msa, in_pair = dropout if isinstance(dropout, tuple) else (dropout, dropout)
        self.row_attention = MSARowAttention(d_msa, d_pair, heads, d_head)
        self.row_dropout = SharedDropout(in_msa, axis=1)
        self.column_attention = MSAColumnAttention(d_msa, heads, d_head)
        self.transition = Transition(d_msa, factor)
        self.outer_product_mean = OuterProductMean(d_msa, d_outer, d_pair)
        self.pair_stack = PairStack(
            d_pair,
            d_triangle=d_triangle,
            heads=pair_heads,
            d_head=pair_d_head,
            factor=factor,
            dropout=in_pair,
            triangle_multiplication=triangle_multiplication,
            triangle_attention=triangle_attention,
        )

    def forward(
        self, m: MSA, z: Pair, msa_mask: MSAMask | None = None, pair_mask: PairMask | None = None
    ) -> tuple[MSA, Pair]:
        m = m + self.row_dropout(self.row_attention(m, z, msa_mask))  # line 2
        m = m + self.column_attention(m, msa_mask)  # line 3
        m = m + self.transition(m)  # line 4
        z = z + self.outer_product_mean(m, msa_mask)  # line 5
        return m, self.pair_stack(z, pair_mask)  # lines 6 to 10


class Evoformer(nn.Module):
    """Algorithm 6: the stack, and the single representation that the structure module starts from.

    Args:
        blocks: how many; AlphaFold has 48, each with weights of its own.
        d_single: size c_s of the vector for each residue.
        options: of `EvoformerBlock`.
    """

    def __init__(self, blocks: int = 48, d_msa: int = 256, d_pair: int = 128, d_single: int = 384, **options):
        super().__init__()
        self.blocks = nn.ModuleList(EvoformerBlock(d_msa, d_pair, **options) for _ in range(blocks))
        self.single = nn.Linear(d_msa, d_single)
        initialise(self.single)

    def forward(
        self, m: MSA, z: Pair, msa_mask: MSAMask | None = None, pair_mask: PairMask | None = None
    ) -> tuple[MSA, Pair, Float[Tensor, "batch residues d_single"]]:
        """m, z, and the single representation, read from the first sequence: the one that is to be folded."""
        for block in self.blocks:
            m, z = block(m, z, msa_mask, pair_mask)
        return m, z, self.single(m[:, 0])  # line 12
