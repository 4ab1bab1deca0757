"""Pictures of heads show the weights, shares and shapes that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from matplotlib.colors import to_rgb

from course.plots import heads as plots
from course.plots.palette import COLOURS

WORDS = ["[CLS]", "the", "animal", "was", "tired"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def random_weights(heads: int, words: int = len(WORDS)) -> torch.Tensor:
    return torch.rand(heads, words, words, generator=torch.Generator().manual_seed(0)).pow(4).softmax(dim=-1)


def drawn_links(ax) -> list[list[tuple[tuple, float]]]:
    """For each head: (start and end rows, opacity) of each line."""
    found = []
    for lines in ax.collections:
        rows = [tuple(segment[:, 1].round(6)) for segment in lines.get_segments()]
        found.append(list(zip(rows, lines.get_colors()[:, 3], strict=True)))
    return found


def test_a_line_is_as_opaque_as_its_weight_and_runs_from_the_word_to_what_it_looks_at(ax):
    weights = random_weights(1)
    plots.links(ax, weights, WORDS)
    (lines,) = drawn_links(ax)
    expected = {
        (i, j): weights[0, i, j].item()
        for i in range(len(WORDS))
        for j in range(len(WORDS))
        if weights[0, i, j] >= plots.FAINTEST_OF_ALL
    }
    assert {ends: pytest.approx(alpha) for ends, alpha in lines} == expected


def test_with_a_query_only_its_lines_are_drawn_and_each_head_has_its_colour(ax):
    weights = random_weights(3)
    plots.links(ax, weights, WORDS, query=2, names=["a", "b", "c"])
    for i, lines in enumerate(drawn_links(ax)):
        offset = plots.SPREAD * (i - 1)
        assert {round(start - offset, 6) for (start, _), _ in lines} == {2}
        shown = {round(end - offset) for (_, end), _ in lines}
        assert shown == {j for j in range(len(WORDS)) if weights[i, 2, j] >= plots.FAINTEST}
        np.testing.assert_allclose(ax.collections[i].get_colors()[0, :3], to_rgb(COLOURS[i]))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "c"]
    (bold,) = (text for text in ax.texts if text.get_fontweight() == "bold")
    assert bold.get_text() == WORDS[2]


def test_each_word_stands_on_both_sides_of_its_row(ax):
    plots.links(ax, random_weights(1), WORDS)
    for i, word in enumerate(WORDS):
        assert sum(text.get_text() == word and text.get_position()[1] == i for text in ax.texts) == 2


def test_pictures_side_by_side_have_their_titles_and_words():
    pictures = {name: (random_weights(1)[0], WORDS) for name in ("one", "two", "three")}
    figure = plots.side_by_side(pictures, query=1)
    assert [ax.get_title() for ax in figure.axes] == ["one", "two", "three"]


def test_the_drawing_has_the_shape_of_a_head_on_its_arrows(ax):
    plots.heads_drawn(ax, d_model=384, heads=12)
    texts = [text.get_text() for text in ax.texts]
    assert texts.count("(B, 12, T, 32)") == 4  # queries, keys, values; and behind the attention
    assert texts.count("(B, T, 384)") == 6  # x, three projections, behind merge, behind W_O
    assert "12 heads" in texts


def test_a_cell_names_the_token_that_a_row_was_cut_from(ax):
    tokens = torch.tensor([[0, 1, 2], [3, 4, 5]])
    plots.tokens_of_heads(ax, tokens)
    assert {text.get_position(): text.get_text() for text in ax.texts} == {
        (row, head): str(tokens[head, row].item()) for head in range(2) for row in range(3)
    }


def test_ways_to_cut_are_drawn_with_what_they_reach():
    tokens, reached = torch.arange(6).expand(3, 6), [torch.ones(6, 6), torch.eye(6)]
    figure = plots.cut_and_reach([tokens, tokens], reached, names=("right", "wrong"))
    for i, square in enumerate(figure.axes[1::2]):
        np.testing.assert_array_equal(square.images[0].get_array(), reached[i])


def test_bleu_stands_at_its_number_of_heads(ax):
    plots.bleu_by_heads(ax, [1, 8], [24.9, 25.8])
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 24.9], [8, 25.8]])
    assert {text.get_text() for text in ax.texts} == {"24.9", "25.8"}


def test_keys_are_parted_by_whether_they_are_reached():
    keys, reached = torch.randn(9, 2), torch.arange(9) % 3 == 0
    plane, curve = plots.hidden_keys(keys, reached, (1, 2), (0.1, 0.4)).axes
    favourite, nobodys = plane.collections
    np.testing.assert_allclose(favourite.get_offsets(), keys[reached])
    np.testing.assert_allclose(nobodys.get_offsets(), keys[~reached])
    np.testing.assert_array_equal(curve.lines[0].get_ydata(), (0.1, 0.4))


def test_a_map_of_scores_frames_the_best_head(ax):
    scores = torch.rand(6, 12)
    scores[4, 7] = 2
    plots.head_map(ax, scores, title="next")
    np.testing.assert_allclose(ax.images[0].get_array(), scores)
    (frame,) = ax.patches
    assert frame.get_xy() == (6.5, 3.5)
    assert ax.get_title() == "next\nbest: head 4.7, 2.00"


def test_each_score_has_its_map():
    scores = {name: torch.rand(6, 12) for name in "abcdef"}
    maps = [ax for ax in plots.score_maps(scores).axes if ax.get_ylabel() == "layer"]
    assert [ax.get_title()[0] for ax in maps] == list("abcdef")
    for ax, matrix in zip(maps, scores.values(), strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), matrix)


def test_maps_over_the_ring_and_over_words_show_the_weights(ax):
    weights = random_weights(2)
    figure = plots.ring_maps({"a": weights[0], "b": weights[1]})
    for panel, matrix in zip(figure.axes[:2], weights, strict=True):
        np.testing.assert_allclose(panel.images[0].get_array(), matrix)
    plots.word_map(ax, weights[0], WORDS)
    np.testing.assert_allclose(ax.images[0].get_array(), weights[0])
    assert [label.get_text() for label in ax.get_yticklabels()] == WORDS


def test_a_head_is_a_point_and_a_marked_one_has_a_ring(ax):
    first, second = torch.rand(72), torch.rand(72)
    plots.place_or_meaning(ax, first, second, marked={"it": 33})
    heads, star, ring = ax.collections
    np.testing.assert_allclose(heads.get_offsets(), torch.stack([first, second], dim=1))
    np.testing.assert_allclose(star.get_offsets(), [[1, 1]])
    np.testing.assert_allclose(ring.get_offsets(), [[first[33], second[33]]])
    np.testing.assert_array_equal(ax.lines[0].get_xydata().sum(axis=1), 1)  # a place: what one gains the other loses
    assert "it" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_bars_and_numbers_are_the_shares(ax):
    plots.shares(ax, {"noun": 0.25, "it": 1.0}, xlabel="share")
    assert [bar.get_width() for bar in ax.patches] == [0.25, 1.0]
    assert [text.get_text() for text in ax.texts] == ["0.25", "1.00"]
    assert ax.yaxis_inverted()  # the first stands on top


def test_exchanged_and_hidden_stand_side_by_side():
    left, right = plots.exchanged_and_hidden({"it": 0.0}, {"it": 0.75}).axes
    assert (left.patches[0].get_width(), right.patches[0].get_width()) == (0.0, 0.75)


def test_a_switched_off_head_has_its_number(ax):
    right = torch.tensor([[1.0, 0.5], [0.25, 0.0]])
    plots.switched_off(ax, right, ["one", "two"])
    found = {text.get_position(): float(text.get_text()) for text in ax.texts}
    assert found == {(head, module): right[module, head].item() for module in range(2) for head in range(2)}


def test_curves_have_their_floor(ax):
    plots.two_questions(ax, {"heads: 1": [0.5] * 30, "heads: 2": [0.1] * 30}, floor=0.3)
    floor, one, two = ax.lines
    assert set(floor.get_ydata()) == {0.3}
    np.testing.assert_allclose(one.get_ydata(), 0.5)
    np.testing.assert_allclose(two.get_ydata(), 0.1)


def test_a_head_is_named_by_layer_and_place():
    assert [plots.name(head, 12) for head in (0, 11, 12, 33, 71)] == ["0.0", "0.11", "1.0", "2.9", "5.11"]


def test_shapes_are_held(ax):
    with pytest.raises(TypeCheckError):
        plots.links(ax, torch.rand(5, 5), WORDS)
