"""Pictures of alignments show the weights, words and changes that they are given."""

import numpy as np
import pytest
import torch

from course.plots import alignment
from course.plots.alignment import Written
from tests.support.pictures import texts

SOURCE, TARGET = ["red", "car", "!"], ["voiture", "rouge", "<eos>"]
WEIGHTS = torch.tensor([[0.1, 0.85, 0.05], [0.75, 0.25, 0.0], [0.0, 0.25, 0.75]])
CANDIDATES = [[("voiture", 0.75), ("auto", 0.25)], [("rouge", 0.5), ("rousse", 0.25)], [("<eos>", 1.0), ("et", 0.0)]]
WRITTEN = Written(SOURCE, TARGET, WEIGHTS, CANDIDATES)


def test_a_map_has_a_row_for_each_word_that_is_written(ax):
    alignment.alignment_map(ax, SOURCE, TARGET, WEIGHTS)
    np.testing.assert_allclose(ax.images[0].get_array(), WEIGHTS)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["voiture", "rouge", "end"]
    assert [label.get_text() for label in ax.get_xticklabels()] == SOURCE
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("written", "read")


def test_links_join_the_words_that_have_weight_the_thicker_the_more(ax):
    alignment.links(ax, SOURCE, TARGET[:2], WEIGHTS[:2])
    shown = {text.get_text(): text.get_position()[0] for text in ax.texts}
    found = {(*line.get_xdata(), round(line.get_linewidth(), 4)) for line in ax.lines}
    expected = {
        (shown[read], shown[word], round(0.5 + 3 * weight, 4))
        for word, row in zip(TARGET[:2], WEIGHTS.tolist(), strict=False)
        for read, weight in zip(SOURCE, row, strict=True)
        if weight > 0.03
    }
    assert found == expected


def test_the_drawing_of_the_model_names_its_parts_and_has_a_weight_for_each_word(ax):
    alignment.bahdanau(ax, ["I", "am", "a", "student"], [0.1, 0.1, 0.1, 0.7])
    shown = texts(ax)
    assert {"I", "am", "a", "student", "$c_i$", "$s_{i-1}$", "$s_i$", "$y_{i-1}$", "$y_i$", "feedback"} <= set(shown)
    assert [text for text in shown if "alpha" in text] == [rf"$\alpha_{{i{j}}}$" for j in (1, 2, 3, 4)]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_step_shows_its_weights_its_candidates_and_what_stands_before(figure, step):
    sentence = alignment.written_step(figure, WRITTEN, step)
    left, right = figure.axes
    np.testing.assert_allclose([bar.get_height() for bar in left.containers[0]], WEIGHTS[step - 1])
    assert [bar.get_width() for bar in right.containers[0]] == [p for _, p in CANDIDATES[step - 1]]
    before = ["nothing", "voiture", "voiture rouge"][step - 1]
    assert sentence.endswith(f"Written before: {before}.")
    assert f"Step {step} of 3" in sentence
    most = SOURCE[int(WEIGHTS[step - 1].argmax())]
    assert f"looks mostly at “{most}” ({WEIGHTS[step - 1].max():.2f})" in sentence


def test_the_end_is_called_end_and_a_step_beyond_it_shows_it(figure):
    sentence = alignment.written_step(figure, WRITTEN, 9)
    assert "Step 3 of 3: it writes “end” with probability 1.00" in sentence
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["end", "et"]


def test_weights_and_effects_stand_side_by_side(ax):
    weights, effects = torch.tensor([0.125, 0.875]), torch.tensor([1.0, -0.25])
    alignment.weights_and_effects(ax, ["October", "1962"], weights, effects, "octobre")
    shown = [[bar.get_height() for bar in bars] for bars in ax.containers]
    assert shown == [weights.tolist(), effects.tolist()]
    assert ax.get_ylim()[0] <= -0.25
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["weight $\\alpha_{ij}$", "fall of p(octobre)"]


def test_hits_and_misses_are_counted_apart(ax):
    weights = torch.tensor([0.92, 0.93, 0.12, 0.55])
    alignment.month_weights(ax, weights, [True, True, False, True])
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["largest weight on the month: 3", "elsewhere: 1"]
    counts = [[bar.get_height() for bar in bars] for bars in ax.containers]
    assert [sum(part) for part in counts] == [3, 1]
    assert counts[0][18] == 2 and counts[0][11] == 1 and counts[1][2] == 1
