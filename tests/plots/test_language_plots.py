"""The pictures of language models show what they are given: masks, texts, probabilities, costs, and laws."""

import math

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from course.plots import language
from course.plots.palette import BLUE, GREY, VERMILION


def said(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_the_zoo_shows_the_masks_that_it_is_given(ax):
    full, past, cross = torch.ones(4, 4).bool(), torch.ones(4, 4).bool().tril(), torch.rand(4, 3) < 0.5
    assert language.zoo(ax, full, past, cross) is ax
    shown = [np.asarray(image.get_array()) for image in ax.images]
    for picture, mask in zip(shown, (full, past, full[:3, :3], cross, past), strict=True):
        np.testing.assert_array_equal(picture, mask.numpy())
    assert {"encoder only", "decoder only", "encoder and decoder"} <= set(said(ax))
    assert all(image.origin == "upper" for image in ax.images)  # the first query on top


def test_every_task_gets_a_copy_of_the_body_and_its_own_head(ax):
    language.two_phases(ax, {"sentiment": "reviews", "names": "words"})
    assert said(ax).count("body, copied") == 2
    assert {"new head:\nsentiment", "new head:\nnames", "reviews", "words", "which word?"} <= set(said(ax))


def test_heads_stand_above_their_tokens(ax):
    tokens = "[CLS] a [MASK] [SEP]".split()
    language.encoder_with_heads(ax, tokens, {2: "which word?"})
    place = {text.get_text(): text.get_position() for text in ax.texts}
    assert place["which word?"][0] == place["[MASK]"][0] and place["which word?"][1] > place["[MASK]"][1]
    assert set(tokens) <= set(said(ax))
    with pytest.raises(ValueError, match="tokens 0 to 3, not on \\[4\\]"):
        language.encoder_with_heads(ax, tokens, {4: "where?"})


def test_each_task_is_a_sequence_that_starts_and_is_read_at_its_end(ax):
    language.task_inputs(ax)
    words = said(ax)
    sequences = 1 + 1 + 2 + 3
    assert [words.count(word) for word in ("start", "extract", "GPT", "delim")] == [sequences] * 3 + [sequences - 1]
    begin, end = ([t.get_position()[0] for t in ax.texts if t.get_text() == word] for word in ("start", "extract"))
    assert max(begin) < min(end)
    assert [to_hex(box.get_edgecolor()).upper() for box in ax.patches].count(VERMILION) == 3 * sequences - 1


def test_the_target_is_the_input_moved_by_one_and_sees_no_future(ax):
    language.shifted(ax, ["a", "b", "c", "d"])
    below, above = (
        {t.get_text(): t.get_position()[0] for t in ax.texts if t.get_position()[1] == y} for y in (0.7, 3.0)
    )
    assert [below[word] for word in "abc"] == [above[word] for word in "bcd"]
    assert len(ax.lines) == 1 + 2 + 3
    assert all(start <= end for start, end in (line.get_xdata() for line in ax.lines))


def test_a_text_grows_by_what_was_written(ax):
    language.writing(ax, [("a\n", "b", 0.25), ("a\nb", " ", 1.0)])
    assert {"a¶", "b", "0.25", "a¶b", "space", "1.00"} <= set(said(ax))


def test_expectations_are_sorted_and_coloured_by_group(ax):
    p = torch.tensor([0.1, 0.6, 0.05, 0.25])
    language.expectations(ax, ["the", "good", "was", "bad"], p, {"good": "positive", "bad": "negative"}, top=3)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["good", "bad", "the"]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.6, 0.25, 0.1])
    assert [to_hex(bar.get_facecolor()).upper() for bar in ax.patches] == [BLUE, VERMILION, GREY]
    assert {text.get_text(): text.get_color() for text in ax.texts} == {"negative": VERMILION, "positive": BLUE}


def test_a_classifier_is_shown_by_the_true_labels(ax):
    language.separation(ax, torch.tensor([0.01, 0.02, 0.99, 0.97, 0.03]), torch.tensor([0, 0, 1, 1, 1]), "t")
    heights = [bar.get_height() for bar in ax.patches]
    assert (heights[0], heights[19]) == (2, 0)  # negative ones: twenty bars
    assert (heights[20], heights[39]) == (1, 2)  # positive ones
    assert ax.get_title() == "t"


def test_next_tokens_are_ranked_by_the_model_and_cut_ones_are_grey(ax):
    before, after = torch.tensor([0.2, 0.5, 0.3]), torch.tensor([0.0, 0.625, 0.375])
    language.next_token(ax, ["a", " ", "c"], before, after)
    labels = ax.get_xticklabels()
    assert [label.get_text() for label in labels] == ["space", "c", "a"]
    assert [label.get_color() == language.CUT for label in labels] == [False, False, True]
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx([0.625, 0.375, 0.0, 0.5, 0.3, 0.2])


def test_times_are_drawn_over_lengths(ax):
    language.seconds_by_length(ax, [1, 2, 4], {"with": [0.1, 0.2, 0.4], "without": [0.1, 0.4, 1.6]})
    assert [line.get_label() for line in ax.lines] == ["with", "without"]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [0.1, 0.4, 1.6])


def test_a_law_is_a_straight_line_through_its_points(ax):
    N = [1000, 10_000, 100_000]
    language.size_against_loss(ax, N, [7.5 * n**-0.1 for n in N], 7.5, 0.1, 4.65)
    law, points, baseline = ax.lines
    slopes = np.diff(np.log(law.get_ydata())) / np.diff(np.log(law.get_xdata()))
    np.testing.assert_allclose(slopes, -0.1, atol=1e-4)
    np.testing.assert_allclose(np.interp(N[1], law.get_xdata(), law.get_ydata()), points.get_ydata()[1], rtol=1e-2)
    assert law.get_xdata()[0] < N[0] and law.get_xdata()[-1] > N[-1]
    assert set(baseline.get_ydata()) == {4.65}
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_published_models_stand_where_they_belong(ax):
    language.published_sizes(ax, [("GPT", 2018.4, 117e6), ("GPT-2", 2019.1, 1.56e9)])
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines] == [(2018.4, 117e6), (2019.1, 1.56e9)]
    assert said(ax) == ["GPT", "GPT-2"] and ax.get_yscale() == "log"


def test_shares_are_grouped_by_quality(ax):
    language.shares(ax, {"1": {"right": 0.2, "brief": 1.0}, "2": {"right": 0.9, "brief": 0.8}})
    one, two = ax.containers[:2]
    assert [bar.get_height() for bar in one] == [0.2, 1.0] and [bar.get_height() for bar in two] == [0.9, 0.8]
    for j, (left, right) in enumerate(zip(one, two, strict=True)):
        assert math.isclose(left.get_x() + left.get_width(), right.get_x(), abs_tol=1e-9)
        assert math.isclose((left.get_x() + right.get_x() + right.get_width()) / 2, j, abs_tol=1e-9)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["right", "brief"]
