"""The look-up's widgets: each control changes what is seen, and the sentence is true."""

import re

import pytest
import torch

from course.plots.lookup import OBJECTS
from course.widgets.lookup import temperature, wish

KEYS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
VALUES = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
WORDS = ("un", "deux", "rien")
QUERIES = {"one": KEYS[0], "both": KEYS[0] + KEYS[1]}
SALIENCY = torch.tensor([0.4, 0.5, 1.4, 0.4, 0.3])
MATCH = {"nothing": torch.zeros(5), "read": torch.tensor([2.0, 0.0, 0.0, 1.0, 4.0])}


def look_up(query, tau):
    weights = (KEYS @ query / tau).softmax(-1)
    return weights @ VALUES, weights


@pytest.fixture
def hot_or_cold():
    return temperature(look_up, QUERIES, WORDS, VALUES)


@pytest.fixture
def cup_or_book():
    return wish(lambda name, beta: (beta * SALIENCY, MATCH[name]), list(MATCH), "read")


def test_each_control_of_the_temperature_acts_at_once(hot_or_cold, hold_quick):
    hold_quick(hot_or_cold, "tau", [0.1, 1.0, 5.0])
    hold_quick(hot_or_cold, "query", ["both", "one", "both"])


def test_a_tie_is_a_tie_at_every_temperature(hot_or_cold):
    hot_or_cold.controls["query"].value = "both"
    for tau in (0.06, 0.3, 2.0):
        hot_or_cold.controls["tau"].value = tau
        first, second = re.findall(r"(\d\.\d\d) \((?:un|deux)\)", hot_or_cold.sentence)
        assert first == second
        assert hot_or_cold.sentence.startswith(f"τ = {tau:.2f}.")


def test_cold_takes_the_best_key_and_hot_the_mean(hot_or_cold):
    hot_or_cold.controls["tau"].value = 0.06
    assert "1.00 (un)" in hot_or_cold.sentence and "(-1.00, 0.00)" in hot_or_cold.sentence
    hot_or_cold.controls["tau"].value = 15.0
    x, y = (float(v) for v in re.search(r"at \((\S+), (\S+)\)", hot_or_cold.sentence).groups())
    assert abs(x) < 0.05 and abs(y - 2 / 3) < 0.05


def test_the_look_up_of_the_notebook_is_the_one_that_is_shown():
    always_second = temperature(lambda q, tau: (VALUES[1], torch.tensor([0.0, 1.0, 0.0])), QUERIES, WORDS, VALUES)
    assert "1.00 (deux)" in always_second.sentence


def test_each_control_of_the_wish_acts_at_once(cup_or_book, hold_quick):
    hold_quick(cup_or_book, "wish", ["nothing", "read", "nothing"])
    hold_quick(cup_or_book, "beta", [0.5, 1.0, 3.0])
    hold_quick(cup_or_book, "tau", [0.2, 0.5, 4.0])


def test_who_wins_depends_on_the_wish_and_on_beta_and_not_on_the_temperature(cup_or_book):
    def winner() -> str:
        return re.search(rf"The ({'|'.join(OBJECTS)}) has the largest", cup_or_book.sentence)[1]

    turn = 4.0 / (1.4 - 0.3)  # equal scores of cup and book
    for tau in (0.2, 1.0, 5.0):
        cup_or_book.controls["tau"].value = tau
        cup_or_book.controls["beta"].value = round(turn - 0.1, 1)
        assert winner() == "book"
        cup_or_book.controls["beta"].value = round(turn + 0.1, 1)
        assert winner() == "red cup"
    cup_or_book.controls["beta"].value = 1.0
    cup_or_book.controls["wish"].value = "nothing"
    assert winner() == "red cup"
    assert "because of its looks" in cup_or_book.sentence
