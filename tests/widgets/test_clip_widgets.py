"""The temperature changes how sure a batch is and never who wins; a classifier is what one writes into it."""

import math

import numpy as np
import pytest
import torch

from course.widgets.clip import Matched, explorer, temperature

CAPTIONS = ["latin small e with tilde below", "greek capital alpha", "cyrillic small ha", "latin small o"]


def batch(seed: int, mistakes: bool = False) -> Matched:
    generator = torch.Generator().manual_seed(seed)
    cosines = 0.2 * torch.randn(4, 4, generator=generator).clamp(-2, 2) + 0.5 * torch.eye(4)
    if mistakes:
        cosines[0, 1], cosines[0, 0] = 0.9, 0.3
    return Matched(torch.rand(4, 1, 8, 8, generator=generator), CAPTIONS, cosines)


@pytest.fixture
def warm():
    return temperature({"seen": batch(0), "unseen": batch(1, mistakes=True)})


def test_every_control_of_the_temperature_changes_picture_and_sentence_at_once(warm, hold_quick):
    hold_quick(warm, "tau", [0.5, 0.07, 0.01])
    hold_quick(warm, "batch", ["unseen", "seen"])


def test_the_sentence_says_what_the_matrix_shows(warm):
    warm.controls["batch"].value = "unseen"
    warm.controls["tau"].value = tau = 0.1
    cosines = batch(1, mistakes=True).cosines
    shares = warm.figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(shares, (cosines / tau).softmax(dim=1), rtol=1e-5)
    both = [-(cosines / tau).log_softmax(dim=d).diagonal().mean().item() for d in (0, 1)]
    entropy = float(-(shares * np.log(shares)).sum(axis=1).mean())
    assert f"τ = 0.1, so cosines are multiplied by 10. Loss {sum(both) / 2:.2f} nats" in warm.sentence
    assert f"log 4 = {math.log(4):.2f}" in warm.sentence
    assert f"entropy is {entropy:.2f} nats, as if {math.exp(entropy):.1f} texts" in warm.sentence
    assert "3 of 4 pictures" in warm.sentence
    dot = warm.figure.axes[1].lines[-1]
    assert dot.get_ydata()[0] == pytest.approx(sum(both) / 2, abs=0.02)


def test_no_temperature_changes_the_ranking_but_both_ends_cost(warm):
    warm.controls["batch"].value = "unseen"
    found, losses = set(), []
    for tau in (5.0, 0.2, 0.01):
        warm.controls["tau"].value = tau
        found.add(warm.sentence.split(". ")[-1])
        losses.append(float(warm.sentence.split("Loss ")[1].split()[0]))
    assert found == {"3 of 4 pictures rank their own text first, at every τ."}
    assert losses[1] < losses[0] < math.log(4) < losses[2]


def test_a_batch_without_mistakes_is_best_when_cold():
    widget = temperature({"perfect": batch(0)._replace(cosines=torch.eye(4))})
    for tau, loss in ((1.0, math.log(1 + 3 / math.e)), (0.01, 0.0)):
        widget.controls["tau"].value = tau
        assert f"Loss {loss:.2f} nats" in widget.sentence and "4 of 4" in widget.sentence


@pytest.fixture
def asked():
    """A widget whose model likes long texts, and what it was asked."""
    calls = []

    def classify(picture, texts):
        calls.append(texts)
        return torch.tensor([len(text) / 10 for text in texts]).softmax(0)

    pictures = {"ḛ": torch.rand(1, 8, 8), "o": torch.rand(1, 8, 8)}
    known = set(" ".join(CAPTIONS).split())
    return explorer(pictures, classify, known, CAPTIONS, longest=6), calls


def test_every_control_of_the_explorer_changes_picture_and_sentence_at_once(asked, hold_quick):
    widget, _ = asked
    hold_quick(widget, "picture", ["o", "ḛ"])
    hold_quick(widget, "prompt", ["latin {}", "letter {}", "{}"])
    hold_quick(widget, "classes", ["small o\nsmall e", "alpha", "", "\n".join(CAPTIONS)])


def test_the_model_is_asked_for_the_prompt_with_each_class_in_it(asked):
    widget, calls = asked
    assert calls[-1] == CAPTIONS
    widget.controls["classes"].value = " small o \n\nsmall e\n"
    widget.controls["prompt"].value = "the letter {}"
    assert calls[-1] == ["the letter small o", "the letter small e"]
    assert "It knows" not in widget.sentence and "Words that it never read: letter, the." in widget.sentence
    bars = [bar.get_width() for bar in widget.figure.axes[1].patches]
    assert sum(bars) == pytest.approx(1) and bars == sorted(bars, reverse=True)


def test_the_sentence_names_the_likeliest_and_says_what_goes_wrong(asked):
    widget, calls = asked
    assert widget.sentence.startswith("ḛ: “latin small e with tilde below” with probability ")
    assert "It knows all these words." in widget.sentence
    widget.controls["prompt"].value = "latin"
    assert set(calls[-1]) == {"latin"} and "no {}" in widget.sentence
    widget.controls["prompt"].value = "{} with tilde"
    assert calls[-1][0] == CAPTIONS[0] and "cut behind 6 words" in widget.sentence
    widget.controls["classes"].value = "  \n"
    assert widget.sentence == "No class is written yet: write one text in each line."
    widget.controls["classes"].value = "small"
    assert "the only class" in widget.sentence
