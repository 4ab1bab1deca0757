"""Maps, rows of tokens and returns: what is drawn is what was given."""

import pytest
import torch
from matplotlib.colors import to_rgba
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from course.plots import paths
from course.plots.palette import BLACK, ORANGE, VERMILION
from tests.support.pictures import texts

PLACES = [(0.0, 0.0), (0.5, 0.1), (1.0, 0.4), (0.3, 0.9)]
ROADS = [(0, 1), (1, 2), (2, 3)]


def arrows(ax) -> list[FancyArrowPatch]:
    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


def test_a_map_has_all_roads_and_marks_the_goal(ax):
    paths.road_map(ax, PLACES, ROADS, 3)
    drawn = [[*zip(*line.get_data(), strict=True)] for line in ax.lines[: len(ROADS)]]
    assert drawn == [[PLACES[a], PLACES[b]] for a, b in ROADS]
    nodes = ax.lines[len(ROADS) :]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in nodes] == PLACES
    assert [line.get_marker() for line in nodes] == ["o", "o", "o", "s"]
    assert nodes[3].get_color() == VERMILION
    assert texts(ax) == ["0", "1", "2", "3"]


def test_a_map_may_say_something_else_of_its_places(ax):
    paths.road_map(ax, PLACES, ROADS, 3, inside=[3, 2, 1, 0])
    assert texts(ax) == ["3", "2", "1", "0"]


def test_a_path_has_an_arrow_for_each_road_it_takes_with_the_numbers_of_its_steps(ax):
    paths.path(ax, PLACES, [0, 1, 0, 1, 1, 2, 3])
    assert len(arrows(ax)) == 4  # there, back, on, on; one step stays
    assert texts(ax) == ["1, 3", "2", "5", "6"]
    there, back = ax.texts[0].get_position(), ax.texts[1].get_position()
    middle = 0.25, 0.05
    assert there != back
    assert [sum(x) / 2 for x in zip(there, back, strict=True)] == pytest.approx(middle)  # on both sides of the road
    (ring,) = ax.lines
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == PLACES[0]


def test_the_second_half_of_a_path_goes_on_counting(ax):
    paths.path(ax, PLACES, [1, 2, 3], first=5)
    assert texts(ax) == ["5", "6"]


def test_lengths_are_counted_and_those_that_did_not_arrive_stand_apart(ax):
    paths.lengths(ax, [1, 3, 3, 5, 5, 5], 4)
    assert [bar.get_height() for bar in ax.patches] == [1, 0, 2, 0, 3]
    assert ax.get_xticklabels()[-1].get_text() == "not\nreached"


def test_lengths_beside_what_would_have_done(ax):
    paths.lengths(ax, [1, 3, 5], 4, shortest=[1, 2, 2])
    heights = [bar.get_height() for bar in ax.patches]
    assert (heights[:5], heights[5:]) == ([1, 0, 1, 0, 1], [1, 2, 0, 0, 0])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["walked", "shortest"]


def test_a_trajectory_is_three_tokens_a_step_in_their_order(ax):
    paths.tokens(ax, [-2, -1], [7, 4], [4, 9], rewards=[-1, -1])
    values = [text for text in texts(ax) if not text.startswith(("$", "step"))]
    assert values == ["−2", "7", "4", "−1", "4", "9"]
    names = [text for text in texts(ax) if text.startswith("$") and "=" not in text]
    assert names == ["$\\hat{R}_{1}$", "$s_{1}$", "$a_{1}$", "$\\hat{R}_{2}$", "$s_{2}$", "$a_{2}$"]
    lefts = [patch.get_x() for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    assert lefts == sorted(lefts) and len(lefts) == 6


@pytest.mark.parametrize("steps", [2, 3])
def test_the_network_reads_an_action_above_each_state_alone(ax, steps: int):
    paths.network(ax, steps)
    by_text = {text.get_text(): text.get_position() for text in ax.texts if text.get_position()[1] < 1}
    outputs = {text.get_text(): text.get_position()[0] for text in ax.texts if text.get_position()[1] == 5.5}
    actions = {name: x for name, x in outputs.items() if name.startswith("$a")}
    assert actions == {f"$a_{{{t}}}$": by_text[f"$s_{{{t}}}$"][0] for t in range(1, steps + 1)}
    assert sum(name.startswith("$") for name in by_text) == 3 * steps


def test_the_mask_is_causal_and_frames_the_row_of_a_state(ax):
    paths.who_sees_whom(ax, 3, query=1)
    cells = [patch for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_width() == 1]
    seen = torch.zeros(9, 9, dtype=torch.bool)
    for cell in cells:
        seen[int(cell.get_y()), int(cell.get_x())] = True
        kind = list(paths.KINDS.values())[int(cell.get_x()) % 3]
        assert cell.get_facecolor()[:3] == to_rgba(kind)[:3]
    assert torch.equal(seen, torch.ones(9, 9).tril().bool())
    (frame,) = [patch for patch in ax.patches if patch not in cells]
    assert frame.get_y() == 4 and to_rgba(BLACK) == frame.get_edgecolor()  # R̂_1 s_1 a_1 R̂_2 s_2
    assert texts(ax) == ["says $a_{2}$"]
    assert [label.get_text() for label in ax.get_yticklabels()][4] == "$s_{2}$"


def test_a_dot_is_larger_where_more_episodes_are_and_the_diagonal_is_a_wish_come_true(ax):
    asked, got = torch.tensor([-5.0, -5.0, -5.0, -2.0, -1.0]), torch.tensor([-5.0, -5.0, -7.0, -3.0, -3.0])
    paths.asked_and_got(ax, asked, got, possible=-3)
    (dots,) = ax.collections
    sizes = {tuple(place): size for place, size in zip(dots.get_offsets().tolist(), dots.get_sizes(), strict=True)}
    assert sizes.keys() == {(-5, -5), (-5, -7), (-2, -3), (-1, -3)}
    assert sizes[-5, -5] > sizes[-5, -7] == sizes[-2, -3]
    diagonal, limit = ax.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    assert -3 < limit.get_xdata()[0] < -2
    low, high = ax.get_xlim()
    assert low < -7 and high == 0


def test_starts_are_in_the_order_of_their_distance(ax):
    shortest = torch.tensor([3.0, 1.0, 2.0])
    paths.by_start(ax, shortest, {"model": torch.tensor([6.0, 4.0, 5.0]), "other": torch.tensor([3.0, 1.0, 12.0])}, 12)
    step, model, other, _ = ax.lines
    assert list(step.get_ydata()) == [1, 2, 3]
    assert list(model.get_ydata()) == [4, 5, 6] and list(other.get_ydata()) == [1, 12, 3]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["shortest path", "model", "other"]
    assert model.get_marker() != other.get_marker()
    for start, (left, right) in enumerate(zip(model.get_xdata(), other.get_xdata(), strict=True)):
        assert start - 0.5 < left < start < right < start + 0.5


def test_the_colours_of_the_three_kinds_differ():
    assert len({*paths.KINDS.values()}) == 3 and paths.KINDS["return"] == ORANGE
