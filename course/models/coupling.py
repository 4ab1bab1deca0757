"""Factored attention: one layer of attention that reads which columns of an alignment depend on each other.

In a family of proteins, what stands in one column is told from what stands in the others. Where each column looks is
the same for all sequences, so queries and keys belong to columns and not to what stands there; values belong to amino
acids. That leaves a pairwise model of the whole family, a Potts model in the clothes of attention:

    A_h = softmax(Q_h K_hᵀ/√d_k), no column looking at itself            (H, L, L)
    W_ij(a, b) = ½ Σ_h [A_h(i, j) V_h(a, b) + A_h(j, i) V_h(b, a)]        couplings, W_ij(a, b) = W_ji(b, a)
    log p(x_i = a | all other x) = b_i(a) + Σ_{j≠i} W_ij(a, x_j) + const

Source: Bhattacharya et al. 2020, "Single layers of attention suffice to predict protein contacts"
(doi:10.1101/2020.12.21.423882); read it beside `mogwai/models/factored_attention.py` of songlab-cal/mogwai, which can
also factor V_h into two matrices. Scores of pairs: Ekeberg et al. 2013 (arXiv:1211.1281); Dunn et al. 2008
(doi:10.1093/bioinformatics/btm604).
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course.models.attention import attention_weights

Sequences = Int[Tensor, "batch columns"]
Couplings = Float[Tensor, "columns columns letters letters"]


class FactoredAttention(nn.Module):
    """From aligned sequences to the logits of every letter, each told from all the others in its sequence.

    Args:
        columns: of the alignment, L.
        letters: of the alphabet, A; the gap is one of them.
        heads, d_k: number of heads, and size of each head's queries and keys.
    """

    def __init__(self, columns: int, letters: int = 21, heads: int = 32, d_k: int = 16):
        super().__init__()
        self.Q = nn.Parameter(torch.empty(heads, columns, d_k))
        self.K = nn.Parameter(torch.empty(heads, columns, d_k))
        self.V = nn.Parameter(torch.empty(heads, letters, letters))  # V_h(a, b): what b, looked at, says for a
        self.bias = nn.Parameter(torch.zeros(columns, letters))  # b_i(a): what a column likes on its own
        for parameter in (self.Q, self.K, self.V):
            nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)

    def forward(self, x: Sequences) -> Float[Tensor, "batch columns letters"]:
        """log p(x_i = a | x without i), up to a constant for each i."""
        seen = F.one_hot(x, self.V.shape[-1]).to(self.V.dtype)  # (B, L, A)
        return self.bias + torch.einsum("ijab,sjb->sia", self.couplings(), seen)  # (B, L, A)

    def maps(self) -> Float[Tensor, "heads columns columns"]:
        """Where each column looks, in each head; the diagonal is zero."""
        others = ~torch.eye(self.Q.shape[1], dtype=torch.bool, device=self.Q.device)
        return attention_weights(self.Q, self.K, others)

    def couplings(self) -> Couplings:
        """W, how well a in column i goes with b in column j, in nats."""
        one_way = torch.einsum("hij,hab->ijab", self.maps(), self.V)
        return (one_way + one_way.permute(1, 0, 3, 2)) / 2

    def energy(self, x: Sequences) -> Float[Tensor, " batch"]:
        """-log p(x), up to a constant: every column and every pair of columns once."""
        seen = F.one_hot(x, self.V.shape[-1]).to(self.V.dtype)  # (B, L, A)
        pairs = torch.einsum("sia,ijab,sjb->s", seen, self.couplings(), seen) / 2
        return -torch.einsum("sia,ia->s", seen, self.bias) - pairs


def pseudo_likelihood_loss(
    model: FactoredAttention, x: Sequences, penalty: float = 0.0
) -> tuple[Float[Tensor, ""], int]:
    """-Σ_i log p(x_i | all others) over all sequences, and of how many letters that is a sum (Besag 1975).

    No letter is told from itself, so nothing need be masked: every column is learned from at once.

    Args:
        penalty: times |W|², added for each letter.
    """
    loss = F.cross_entropy(model(x).flatten(0, 1), x.flatten(), reduction="sum")
    if penalty:
        loss = loss + penalty * x.numel() * model.couplings().square().sum()
    return loss, x.numel()


def pair_scores(couplings: Couplings, *, leave_out: int | None = None) -> Float[Tensor, "columns columns"]:
    """How strongly two columns are coupled: the Frobenius norm of W_ij, without what b could say as well.

    Adding u(a) to W_ij(a, b), and taking it from b_i(a), changes no probability. So the norm is taken where rows and
    columns of W_ij sum to zero: there it is smallest.

    Args:
        leave_out: a letter that does not count, the gap.
    """
    W = couplings - couplings.mean(-1, keepdim=True) - couplings.mean(-2, keepdim=True) + couplings.mean((-2, -1), True)
    if leave_out is not None:
        keep = [letter for letter in range(W.shape[-1]) if letter != leave_out]
        W = W[..., keep, :][..., keep]
    return W.square().sum((-2, -1)).sqrt()


def product_corrected(scores: Float[Tensor, "columns columns"]) -> Float[Tensor, "columns columns"]:
    """The average product correction: S_ij - S_i S_j / S with means over the other columns (Dunn et al. 2008).

    A column that varies much is coupled a little with all; what is more than the product of both habits stays.
    """
    others = len(scores) - 1
    scores = scores - scores.diagonal().diag()
    mean = scores.sum(-1) / others  # (L)
    corrected = scores - torch.outer(mean, mean) / mean.mean()
    return corrected - corrected.diagonal().diag()
