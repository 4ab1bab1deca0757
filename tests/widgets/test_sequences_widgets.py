"""The explorers of lecture 01: each control changes what is seen, and what the sentence says is so."""

import re

import pytest

from course.plots.sequences import Fact, carried
from course.widgets.sequences import Passage, bottleneck_explorer, context_explorer, luggage_explorer, verdict

TEXT = "the methods are called\n" * 3


def passage(certainty: float = 0.9) -> Passage:
    """Sure of "x" with more than 3 visible characters."""
    n = len(TEXT)
    expected = [{"x": certainty if k > 3 else 0.125, "\n": 0.05, "e": 0.5 if k <= 3 else 0.01} for k in range(1, n + 1)]
    return Passage(TEXT, "x", expected)


def test_bits_are_those_of_the_true_character():
    assert passage(0.5).bits[:5] == [3, 3, 3, 1, 1]


def test_context_reacts_and_says_what_it_shows(hold_quick):
    widget = context_explorer({"early": passage(), "late": passage(0.25)})
    hold_quick(widget, "visible", [2, 3, 5, 40, 69])
    hold_quick(widget, "passage", ["late", "early"])
    widget.controls["visible"].value = 3
    assert "With 3 visible characters the model expects “e” most (0.50)" in widget.sentence
    assert "the true next one is “x” (0.12) and costs 3.0 bits" in widget.sentence
    widget.controls["visible"].value = 4
    assert "expects “x” most (0.90)" in widget.sentence
    assert "costs 0.2 bits" in widget.sentence
    widget.controls["visible"].value = 1
    assert "With 1 visible character the" in widget.sentence


def test_signs_that_cannot_be_seen_are_named():
    widget = context_explorer({"end": Passage("ab", "\n", [{"\n": 0.75, " ": 0.25}, {"\n": 0.25, " ": 0.75}])})
    assert "expects the end of a line most" in widget.sentence
    widget.controls["visible"].value = 2
    assert "expects a space most" in widget.sentence


def test_a_model_cannot_have_seen_more_than_there_is():
    with pytest.raises(ValueError, match="'short' has 1 characters and 2 expectations"):
        context_explorer({"short": Passage("a", "b", [{"b": 1.0}] * 2)})


def sentence(n: int, wrong: int) -> dict[str, list[str]]:
    words = [f"mot{i}" for i in range(n)]
    broken = [f"faux{i}" if i < wrong else word for i, word in enumerate(words)]
    return {"English": [f"word{i}" for i in range(n)], "reference": words, "vector": broken, "attention": words}


@pytest.fixture
def bottleneck():
    examples = {n: [sentence(n, n // 3), sentence(n, n // 2)] for n in (2, 6, 12, 25)}
    exact = {"vector": {n: 1 - n / 25 for n in examples}, "attention": dict.fromkeys(examples, 1.0)}
    return bottleneck_explorer(examples, exact)


def test_bottleneck_reacts_and_says_what_it_shows(bottleneck, hold_quick):
    hold_quick(bottleneck, "number", [2, 1])
    hold_quick(bottleneck, "length", [2, 6, 12, 25])
    assert bottleneck.sentence == (
        "25 tokens. vector: 8 wrong words, 8 of the reference missing; 0% exact at this length. "
        "attention: exact; 100% exact at this length."
    )
    curves, mark = bottleneck.figure.axes[1].lines[:2], bottleneck.figure.axes[1].lines[2]
    assert [list(curve.get_ydata())[-1] for curve in curves] == [0.0, 1.0]
    assert set(mark.get_xdata()) == {25}


def test_as_many_words_are_marked_as_the_sentence_says(bottleneck):
    bottleneck.controls["length"].value = 12
    bold = [text.get_text() for text in bottleneck.figure.axes[0].texts if text.get_weight() == "bold"]
    assert len(" ".join(bold).split()) == int(re.search(r"(\d+) wrong words", bottleneck.sentence)[1]) == 4


def test_a_length_needs_a_sentence():
    with pytest.raises(ValueError, match=r"no sentence of \[3\] tokens"):
        bottleneck_explorer({2: [sentence(2, 0)], 3: []}, {})


def test_missing_words_count_too():
    assert verdict(["a"], ["a", "b"]) == "0 wrong words, 1 of the reference missing"
    assert verdict(["a", "b"], ["a", "b"]) == "exact"


def test_luggage_reacts_and_its_count_is_that_of_the_bars(hold_quick):
    source, target = "the animal was tired".split(), "l' animal était fatigué".split()
    facts = [Fact("animal", 1, 3), Fact("was", 2, 2), Fact("tired", 3, 3)]
    widget = luggage_explorer(source, target, facts)
    count = carried(facts, 4, 4)
    hold_quick(widget, "step", range(2, 9))
    for step in range(1, 9):
        widget.controls["step"].value = step
        assert int(re.search(r"carry (\d+) facts", widget.sentence)[1]) == count[step - 1]
        all_steps, so_far = widget.figure.axes[1].patches
        assert list(all_steps.get_data().values) == count
        assert list(so_far.get_data().values) == count[:step]
    widget.controls["step"].value = 4
    assert widget.sentence == "Step 4: it reads “tired” and must still carry 3 facts: animal, was, tired."
    widget.controls["step"].value = 8
    assert widget.sentence == "Step 8: it writes “fatigué” and must still carry 0 facts: none."
