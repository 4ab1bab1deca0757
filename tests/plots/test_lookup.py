"""Pictures of a look-up show the weights, the mean and the parts of the scores that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from course.plots import lookup
from tests.support.pictures import texts

WORDS = ("je", "suis", "tableau", "étudiante")
VALUES = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def widths(bars) -> list[float]:
    return [bar.get_width() for bar in bars]


# --- the plane of values


def test_the_hull_holds_all_points_and_its_corners_are_among_them():
    points = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    corners = lookup.convex_hull(points)
    for corner in corners:
        assert (points == corner).all(dim=1).any()
    edges = corners.roll(-1, dims=0) - corners  # (corners, 2)
    to_points = points[:, None] - corners  # (points, corners, 2)
    left_of = edges[:, 0] * to_points[..., 1] - edges[:, 1] * to_points[..., 0]
    assert (left_of >= -1e-6).all()


def test_a_point_inside_or_on_an_edge_is_no_corner_and_two_points_are_their_own_hull():
    square = torch.cat([VALUES, torch.tensor([[0.0, 0.0], [0.0, 1.0]])])
    assert sorted(lookup.convex_hull(square).tolist()) == sorted(VALUES.tolist())
    assert len(lookup.convex_hull(VALUES[:2])) == 2


def test_the_star_stands_at_the_weighted_mean_and_the_bars_are_the_weights(figure):
    weights = torch.tensor([0.5, 0.0, 0.125, 0.375])
    sentence = lookup.soft_lookup(figure, "student", WORDS, weights, VALUES)
    left, right = figure.axes
    assert widths(left.containers[0]) == weights.tolist()
    star = right.lines[-1]
    np.testing.assert_allclose([star.get_xdata()[0], star.get_ydata()[0]], (weights @ VALUES).tolist())
    assert texts(right) == list(WORDS)
    assert sentence == (
        "For the query “student” the largest weights are 0.50 (je) and 0.38 (étudiante); "
        "the mixed value lies at (-0.75, 0.00)."
    )


def test_the_path_of_temperatures_runs_from_the_coldest_to_the_hottest(figure):
    taus = torch.tensor([0.1, 1.0, 10.0])
    weights = (torch.tensor([1.0, 0.0, 0.0, 0.5]) / taus[:, None]).softmax(-1)
    left, right = lookup.temperatures(figure, WORDS, taus, weights, VALUES)
    for line, column in zip(left.lines, weights.T, strict=False):
        np.testing.assert_allclose(line.get_ydata(), column)
        np.testing.assert_allclose(line.get_xdata(), taus)
    path = next(line for line in right.lines if "mixed" in line.get_label())
    np.testing.assert_allclose(path.get_xydata(), weights @ VALUES, atol=1e-6)
    end = next(line for line in right.lines if "hottest" in line.get_label())
    np.testing.assert_allclose(end.get_xydata()[0], (weights @ VALUES)[-1], atol=1e-6)


def test_values_are_points_of_a_plane(ax):
    with pytest.raises(TypeCheckError):
        lookup.plane_of_values(ax, WORDS, torch.rand(4, 3))


# --- the table


def test_a_look_at_the_table_is_shared_out_as_the_weights_say(ax):
    weights = torch.tensor([0.1, 0.0, 0.6, 0.1, 0.2])
    lookup.table(ax, weights, "a wish")
    looks = [line for line in ax.lines if tuple(line.get_xydata()[0]) == lookup.EYE]
    thickness = torch.tensor([line.get_linewidth() for line in looks])
    np.testing.assert_allclose((thickness - 0.4) / 9, weights, atol=1e-6)
    for name, weight in zip(lookup.OBJECTS, weights.tolist(), strict=True):
        assert f"{name} {weight:.2f}" in texts(ax)
    assert ax.get_title() == "a wish"


def test_what_the_eye_is_on_is_sharp_and_what_it_is_not_on_is_blurred():
    figure, (left, right) = plt.subplots(1, 2)
    on_cup, on_book = (
        np.asarray(lookup.gaze(ax, name).images[0].get_array()) for ax, name in ((left, "red cup"), (right, "book"))
    )
    plt.close(figure)
    height, width = on_cup.shape[:2]

    def sharpness(picture, name):
        x, y = lookup.PLACES[lookup.OBJECTS.index(name)]
        column, row = int(x / 10 * width), int((3.8 - y) / 3.8 * height)
        part = picture[row - 20 : row + 20, column - 20 : column + 20]
        return np.abs(np.diff(part, axis=1)).max()  # the hardest edge

    assert sharpness(on_cup, "red cup") > 3 * sharpness(on_book, "red cup")
    assert sharpness(on_book, "book") > 3 * sharpness(on_cup, "book")


def test_an_object_that_is_not_on_the_table_is_refused(ax):
    with pytest.raises(ValueError, match="hat"):
        lookup.gaze(ax, "hat")


@pytest.mark.parametrize(("match", "winner", "reason"), [(0.0, "red cup", "its looks"), (5.0, "book", "the wish")])
def test_cues_show_both_parts_of_the_score_and_name_what_wins(figure, match, winner, reason):
    by_looks = torch.tensor([0.5, 0.5, 2.0, 0.5, 0.5])
    by_wish = torch.tensor([0.0, 0.0, 0.0, 0.0, match])
    weights = (by_looks + by_wish).softmax(-1)
    sentence = lookup.cues(figure, "read", by_looks, by_wish, weights)
    bars = figure.axes[1].containers
    assert widths(bars[0]) == by_looks.tolist()
    assert widths(bars[1]) == by_wish.tolist()
    assert f"The {winner} has the largest, mostly because of {reason}." in sentence
    for name, weight in zip(lookup.OBJECTS, weights.tolist(), strict=True):
        assert f"{name} {weight:.2f}" in sentence


# --- queries, keys, values


def test_the_drawing_has_a_key_and_a_value_for_each_name_and_its_weight(ax):
    weights = torch.tensor([0.2, 0.7, 0.1])
    lookup.query_key_value(ax, ("cup", "book", "note"), weights, "want to read", "seen")
    shown = texts(ax)
    assert all(shown.count(name) == 2 for name in ("cup", "book", "note"))
    assert {"0.20", "0.70", "0.10", "want to read", "seen"} <= set(shown)


def test_the_computation_shows_each_stage_and_ends_with_the_scaled_attention(figure):
    generator = torch.Generator().manual_seed(1)
    q, K, V = (torch.randn(*shape, generator=generator) for shape in ((4,), (3, 4), (3, 2)))
    axes = lookup.computation(figure, WORDS[:3], q, K, V)
    stages = [np.asarray(ax.images[0].get_array()) for ax in axes]
    scores = K @ q
    weights = (scores / 2).softmax(-1)  # √d_k = 2
    np.testing.assert_allclose(stages[0], torch.cat([q[None], K]))
    for stage, column in zip(stages[1:4], (scores, scores / 2, weights), strict=True):
        np.testing.assert_allclose(stage[:, 0], column, rtol=1e-5)
    np.testing.assert_allclose(stages[4], V)
    expected = torch.nn.functional.scaled_dot_product_attention(q[None], K, V)[0]
    np.testing.assert_allclose(stages[5][-1], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(stages[5][:-1].sum(axis=0), expected, rtol=1e-4, atol=1e-6)
