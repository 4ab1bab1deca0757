"""The widgets of attention layers react at once, and what they say is true."""

import re

import pytest
import torch
import torch.nn.functional as F

from course.widgets import scores as widgets
from course.widgets.explorer import Explorer

KEYS = torch.tensor([[2.5, 0.5], [-0.5, 2.5], [-1.5, -1.5], [0.8, 0.9], [1.2, -2.0]])
VALUES = torch.tensor([[2.0, 2], [-2, 2], [-2, -2], [0, -0.5], [2, -2]])


def number(sentence: str, after: str) -> float:
    return float(re.search(re.escape(after) + r" (-?[\d.]*\d)", sentence)[1])


@pytest.fixture
def scaling() -> Explorer:
    generator = torch.Generator().manual_seed(0)
    return widgets.scaling(
        torch.randn(128, 1, 512, generator=generator), torch.randn(128, 16, 512, generator=generator)
    )


@pytest.fixture
def turn() -> Explorer:
    return widgets.turn(KEYS, VALUES)


@pytest.fixture
def steps() -> Explorer:
    return widgets.steps(torch.eye(3, 4) * 2, torch.ones(4, 4).triu(), VALUES[:4])


def test_every_control_changes_what_is_seen_at_once(scaling: Explorer, turn: Explorer, steps: Explorer, hold_quick):
    hold_quick(scaling, "d", [1, 16, 512])
    hold_quick(scaling, "scale", ["1/√d", "1/d", "none"])
    hold_quick(turn, "angle", [0, 45, 200])
    hold_quick(turn, "length", [2.0, 0.0, 3.0])
    hold_quick(turn, "unit_keys", [True, False])
    hold_quick(steps, "stage", [2, 3, 4, 1])
    hold_quick(steps, "query", [1, 2, 0])


def test_the_length_of_vectors_hardens_weights_unless_they_are_scaled(scaling: Explorer):
    def entropies(scale: str) -> list[float]:
        scaling.controls["scale"].value = scale
        found = []
        for d in (4, 64, 512):
            scaling.controls["d"].value = d
            found.append(number(scaling.sentence, "entropy"))
        return found

    short, middle, long = entropies("none")
    assert short > middle + 1 and middle > long + 0.2
    assert max(entropies("1/√d")) - min(entropies("1/√d")) < 0.1
    assert entropies("1/d")[-1] > 3.9


def test_a_key_inside_the_polygon_of_the_others_never_wins_and_wins_when_all_are_equally_long(turn: Explorer):
    winners = set()
    for angle in range(0, 360, 45):
        turn.controls["angle"].value = angle
        winners.add(re.search(r"Most goes to (k\d)", turn.sentence)[1])
    assert winners == {"k1", "k2", "k3", "k5"}
    turn.controls["angle"].value, turn.controls["unit_keys"].value = 50, True
    assert "Most goes to k4" in turn.sentence


def test_the_output_is_the_weighted_mean_of_the_values(turn: Explorer):
    turn.controls["angle"].value, turn.controls["length"].value = 90, 2.0
    output = F.softmax(KEYS @ torch.tensor([0.0, 2.0]), dim=-1) @ VALUES
    x, y = (float(entry) for entry in re.search(r"output is \((.*), (.*)\)", turn.sentence).groups())
    assert (x, y) == pytest.approx(tuple(output.tolist()), abs=0.006)


def test_a_query_of_length_zero_asks_nothing(turn: Explorer):
    turn.controls["length"].value = 0.0
    assert "All get the same" in turn.sentence and turn.sentence.count("0.20") == 5


def test_each_stage_says_the_numbers_of_the_query_that_is_followed(steps: Explorer):
    Q, K = torch.eye(3, 4) * 2, torch.ones(4, 4).triu()
    steps.controls["query"].value = 1
    for stage, row in ((1, "(2, 2, 0, 0)"), (2, "(1, 1, 0, 0)"), (3, "(0.37, 0.37, 0.13, 0.13)")):
        steps.controls["stage"].value = stage
        assert steps.sentence.endswith(f": {row}.")
    steps.controls["stage"].value = 4
    x, y = (float(entry) for entry in re.search(r"\((.*), (.*)\)", steps.sentence).groups())
    output = F.scaled_dot_product_attention(Q, K, VALUES[:4])[1]
    assert (x, y) == pytest.approx(tuple(output.tolist()), abs=0.006)
