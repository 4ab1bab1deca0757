"""What is asked for is what is walked, drawn and told."""

import pytest

from course.widgets.paths import return_asked

PLACES = [(0.0, 0.0), (0.25, 0.1), (0.5, 0.0), (0.75, 0.1), (1.0, 0.0)]
ROADS = [(0, 1), (1, 2), (2, 3), (3, 4)]
GOAL, HORIZON, SHORTEST, SEEN = 4, 6, [4, 3, 2, 1, 0], [5, 3, 2, 1, 0]


def obedient(start: int, asked: int) -> list[int]:
    """Waits where it is while there is time, then walks to the goal; asked for too much, it never moves."""
    distance = GOAL - start
    if -asked < distance:
        return [start] * (HORIZON + 1)
    return [start] * (-asked - distance) + list(range(start, GOAL + 1))


def stubborn(start: int, asked: int) -> list[int]:
    return list(range(start, GOAL + 1))


@pytest.fixture
def widget():
    policies = {"obedient": obedient, "stubborn": stubborn}
    return return_asked(PLACES, ROADS, GOAL, policies, shortest=SHORTEST, seen=SEEN, horizon=HORIZON)


def test_every_control_changes_picture_and_sentence_at_once(widget, hold_quick):
    hold_quick(widget, "asked", [-5, -6, -2])
    hold_quick(widget, "start", [1, 2, 0])
    hold_quick(widget, "policy", ["stubborn", "obedient"])


def test_it_begins_at_the_furthest_start_asked_for_the_best_that_is_possible(widget):
    assert widget.values == {"policy": "obedient", "start": 0, "asked": -4}
    assert [value for _, value in widget.controls["start"].options] == [0, 1, 2, 3]
    assert (widget.controls["asked"].min, widget.controls["asked"].max) == (-HORIZON, -1)
    assert widget.sentence == (
        "Asked for −4 from node 0: 0 → 1 → 2 → 3 → 4. The goal is reached in 4 steps: the return is −4, as asked. "
        "The shortest path has 4 steps; the best walk in the data took 5 from there on."
    )


def test_the_sentence_says_what_was_got_instead(widget):
    widget.controls["asked"].value = -2
    assert "The goal is not reached in 6 steps. 6 steps lead along no road. " in widget.sentence
    widget.controls["policy"].value = "stubborn"
    assert "in 4 steps: the return is −4, less than asked" in widget.sentence
    widget.controls["asked"].value = -6
    assert "in 4 steps: the return is −4, more than asked" in widget.sentence
    widget.controls["policy"].value = "obedient"
    widget.controls["asked"].value = -5
    assert "1 step leads along no road. " in widget.sentence


def test_a_node_from_which_no_walk_arrived_is_told():
    widget = return_asked(PLACES, ROADS, GOAL, {"x": stubborn}, shortest=SHORTEST, seen=[0] * 5, horizon=HORIZON)
    assert widget.sentence.endswith("no walk in the data arrived from there.")


def test_the_picture_shows_what_every_wish_from_this_start_would_get(widget):
    right = widget.figure.axes[1]
    drawn = {line.get_label(): [*zip(*line.get_data(), strict=True)] for line in right.lines}
    assert drawn["got"] == [(-6, -6), (-5, -5), (-4, -4)]
    assert drawn["not reached (at −6)"] == [(-3, -6), (-2, -6), (-1, -6)]
    assert {y for _, y in drawn["shortest path"]} == {-4}
    ring = next(line for line in right.lines if line.get_markersize() == 11)
    assert [*zip(*ring.get_data(), strict=True)] == [(-4, -4)]
    widget.controls["policy"].value = "stubborn"
    assert not any("not reached" in line.get_label() for line in widget.figure.axes[1].lines)
    widget.controls["start"].value = 2
    (shortest,) = [line for line in widget.figure.axes[1].lines if line.get_label() == "shortest path"]
    assert set(shortest.get_ydata()) == {-2}
    ring = next(line for line in widget.figure.axes[1].lines if line.get_markersize() == 11)
    assert [*zip(*ring.get_data(), strict=True)] == [(-4, -2)]
