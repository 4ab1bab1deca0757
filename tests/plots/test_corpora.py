"""Pictures of corpora draw the numbers they are given; what is looked at are the artists, not the pixels."""

import numpy as np
import pytest
import torch

from course.plots import corpora


def drawn_texts(ax):
    return [text.get_text() for text in ax.texts]


def test_a_histogram_has_the_share_of_each_length(ax):
    assert corpora.length_histogram(ax, {"a": [1, 3, 3, 3], "b": [2] * 5}) is ax
    (a, edges, _), (b, _, _) = (patch.get_data() for patch in ax.patches)
    np.testing.assert_allclose(a, [0, 25, 0, 75])
    np.testing.assert_allclose(edges, [-0.5, 0.5, 1.5, 2.5, 3.5])
    np.testing.assert_allclose(b, [0, 0, 100])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert ax.patches[0].get_edgecolor() != ax.patches[1].get_edgecolor()


@pytest.mark.parametrize(
    ("lengths", "message"), [({str(i): [1] for i in range(8)}, "at most 7"), ({"a": []}, "a has no sentences")]
)
def test_histograms_that_make_no_sense(ax, lengths, message):
    with pytest.raises(ValueError, match=message):
        corpora.length_histogram(ax, lengths)


def test_the_most_frequent_word_stands_on_top(ax):
    corpora.most_frequent_words(ax, {"le": 5, "chat": 2, "un": 9, "bon": 2, "rare": 1}, top=4)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["un", "le", "bon", "chat"]
    assert [bar.get_width() for bar in ax.patches] == [9, 5, 2, 2]
    assert ax.yaxis_inverted()


def test_a_table_shows_its_rows_within_the_axes(ax):
    rows = [("I am a student", "Je suis étudiant"), ("word " * 30, "mot " * 10)]
    corpora.example_table(ax, rows, width=30)
    (table,) = ax.tables
    cells = {place: cell.get_text().get_text() for place, cell in table.get_celld().items()}
    assert [cells[0, 0], cells[0, 1]] == ["English", "French"]
    assert (cells[1, 0], cells[1, 1]) == rows[0]
    assert cells[2, 0].split() == rows[1][0].split()
    assert max(map(len, cells[2, 0].split("\n"))) <= 30
    heights = [table[row, 0].get_height() for row in range(3)]
    assert sum(heights) == pytest.approx(1)
    assert heights[2] > 3 * heights[1]


def test_links_join_the_tokens_they_name(ax):
    source, target = ["july", "1", "4"], ["1", "4", "juillet", " ?"]
    corpora.word_links(ax, source, target, [(0, 2), (1, 0)])
    assert drawn_texts(ax) == [*source, "1", "4", "juillet", "?"]
    assert [line.get_xdata().tolist() for line in ax.lines] == [[0, 2], [1, 0]]
    places = {text.get_text(): text.get_position() for text in ax.texts}
    assert places["july"] == (0, 1) and places["juillet"] == (2, 0)
    low, high = ax.get_xlim()
    assert low < 0 and high > 3


@pytest.mark.parametrize("link", [(2, 0), (0, 1), (-1, 0)])
def test_links_to_nowhere_are_refused(ax, link):
    with pytest.raises(ValueError, match="leaves sentences of 2 and 1"):
        corpora.word_links(ax, ["a", "b"], ["c"], [link])


PLACES = [(0, 2), (0, 2), (2, 3), (0, 0), (2, 3), (2, 3)]


def test_places_are_counted():
    expected = torch.tensor([[1, 0, 2, 0], [0, 0, 0, 0], [0, 0, 0, 3]])
    assert torch.equal(corpora.place_counts(PLACES), expected)


def test_a_place_map_draws_the_counts(ax):
    corpora.place_map(ax, PLACES, word="month")
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), corpora.place_counts(PLACES))
    assert drawn_texts(ax) == [
        str(count) if count else "–" for count in corpora.place_counts(PLACES).flatten().tolist()
    ]
    assert "English" in ax.get_ylabel() and "French" in ax.get_xlabel()
