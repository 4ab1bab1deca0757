"""The pictures of texts show the numbers that went in."""

import pytest
import torch

from course.plots import texts


def test_characters_are_ranked_in_percent_and_white_space_has_a_name(ax):
    assert texts.character_frequencies(ax, "aab\n  aa c", top=3) is ax
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([40.0, 30.0, 10.0])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "space", "newline"]
    with pytest.raises(ValueError, match="empty"):
        texts.character_frequencies(ax, "")


def test_labels_stand_left_and_right_of_zero(ax):
    texts.label_balance(ax, {"food": [1, 1, 0], "travel": [0, 0, 0, 1]})
    assert [bar.get_width() for bar in ax.patches] == [2, 1, -1, -3]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["food", "travel"]
    assert ax.yaxis_inverted()


def test_the_histogram_counts_every_word_once_on_its_side(ax):
    texts.valence_histogram(ax, {"good": 1.8, "better": 1.9, "best": 3.2, "bad": -2.5, "vile": -3.1})
    heights = {round(bar.get_x() + bar.get_width() / 2, 2): bar.get_height() for bar in ax.patches if bar.get_height()}
    assert heights == pytest.approx({1.85: 2, 3.25: 1, -2.55: 1, -3.15: 1})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["negative: 2", "positive: 3"]


def test_the_map_of_company_shows_the_counts(ax):
    counts = torch.tensor([[0, 5, 1], [5, 0, 2], [1, 2, 0]])
    texts.word_company(ax, counts, ["kind", "nice", "vile"])
    assert ax.images[0].get_array().tolist() == counts.tolist()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["kind", "nice", "vile"]


def test_masked_tokens_are_coloured_and_lines_break_between_words(ax):
    words = ["<user>", "what", "is", "this", "?", "<assistant>", *["word"] * 12, "<end>"]
    texts.masked_tokens(ax, words, [False] * 6 + [True] * 13)
    assert [text.get_text() for text in ax.texts] == words
    colours = [text.get_color() for text in ax.texts]
    assert set(colours[:6]) != set(colours[6:]) and len(set(colours)) == 2
    ends = [(text.get_position()[0] + len(text.get_text()), text.get_position()[1]) for text in ax.texts]
    assert all(end <= texts.ROW for end, _ in ends)
    assert {row for _, row in ends} == {0, 1}
