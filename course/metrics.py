"""How good a model is: translations, alignments, and bits per character."""

import math
from collections.abc import Sequence

from jaxtyping import Float, Int
from sacrebleu.metrics import BLEU
from torch import Tensor


def exact_match(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> float:
    """Share of the hypotheses that are their reference, token for token.

    Raises:
        ValueError: there is none, or not one hypothesis for each reference.
    """
    demand_pairs(hypotheses, references)
    return sum(list(h) == list(r) for h, r in zip(hypotheses, references, strict=True)) / len(references)


def bleu(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> float:
    """Corpus BLEU, from 0 to 100, of tokenised sentences (Papineni et al. 2002; computed by sacrebleu, Post 2018).

    Tokens are taken as they are. So numbers compare within this course; a published one needs sacrebleu's own
    tokeniser on raw text.

    Raises:
        ValueError: there is none, or not one hypothesis for each reference.
    """
    demand_pairs(hypotheses, references)
    scorer = BLEU(tokenize="none", force=True)  # force: don't warn that the text is tokenised
    return scorer.corpus_score([" ".join(h) for h in hypotheses], [[" ".join(r) for r in references]]).score


def demand_pairs(hypotheses: Sequence, references: Sequence) -> None:
    if not references or len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} hypotheses cannot be held against {len(references)} references")


def aligned(weights: Float[Tensor, "batch target source"], row: Int[Tensor, " batch"]) -> Int[Tensor, " batch"]:
    """The source position that gets the largest weight while target position `row` is written."""
    picked = weights[range(len(row)), row]  # (B, S)
    return picked.argmax(dim=-1)


def bits(nats: float) -> float:
    """Nats as bits: a cross-entropy per character becomes bits per character."""
    return nats / math.log(2)
