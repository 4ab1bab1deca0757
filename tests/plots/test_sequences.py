"""Pictures of sequences show what they are given: points, texts, networks, and what a state carries."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch

from course.plots import sequences as draw
from course.plots.palette import GREEN, GREY, ORANGE, VERMILION
from course.plots.sequences import Fact
from tests.support.pictures import texts


def arrows(ax, colour: str) -> list[FancyArrowPatch]:
    found = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    return [patch for patch in found if np.allclose(patch.get_edgecolor(), to_rgba(colour))]


# --- the three maps, and the simplex


def test_the_three_set_ups_stand_side_by_side_with_their_formulas(ax):
    draw.three_maps(ax)
    for name in ("classification", "synthesis", "translation"):
        assert sum(name in text for text in texts(ax)) == 1
    assert sum("x_1" in text for text in texts(ax)) == 3
    assert sum("y_1" in text for text in texts(ax)) == 1
    ends = [patch._posA_posB for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    assert len(ends) == (4 + 1) + (1 + 4) + (4 + 4)
    inside = max(text.get_position()[1] for text in ax.texts)  # the middle of the upper boxes
    assert all(start[1] < end[1] < inside for start, end in ends)


def test_a_vertex_lies_in_its_corner_and_a_tie_half_way(ax):
    certain = dict(zip("abc", torch.eye(3), strict=True))
    draw.simplex(ax, certain | {"tie": torch.tensor([0.5, 0.5, 0.0])}, ["A", "B", "C"])
    x, y = ax.lines[0].get_data()
    assert ax.lines[0].get_linestyle() == "None"  # dots that nothing joins
    np.testing.assert_allclose(np.stack([x, y], axis=1)[:3], draw.CORNERS.numpy())
    assert (x[3], y[3]) == pytest.approx((0.5, 0.0))
    for corner, label in zip(draw.CORNERS.tolist(), ax.texts[:3], strict=True):
        assert abs(label.get_position()[0] - corner[0]) < 1e-6
    assert texts(ax) == ["A", "B", "C", "a", "b", "c", "tie"]


def test_the_corners_of_the_simplex_are_equally_far_apart():
    assert torch.pdist(draw.CORNERS).tolist() == pytest.approx([1, 1, 1])


def test_image_rows_show_the_images_in_their_order_and_a_question_mark_each(ax):
    images = [torch.rand(3, 8, 8, dtype=torch.float64), torch.rand(2, 8, 8, dtype=torch.float64)]
    draw.image_rows(ax, images, ["first", "second"])
    assert len(ax.images) == 5
    np.testing.assert_allclose(ax.images[3].get_array(), images[1][0])
    assert texts(ax) == ["?", "first", "?", "second"]
    assert ax.images[3].get_extent()[3] < ax.images[0].get_extent()[2]  # the second row lies below the first


# --- curves


def test_lines_draw_each_series_at_its_places(ax):
    draw.lines(ax, {"a": {1: 0.5, 4: 0.25}, "b": {2: 1.0}}, xlabel="k", ylabel="bits", dashed=["b"])
    a, b = ax.lines
    assert (list(a.get_xdata()), list(a.get_ydata())) == ([1, 4], [0.5, 0.25])
    assert (a.get_linestyle(), b.get_linestyle()) == ("-", "--")
    assert a.get_marker() != b.get_marker()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("k", "bits")


def test_a_doubling_axis_has_no_zero_and_powers_of_two(ax):
    draw.lines(ax, {"": {0: 9.0, 1: 3.0, 64: 2.0}}, xlabel="", ylabel="", doubling=True)
    assert list(ax.lines[0].get_xdata()) == [1, 64]
    assert ax.get_xscale() == "log"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "4", "8", "16", "32", "64"]
    assert ax.get_legend() is None


# --- texts


def written(ax) -> list[str]:
    """What is written on each line, once it is seen that no two texts lie over one another."""
    rows: dict[float, str] = {}
    for text in ax.texts:
        pixels = round(draw.CHARACTER * text.get_fontsize() * ax.figure.dpi / 72)
        column = round(text.get_position()[0] * ax.figure.dpi / 72 / pixels)
        assert column >= len(rows.get(text.xy[1], ""))
        rows[text.xy[1]] = rows.get(text.xy[1], "").ljust(column) + text.get_text()
    return [rows[y] for y in sorted(rows)]


def bold(ax) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_weight() == "bold"]


def test_marked_words_are_bold_on_a_background_and_lines_are_not_too_long(ax):
    words = "one two three I four five".split()  # with "I" the first line would be 15 long
    below = draw.text_block(ax, words, [word in ("four", "five") for word in words], width=13)
    assert written(ax) == ["one two three", "I four five"]
    assert below == 2
    assert bold(ax) == ["four five"]
    assert [text.get_text() for text in ax.texts if text.get_bbox_patch()] == ["four five"]


@pytest.mark.parametrize("dpi", [80, 90, 100])
def test_a_word_begins_where_the_one_before_it_ends(dpi: int):
    figure, ax = plt.subplots(figsize=(8, 1), dpi=dpi)
    draw.text_block(draw.text_axes(ax, 2), ["x" * 60, "y"], [False, True], width=90)
    long, mark = (text.get_window_extent(figure.canvas.get_renderer()) for text in ax.texts)
    assert mark.x0 - long.x1 == pytest.approx((long.x1 - long.x0) / 60, abs=2)  # a space, to the pixel or two
    plt.close(figure)


@pytest.mark.parametrize(
    ("output", "reference", "wrong"),
    [
        ("3 ans et 5 jours", "3 ans et 5 jours", [0, 0, 0, 0, 0]),
        ("3 ans et 7 jours", "3 ans et 5 jours", [0, 0, 0, 1, 0]),
        ("3 ans jours", "3 ans et 5 jours", [0, 0, 0]),
        ("8 heures", "", [1, 1]),
        ("", "3 ans", []),
    ],
)
def test_what_stands_outside_the_common_stretches_differs(output: str, reference: str, wrong: list[int]):
    assert draw.differs(output.split(), reference.split()) == [bool(flag) for flag in wrong]


def test_translations_mark_the_outputs_and_nothing_else(ax):
    shown = {"English": ["5", "hours"], "reference": ["5", "heures"], "model": ["6", "heures"]}
    draw.translations(ax, shown)
    assert written(ax) == ["English: 5 hours", "reference: 5 heures", "model: 6 heures"]
    assert bold(ax) == ["6"]
    assert max(text.xy[1] for text in ax.texts) < ax.get_ylim()[0]


@pytest.mark.parametrize("visible", [1, 5, 8, 10])
def test_a_window_shows_its_end_in_bold_and_what_is_older_pale(ax, visible: int):
    draw.context_window(ax, "ab cd\nfghi", visible, width=4)
    assert written(ax) == ["ab␣c", "d↵fg", "hi"]
    assert "".join(bold(ax)) == "ab␣cd↵fghi"[-visible:]


def test_bars_rank_the_likeliest_and_always_show_the_true_one(ax):
    p = {"a": 0.1, " ": 0.6, "\n": 0.25, "z": 0.05}
    draw.next_token_bars(ax, p, "z", top=3)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["␣", "↵", "z"]
    assert [bar.get_height() for bar in ax.patches] == [0.6, 0.25, 0.05]
    assert [to_rgba(VERMILION) == bar.get_facecolor() for bar in ax.patches] == [False, False, True]


# --- the network and its luggage


def test_an_unrolled_network_has_a_step_a_token_and_one_v(ax):
    draw.unrolled(ax, ["july", "1"], ["1", "juillet", "<eos>"], size="128")
    shown = texts(ax)
    assert [text for text in shown if text.startswith("$h")] == ["$h_{1}$", "$h_{2}$"]
    assert [text for text in shown if text.startswith("$s")] == ["$s_{1}$", "$s_{2}$", "$s_{3}$"]
    assert sum(text.startswith("$v$") for text in shown) == 1
    assert "$v$\n128" in shown
    assert shown.count("<bos>") == 1  # the decoder reads it first,
    assert shown.count("<eos>") == 1  # … and never reads the end
    assert shown.count("juillet") == 2  # written, then read
    assert len(arrows(ax, GREY)) == 2 + 3 + 3 + 5  # in, in, out, and from step to step with v between
    assert not arrows(ax, GREEN)


@pytest.mark.parametrize(("path", "length"), [((0, 0), 5), ((1, 0), 4), ((0, 2), 7), ((1, 2), 6)])
def test_a_path_runs_through_all_states_between_its_ends(ax, path: tuple[int, int], length: int):
    draw.unrolled(ax, ["july", "1"], ["1", "juillet", "<eos>"], path=path)
    assert len(arrows(ax, GREEN)) == length  # in, T - i - 1 to h_T, to v, j + 1 on, out
    assert length == 1 + (2 - path[0] - 1) + 1 + (path[1] + 1) + 1


def test_a_path_must_lead_somewhere(ax):
    with pytest.raises(ValueError, match="sentences of 1 and 2 tokens"):
        draw.unrolled(ax, ["a"], ["b", "c"], path=(1, 0))


FACTS = [Fact("first", 0, 2), Fact("second", 1, 0)]


def test_a_state_carries_what_was_read_and_is_still_needed():
    assert draw.carried(FACTS, source=2, target=3) == [1, 2, 1, 1, 0]


def bars(collection) -> list[tuple[float, float]]:
    """From where to where, row by row."""
    return [(segment[0][0], segment[1][0]) for segment in collection.get_segments()]


def test_every_bar_runs_from_where_a_fact_is_read_to_where_it_is_last_needed(ax):
    draw.luggage(ax, ["a", "b"], ["c", "d", "e"], FACTS)
    pale, strong = ax.collections
    assert bars(pale) == bars(strong) == [(0, 4), (1, 2)]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["first", "second"]
    assert [label.get_text() for label in ax.get_xticklabels()] == list("abcde")
    (v,) = [line for line in ax.lines if line.get_color() == ORANGE]
    assert set(v.get_xdata()) == {1.5}


def test_what_comes_later_is_pale(ax):
    draw.luggage(ax, ["a", "b"], ["c", "d", "e"], FACTS, now=1)
    pale, strong = ax.collections
    assert bars(pale) == [(0, 4), (1, 2)]
    assert bars(strong) == [(0, 1), (1, 1)]


def test_nothing_is_left_open():
    assert not plt.get_fignums()
