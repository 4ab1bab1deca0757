"""The translator at work: each step shows its own weights, and a shorter sentence has fewer steps."""

import pytest
import torch

from course.plots.alignment import Written
from course.widgets.alignment import stepper


def written(source: str, target: str) -> Written:
    source, target = source.split(), [*target.split(), "<eos>"]
    weights = torch.rand(len(target), len(source), generator=torch.Generator().manual_seed(0)).softmax(-1)
    return Written(source, target, weights, [[(word, 0.75), ("le", 0.25)] for word in target])


SENTENCES = {
    "a red car": written("a red car", "une voiture rouge"),
    "two": written("two", "deux"),
    "in the street": written("in the street", "dans la rue"),
}


@pytest.fixture
def steps():
    return stepper(SENTENCES)


def test_each_control_acts_at_once(steps, hold_quick):
    hold_quick(steps, "step", [2, 3, 4])
    hold_quick(steps, "sentence", ["in the street", "a red car", "two"])


def test_the_words_come_in_their_order(steps):
    for step, word in enumerate(["une", "voiture", "rouge", "end"], start=1):
        steps.controls["step"].value = step
        assert f"Step {step} of 4: it writes “{word}” with probability 0.75" in steps.sentence


def test_a_shorter_sentence_has_fewer_steps_and_a_longer_one_gets_them_back(steps):
    steps.controls["step"].value = 4
    steps.controls["sentence"].value = "two"
    assert (steps.controls["step"].max, steps.controls["step"].value) == (2, 2)
    assert "Step 2 of 2: it writes “end”" in steps.sentence
    steps.controls["sentence"].value = "a red car"
    assert steps.controls["step"].max == 4
