"""Metrics are their definitions, and BLEU is sacrebleu's."""

import math
import random
from collections import Counter

import pytest
import torch

from course import metrics

REFERENCES = [s.split() for s in ("le chat dort sur le tapis", "il fait beau", "une pomme rouge et une poire")]


def bleu_by_hand(hypotheses, references) -> float:
    """Papineni et al. 2002: geometric mean of clipped precisions of 1 to 4 tokens, times the brevity penalty."""
    logs = []
    for n in range(1, 5):
        hits = total = 0
        for h, r in zip(hypotheses, references, strict=True):
            found, wanted = (Counter(tuple(s[i : i + n]) for i in range(len(s) - n + 1)) for s in (h, r))
            hits += sum(min(count, wanted[gram]) for gram, count in found.items())
            total += sum(found.values())
        logs.append(math.log(hits / total))
    lengths = [sum(map(len, side)) for side in (hypotheses, references)]
    return 100 * math.exp(min(0, 1 - lengths[1] / lengths[0]) + sum(logs) / 4)


def test_exact_match_counts_whole_sentences():
    assert metrics.exact_match(REFERENCES, REFERENCES) == 1
    assert metrics.exact_match([*REFERENCES[:2], REFERENCES[2][:-1]], REFERENCES) == pytest.approx(2 / 3)


@pytest.mark.parametrize("seed", range(5))
def test_bleu_is_its_formula(seed):
    rng = random.Random(seed)
    references = [[rng.choice("abcdef") for _ in range(rng.randint(6, 15))] for _ in range(30)]
    hypotheses = [[w if rng.random() < 0.9 else "x" for w in r][: rng.randint(5, 15)] for r in references]
    assert metrics.bleu(hypotheses, references) == pytest.approx(bleu_by_hand(hypotheses, references))


def test_bleu_takes_tokens_as_they_are():
    assert metrics.bleu([["l'", "eau", "est", "là", "."]], [["l'", "eau", "est", "là", "."]]) == pytest.approx(100)
    assert metrics.bleu([["l'eau", "est", "là", "."]], [["l'", "eau", "est", "là", "."]]) < 60


@pytest.mark.parametrize("score", [metrics.exact_match, metrics.bleu])
@pytest.mark.parametrize(("hypotheses", "references"), [([], []), ([["a"]], [["a"], ["b"]])])
def test_nothing_to_score_is_an_error(score, hypotheses, references):
    with pytest.raises(ValueError, match="cannot be held against"):
        score(hypotheses, references)


def test_the_alignment_is_the_largest_weight_of_the_row():
    weights = torch.tensor([[[0.1, 0.9], [0.8, 0.2]], [[0.6, 0.4], [0.3, 0.7]]])
    assert metrics.aligned(weights, torch.tensor([0, 1])).tolist() == [1, 1]
    assert metrics.aligned(weights, torch.tensor([1, 0])).tolist() == [0, 0]


def test_bits_of_a_fair_coin():
    assert metrics.bits(math.log(2)) == pytest.approx(1)
