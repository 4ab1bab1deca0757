"""Going through a beam search shows what its trace says, and a length penalty ranks what was finished."""

import pytest

from course.plots.beam import Candidate
from course.widgets.decoding import beam_stepper

END = "<eos>"


def trace(beams: int, first: str = "a") -> list[list[Candidate]]:
    """A search that keeps `beams` beginnings and finishes one in its second step, the rest in its third."""
    start = [Candidate((f"{first}{i}",), -0.5 - i, i < beams) for i in range(beams + 1)]
    second = [Candidate((f"{first}0", END), -0.9, True)]
    second += [Candidate((f"{first}{i}", "x"), -1.0 - i, i < beams) for i in range(1, beams + 1)]
    third = [
        Candidate((*c.tokens, END), c.log_probability - 0.1, True) for c in second if c.kept and c.tokens[-1] != END
    ]
    return [start, second, third] if third else [start, second]


@pytest.fixture
def stepper():
    return beam_stepper(
        {"one": {n: trace(n) for n in (1, 2, 3)}, "two": {n: trace(n, "b") for n in (1, 2, 3)}}, end=END
    )


def test_every_control_changes_picture_and_sentence_at_once(stepper, hold_quick):
    assert stepper.values["step"] == 3
    hold_quick(stepper, "step", [1, 2, 3])
    hold_quick(stepper, "sentence", ["two", "one"])
    hold_quick(stepper, "beams", [2, 1, 3])
    hold_quick(stepper, "alpha", [0.0, 1.0, 2.0])


def test_the_sentence_says_what_the_step_did(stepper):
    stepper.controls["step"].value = 1
    assert stepper.sentence == (
        "Step 1 of 3, 3 beams: 3 of the candidates stay, the likeliest ends in 'a0' (log p -0.50); finished: 0."
    )  # fmt: skip
    stepper.controls["step"].value = 2
    assert "likeliest ends in '<eos>' (log p -0.90); finished: 1. Best: a0 (score" in stepper.sentence


def test_a_larger_alpha_puts_the_longer_one_first():
    long = ("b", "c", "d", "e")
    short = [Candidate(("a",), -1.5, True), Candidate(("a", END), -2.0, True)]
    steps = [[Candidate(long[:n], -2.1, True), *short[n - 1 : n]] for n in range(1, 5)]
    steps.append([Candidate((*long, END), -2.1, True)])
    stepper = beam_stepper({"one": {2: steps}}, end=END)
    rankings = {}
    for alpha in (0.0, 1.0):
        stepper.controls["alpha"].value = alpha
        rankings[alpha] = stepper.figure.texts[0].get_text().split("\n")
    assert rankings[0.0][0] == "ranking, α = 0.0" and rankings[1.0][0] == "ranking, α = 1.0"
    assert [line for line in rankings[0.0] if line[:1] in ("a", "b")] == ["a", "b c d e"]
    assert [line for line in rankings[1.0] if line[:1] in ("a", "b")] == ["b c d e", "a"]
    assert "Best: b c d e (score -1.26)" in stepper.sentence


def test_beyond_its_end_a_search_stays_at_its_last_step(stepper):
    stepper.controls["beams"].value = 1
    assert stepper.sentence.startswith("Step 2 of 2, 1 beam:")
