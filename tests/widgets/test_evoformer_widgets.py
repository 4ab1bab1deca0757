"""The triangle explorer: every control is seen and told, and what it tells is true."""

import re

import pytest
import torch

from course.widgets.evoformer import triangle_explorer

N = 9
NAMES = [f"P{n}" for n in range(N)]
PAIRS = [(0, 3), (1, 6), (0, 8)]


def by_third_point(lower, upper):
    high = upper[:, None] + upper
    low = lower[:, None] - upper
    return torch.maximum(low, low.transpose(0, 1)), high


@pytest.fixture
def line():
    """Points on a bent line of which the distances of near neighbours are known."""
    steps = torch.arange(N, dtype=torch.float32)
    places = torch.stack([3 * steps, 2 * torch.sin(steps)], dim=-1)
    distances = (places[:, None] - places).norm(dim=-1)
    return distances, (steps[:, None] - steps).abs() <= 2


@pytest.fixture
def explorer(line):
    return triangle_explorer(*line, by_third_point, NAMES, PAIRS)


def numbers(sentence: str) -> list[float]:
    """Those with a decimal point."""
    return [float(number) for number in re.findall(r"\d+\.\d", sentence)]


def test_every_control_changes_picture_and_sentence_at_once(explorer, hold_quick):
    hold_quick(explorer, "k", [2, 4, 0, 1])
    hold_quick(explorer, "pair", [(1, 6), (0, 8), (0, 3)])
    hold_quick(explorer, "noise", [1.0, 2.0, 0.5])
    explorer.controls["pair"].value = (0, 8)
    explorer.controls["k"].value = 4
    hold_quick(explorer, "round_", [2, 3, 1])


def test_one_third_point_says_the_triangle_inequality(explorer, line):
    distances, _ = line
    explorer.controls["k"].value = 2
    low, high, lowest, highest, _ = numbers(explorer.sentence)
    assert low == pytest.approx(abs(distances[0, 2] - distances[2, 3]).item(), abs=0.051)
    assert high == pytest.approx((distances[0, 2] + distances[2, 3]).item(), abs=0.051)
    both = torch.stack([distances[0, 1:3], distances[3, 1:3]])  # the two third points that close a triangle
    assert lowest == pytest.approx((both[0] - both[1]).abs().max().item(), abs=0.051)
    assert highest == pytest.approx(both.sum(0).min().item(), abs=0.051)
    assert "outside" not in explorer.sentence


def test_an_end_of_the_pair_is_no_third_point_and_an_open_side_sets_no_bound(explorer):
    assert explorer.controls["k"].value == 1  # the first that closes a triangle
    explorer.controls["k"].value = 0
    assert explorer.sentence.startswith("P0 is an end of the pair itself")
    explorer.controls["k"].value = 7
    assert explorer.sentence.startswith("k = P7 sets no upper bound")


@pytest.mark.parametrize("round_", [1, 2, 3])
def test_a_round_doubles_the_way_that_is_known(explorer, line, round_):
    """Known are sides of 2 steps: so of 4, 8 and 16 steps after one, two and three rounds."""
    explorer.controls["round_"].value = round_
    for i, j in PAIRS:
        explorer.controls["pair"].value = (i, j)
        bounded = "no upper bound. The truth" not in explorer.sentence
        assert bounded == (j - i <= 2 ** (round_ + 1))
        if bounded:
            low, high, truth = numbers(explorer.sentence)[-3:]
            assert low <= truth <= high and "outside" not in explorer.sentence
            assert truth == pytest.approx(line[0][i, j].item(), abs=0.051)


def test_the_last_upper_bound_is_the_shortest_way_over_known_sides(explorer, line):
    distances, known = line
    way = torch.where(known, distances, torch.inf)
    for k in range(N):
        way = torch.minimum(way, way[:, k, None] + way[k])
    explorer.controls["round_"].value = 3
    explorer.controls["pair"].value = (0, 8)
    assert numbers(explorer.sentence)[-2] == pytest.approx(way[0, 8].item(), abs=0.051)


def test_noise_may_make_third_points_contradict(line):
    explorer = triangle_explorer(*line, by_third_point, NAMES)
    assert len(explorer.controls["pair"].options) == (N - 3) * (N - 2) // 2  # all that are hidden
    explorer.controls["noise"].value = 2.0
    explorer.controls["round_"].value = 3
    told = []
    for _, pair in explorer.controls["pair"].options:
        explorer.controls["pair"].value = pair
        told.append(explorer.sentence)
    wrong = [sentence for sentence in told if "contradict" in sentence or "outside" in sentence]
    assert wrong
    for sentence in wrong:
        low, high, truth = numbers(sentence)[-3:]
        assert low > high or not low <= truth <= high
