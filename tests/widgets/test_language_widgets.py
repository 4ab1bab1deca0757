"""The widgets on language: every control changes what is seen, at once, and what the sentence says is true."""

import re

import pytest
import torch

from course.widgets import language
from course.widgets.explorer import Explorer

TOKENS = list("abcdefgh")


def cut(z: torch.Tensor, temperature: float, k: int, p: float) -> torch.Tensor:
    z = z / temperature
    z = z.masked_fill(z < z.topk(k).values[-1], -torch.inf)
    q, order = z.softmax(-1).sort(descending=True)
    return z.index_fill(0, order[(q.cumsum(-1) - q >= p) & (p < 1)], -torch.inf)


@pytest.fixture
def sampling() -> Explorer:
    logits = {"flat": torch.zeros(8), "steep": torch.arange(8.0)}
    return language.sampling_explorer(TOKENS, logits, cut, lambda *values: f"written with {values}")


def test_sampling_reacts(sampling: Explorer, hold_quick):
    hold_quick(sampling, "passage", ["steep", "flat", "steep"])
    hold_quick(sampling, "temperature", [0.5, 2.0, 1.0])
    hold_quick(sampling, "k", [2, 5, 8])
    hold_quick(sampling, "p", [0.5, 0.9, 1.0])


def test_sampling_tells_entropy_and_what_is_kept(sampling: Explorer):
    assert "Drawn from 8 of 8 characters; entropy 3.00 bits, the model's own 3.00." in sampling.sentence
    sampling.controls["passage"].value = "steep"
    sampling.controls["k"].value = 1
    assert "Drawn from 1 of 8 characters; entropy 0.00 bits" in sampling.sentence
    assert "First comes “h” with 1.000, the model's own 0.632." in sampling.sentence
    assert "“written with ('steep', 1.0, 1, 1.0)”" in sampling.sentence


def test_sampling_needs_no_writer():
    widget = language.sampling_explorer(TOKENS, {"flat": torch.zeros(8)}, cut)
    assert "One text" not in widget.sentence


def gigabytes(layers, heads, d_k, tokens, batch, size):
    return 2 * layers * heads * d_k * tokens * batch * size / 1e9


def weights(layers, heads, d_k, shared, size):
    return layers * (10 + 2 / shared) * (heads * d_k) ** 2 * size / 1e9


@pytest.fixture
def cache() -> Explorer:
    return language.cache_explorer(gigabytes, weights)


def test_the_cache_reacts(cache: Explorer, hold_quick):
    hold_quick(cache, "layers", [1, 40, 81])
    hold_quick(cache, "heads", [8, 128, 64])
    hold_quick(cache, "d_k", [64, 256, 128])
    hold_quick(cache, "tokens", [256, 65_536, 4096])
    hold_quick(cache, "batch", [8, 128, 1])
    hold_quick(cache, "size", [1, 4, 2])
    hold_quick(cache, "shared", [2, 8, 1])


def test_the_cache_says_what_it_takes(cache: Explorer):
    assert "64 heads with keys in 80 layers: the cache of 1 × 4,096 tokens takes 10.737 GB" in cache.sentence
    (full,) = [line for line in cache.figure.axes[0].lines if line.get_label().startswith("a key")]
    cache.controls["shared"].value = 8
    assert "8 heads with keys in 80 layers: the cache of 1 × 4,096 tokens takes 1.342 GB" in cache.sentence
    ax = cache.figure.axes[0]
    (grouped,) = [line for line in ax.lines if line.get_label() == "shared by 8 heads"]
    assert (full.get_ydata() / grouped.get_ydata()).tolist() == pytest.approx([8] * len(full.get_ydata()))
    (mark,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert mark.get_xdata()[0] == 4096 and mark.get_ydata()[0] == pytest.approx(1.342, abs=1e-3)
    share = float(re.search(r"([\d.]+) times as much", cache.sentence)[1])
    assert share == pytest.approx(gigabytes(80, 8, 128, 4096, 1, 2) / weights(80, 64, 128, 8, 2), abs=1e-3)


WORDS = ["the", "soup", "was", "good", "bad"]


@pytest.fixture
def masked() -> Explorer:
    sentences = [["the", "soup", "was", "good"], ["soup", "was"]]
    p = torch.tensor([0.1, 0.05, 0.05, 0.6, 0.2])
    expected = [torch.stack([p.roll(i) for i in range(4)]), torch.stack([p.roll(4), p.roll(2)])]
    return language.masked_word_explorer(sentences, expected, WORDS, {"good": "positive", "bad": "negative"}, start=3)


def test_hidden_words_react(masked: Explorer, hold_quick):
    hold_quick(masked, "place", [0, 1, 2, 3])
    hold_quick(masked, "sentence", [1, 0])


def test_a_place_stays_in_its_sentence(masked: Explorer):
    assert masked.controls["place"].max == 3
    masked.controls["sentence"].value = 1
    assert (masked.controls["place"].max, masked.controls["place"].value) == (1, 1)
    assert "Hidden is word 1, “was”." in masked.sentence


def test_it_says_what_was_hidden_and_what_is_expected(masked: Explorer):
    masked.controls["place"].value = 0
    assert masked.sentence == (
        "Hidden is word 0, “the”. BERT gives it 0.100, rank 3 of 5; first comes “good” with 0.600. "
        "It puts 0.20 on negative words, 0.60 on positive words."
    )
    assert masked.figure.axes[0].get_title(loc="left") == "[MASK] soup was good"


@pytest.fixture
def assistants() -> Explorer:
    answers = {"who?": {"1": "me", "2": "i am sorry, i do not know."}, "what?": {"1": "", "2": "this, of course."}}
    return language.assistants_explorer(answers, lambda question, answer: {"polite": "sorry" in answer, "brief": True})


def test_assistants_react(assistants: Explorer, hold_quick):
    hold_quick(assistants, "question", ["what?", "who?", "what?"])


def test_assistants_are_shown_with_what_holds(assistants: Explorer):
    assert assistants.sentence == "“who?” 1: “me” (brief) · 2: “i am sorry, i do not know.” (polite, brief)"
    shown = [text.get_text() for text in assistants.figure.axes[0].texts]
    assert [shown.count(text) for text in ("polite: no", "polite: yes", "brief: yes")] == [1, 1, 2]
    assistants.controls["question"].value = "what?"
    assert "(nothing)" in [text.get_text() for text in assistants.figure.axes[0].texts]
