"""The Evoformer's pictures: diagrams say what the algorithms say, and maps show the numbers they were given."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, Rectangle, Wedge

from course.plots import evoformer, triangles
from course.plots.palette import BLUE, ORANGE, VERMILION
from tests.support.pictures import texts


def outside(ax) -> list[str]:
    """Texts of a drawing that do not fit on it."""
    ax.figure.canvas.draw()
    room = ax.get_window_extent().padded(2)
    boxes = {text.get_text(): text.get_window_extent() for text in ax.texts}
    return [text for text, box in boxes.items() if not (room.contains(*box.min) and room.contains(*box.max))]


# --- diagrams


def test_alphafold_leads_from_a_sequence_to_places(ax):
    ax.figure.set_size_inches(8, 3)
    evoformer.alphafold(ax)
    shown = " ".join(texts(ax)).replace("\n", " ")
    for part in (
        "sequence",
        "templates",
        "MSA representation m",
        "pair representation z",
        "48 blocks",
        "structure module",
    ):
        assert part in shown
    assert not outside(ax)


def test_the_tracks_are_algorithm_6_from_left_to_right(ax):
    ax.figure.set_size_inches(9.4, 2.7)
    evoformer.two_tracks(ax)
    assert not outside(ax)
    numbers = [(text.get_position(), text.get_text()) for text in ax.texts if text.get_text().startswith("line")]
    assert [text for _, text in sorted(numbers)] == [f"line {n}" for n in range(2, 11)]
    heights = [place[1] for place, _ in sorted(numbers)]
    assert heights[0] == heights[1] == heights[2] > heights[3] > heights[4] == heights[8]


def test_an_arrow_leads_up_for_the_bias_and_down_for_the_outer_product(ax):
    evoformer.two_tracks(ax)
    arrows = [p for p in ax.patches if isinstance(p, FancyArrowPatch)]
    ends = [p._posA_posB for p in arrows]
    upright = sorted((a[0], b[1] > a[1]) for a, b in ends if abs(a[0] - b[0]) < 1e-6)
    place = {text.get_text(): text.get_position()[0] for text in ax.texts}
    row, outer = place["row\nattention"], place["outer\nproduct\nmean"]
    assert upright == [(row, True), (outer, False), (outer, False)]  # the bias; into and out of the outer product


# --- numbers


def test_scores_and_bias_are_shown_with_their_sum(figure):
    generator = torch.Generator().manual_seed(0)
    scores, bias = torch.randn(2, 5, 5, generator=generator)
    axes = evoformer.biased_scores(figure, scores, bias, (scores + bias).softmax(-1))
    for ax, expected in zip(axes, (scores, bias, scores + bias, (scores + bias).softmax(-1)), strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), expected)
    limits = {ax.images[0].get_clim() for ax in axes[:3]}
    assert len(limits) == 1 and next(iter(limits))[0] == -next(iter(limits))[1]


def test_a_change_spreads_and_what_is_untouched_stays_white(figure):
    m, z = torch.zeros(3, 5), torch.zeros(5, 5)
    m[1, 2] = 1.0
    z[0, 3] = 1e-3
    z[4, 4] = 1e-12
    grid = evoformer.spread(figure, {"before": (m, 0 * z), "after": (m, z)})
    assert [len(row) for row in grid] == [2, 2]
    above, below = (row[1].images[0].get_array() for row in grid)
    assert above[1, 2] == 0 and above.mask.sum() == 14
    assert below[0, 3] == pytest.approx(-3) and below[4, 4] == evoformer.FLOOR and below.mask.sum() == 23
    evoformer.source(grid[0][0], 1, 2)
    mark = grid[0][0].patches[-1]
    assert (mark.get_x(), mark.get_y()) == (1.5, 0.5)


# --- triangles


@pytest.mark.parametrize("kind", triangles.KINDS)
def test_the_edges_are_those_of_the_algorithm(ax, kind):
    triangles.edges(ax, kind)
    expected = {
        "outgoing": {"a$_{ik}$", "b$_{jk}$"},
        "incoming": {"a$_{ki}$", "b$_{kj}$"},
        "starting": {"key$_{ik}$", "bias$_{jk}$"},
        "ending": {"key$_{kj}$", "bias$_{ki}$"},
    }[kind]
    assert expected | {"z$_{ij}$", "i", "j", "k"} == set(texts(ax))
    places = {name: np.array(place) for name, place in triangles.CORNERS.items()}

    def nearest(point) -> str:
        return min(places, key=lambda name: np.linalg.norm(places[name] - point))

    arrows = [p for p in ax.patches if isinstance(p, FancyArrowPatch)]
    drawn = {nearest(a) + nearest(b) for a, b in (p._posA_posB for p in arrows)}
    assert drawn == {"ij", *(text.split("{")[1][:2] for text in expected)}


@pytest.mark.parametrize("kind", triangles.KINDS)
def test_the_cells_are_the_same_edges_for_all_k(ax, kind):
    triangles.cells(ax, kind, 7, 2, 5)
    marked = {BLUE: set(), VERMILION: set()}
    for patch in ax.patches:
        if isinstance(patch, Rectangle) and patch.get_fill():
            colour = to_hex(patch.get_facecolor()).upper()
            marked[colour].add((round(patch.get_y() + 0.5), round(patch.get_x() + 0.5)))
    first, second = {
        "outgoing": ([(2, k) for k in range(7)], [(5, k) for k in range(7)]),
        "incoming": ([(k, 2) for k in range(7)], [(k, 5) for k in range(7)]),
        "starting": ([(2, k) for k in range(7)], [(5, k) for k in range(7)]),
        "ending": ([(k, 5) for k in range(7)], [(k, 2) for k in range(7)]),
    }[kind]
    assert marked == {BLUE: set(first), VERMILION: set(second)}
    assert (ax.patches[-1].get_y() + 0.5, ax.patches[-1].get_x() + 0.5) == (2, 5)


def test_points_of_a_triangle_have_the_distances_that_they_are_drawn_with(ax):
    triangles.third_point(ax, (4.0, 4.0), (3.0, 3.0), 5.0, "k")
    points = {text.get_text(): np.array(text.xy) for text in ax.texts}
    sides = [np.linalg.norm(points[a] - points[b]) for a, b in ("ik", "jk", "ij")]
    assert sides == pytest.approx([4, 3, 5])
    ring = next(patch for patch in ax.patches if isinstance(patch, Wedge))
    assert ring.r - ring.width / 2 == pytest.approx(3)


def test_where_no_triangle_closes_no_third_point_is_shown(ax):
    triangles.third_point(ax, (1.0, 1.0), (1.0, 1.0), 5.0, "k")
    assert texts(ax) == ["i", "k"]


def test_intervals_overlap_where_all_agree(ax):
    lows, highs = torch.tensor([-1.0, 2.0, 3.0]), torch.tensor([9.0, torch.inf, 6.0])
    triangles.intervals(ax, lows, highs, ["A1", "B2", "C3"], 2, 4.0, 10.0)
    bars = ax.collections[0]
    spans = [tuple(segment[:, 0]) for segment in bars.get_segments()]
    assert spans == [(0, 9), (2, 20), (3, 6)]
    assert to_hex(bars.get_colors()[2]).upper() == ORANGE and to_hex(bars.get_colors()[0]).upper() != ORANGE
    shade = ax.patches[0]
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == (3, 6)
    assert ax.lines[-1].get_xdata()[0] == 4.0


def test_intervals_that_contradict_share_nothing(ax):
    triangles.intervals(ax, torch.tensor([5.0, 0.0]), torch.tensor([9.0, 3.0]), ["A1", "B2"], None, 4.0, 10.0)
    assert not ax.patches


def test_gaps_shrink_and_open_pairs_are_white(figure):
    known = torch.eye(3, dtype=torch.bool)
    known[0, 1] = known[1, 0] = True
    lower = torch.zeros(3, 3)
    upper = torch.where(known, 0.0, torch.inf)
    closer = torch.where(known, 0.0, torch.tensor(4.0))
    axes = figure.subplots(1, 2)
    triangles.gaps(axes, [(lower, upper), (lower, closer)], known)
    assert [ax.get_title() for ax in axes] == ["round 0: 2 of 2 open", "round 1: 0 of 2 open"]
    assert axes[0].images[0].get_array().mask.sum() == 4
    np.testing.assert_allclose(axes[1].images[0].get_array(), closer)
