"""Tokens are dragged and shuffled: the map follows, and the sentences are true."""

import json
import shutil
import subprocess

import pytest
import torch
from traitlets import TraitError

from course.models.positions import sinusoidal
from course.plots.palette import COLOURS
from course.widgets.pad import SCRIPT, Pad
from course.widgets.tokens import draggable_tokens, shuffled_tokens

LABELS = ["cat", "dog", "it"]
LEFT = torch.tensor([[0.0, 1], [-1, 0]])


def attend(points: torch.Tensor, ask: str) -> tuple[torch.Tensor, torch.Tensor]:
    queries = points @ LEFT if ask == "left" else points
    weights = (queries @ points.T / 2**0.5).softmax(dim=-1)
    return weights, weights @ points


@pytest.fixture
def plane():
    return draggable_tokens(attend, ["like", "left"], LABELS, [[1.5, 0.5], [-0.5, 1.5], [0.5, -1.0]])


@pytest.fixture
def shuffled():
    words = "the dog bites the man".split()
    vectors = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))[[0, 1, 2, 0, 3]]
    orders = {"as written": range(5), "man bites": [0, 4, 2, 3, 1], "backwards": range(4, -1, -1)}

    def out(x: torch.Tensor) -> torch.Tensor:
        return (x @ x.T / 6**0.5).softmax(dim=-1) @ x

    return shuffled_tokens(out, vectors, sinusoidal(5, 6), words, orders)


def test_dragging_and_asking_change_what_is_seen_at_once(plane, hold_quick):
    hold_quick(plane, "points", [[[0, 0], [1, 1], [2, -1]], [[1, 0], [1, 1], [2, -2]], [[1, 0], [-2, 1], [2, -2]]])
    hold_quick(plane, "ask", ["left", "like", "left"])


def test_a_token_at_the_origin_looks_at_all_alike(plane):
    plane.controls["points"].value = [[1.0, 0.0], [0.0, 0.0], [-2.0, 0.0]]
    assert "dog looks at all alike (0.33)." in plane.sentence
    assert "cat looks most at itself" in plane.sentence


def test_with_a_quarter_turn_a_token_looks_to_its_left(plane):
    plane.controls["ask"].value = "left"
    plane.controls["points"].value = [[2.0, 0.0], [0.0, 2.0], [0.0, -2.0]]
    assert plane.sentence.startswith("cat looks most at dog (0.")


def test_orders_and_positions_change_what_is_seen_at_once(shuffled, hold_quick):
    hold_quick(shuffled, "order", ["man bites", "backwards", "as written"])
    shuffled.controls["order"].value = "man bites"
    hold_quick(shuffled, "add_positions", [True, False, True])


def test_without_positions_rows_only_move_and_with_them_numbers_change(shuffled):
    shuffled.controls["order"].value = "man bites"
    assert shuffled.sentence.startswith("“the man bites the dog”: every row of the output moved with its word")
    shuffled.controls["add_positions"].value = True
    assert "the outputs of 5 of 5 words changed, by up to" in shuffled.sentence


def test_the_pad_holds_points_within_its_limit():
    pad = Pad([[0.5, 1]], ["a"], description="Tokens", limit=2)
    pad.value = [[3.0, -9.0]]
    assert pad.value == [[2.0, -2.0]]
    assert pad.colours == [COLOURS[0]]


@pytest.mark.parametrize("wrong", [[[1.0]], [[1.0, 2.0, 3.0]], [], [[1.0, float("nan")]]])
def test_the_pad_refuses_what_is_no_point(wrong: list):
    pad = Pad([[0.5, 1]], ["a"], description="Tokens")
    with pytest.raises(TraitError):
        pad.value = wrong
    assert pad.value == [[0.5, 1.0]]


HARNESS = """
const made = [];
class Element {
  constructor(name) {
    Object.assign(this, { name, attributes: {}, children: [], style: {}, listeners: {} });
    made.push(this);
  }
  setAttribute(key, value) { this.attributes[key] = value; }
  appendChild(child) { this.children.push(child); }
  addEventListener(name, listener) { this.listeners[name] = listener; }
  get firstChild() { return this.children[0]; }
  get lastChild() { return this.children.at(-1); }
}
globalThis.document = { createElement: (n) => new Element(n), createElementNS: (_, n) => new Element(n) };
const state = { value: [[1, 1], [-1.95, 0.5]], labels: ["cat", "dog"], colours: ["#000", "#111"],
  description: "Tokens", limit: 2, step: 0.1 };
let follow = () => {}, saves = 0;
const model = { get: (k) => state[k], set: (k, v) => { state[k] = v; follow(); }, save_changes: () => { saves += 1; },
  on: (_, f) => { follow = f; }, off: () => {} };
widget.render({ model, el: new Element("div") });
const points = made.filter((e) => e.name === "g");
const press = (point, key, shiftKey = false) => {
  let stopped = 0;
  const event = { key, shiftKey, preventDefault: () => { stopped += 1; }, stopPropagation: () => { stopped += 1; } };
  point.listeners.keydown(event);
  return stopped;
};
const tell = (p) => [p.attributes.tabindex, p.attributes["aria-label"], p.attributes["aria-valuetext"]];
const before = points.map(tell);
const stopped = [press(points[0], "ArrowRight"), press(points[0], "ArrowUp", true), press(points[0], "Tab")];
press(points[1], "ArrowLeft");
const moved = state.value;
press(points[1], "Home");
const svg = made.find((e) => e.name === "svg").attributes["data-lm-suppress-shortcuts"];
console.log(JSON.stringify({ before, stopped, moved, after: points.map(tell), value: state.value, saves, svg }));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_keyboard_moves_points_and_a_screen_reader_hears_where_they_are():
    script = SCRIPT.replace("export default", "const widget =") + HARNESS
    found = subprocess.run(["node", "-e", script], capture_output=True, text=True, timeout=60)
    assert not found.stderr, found.stderr
    heard = json.loads(found.stdout)
    assert heard["before"] == [[0, "cat", "x 1, y 1"], [0, "dog", "x -1.95, y 0.5"]]
    assert heard["stopped"] == [2, 2, 0]  # Tab goes on to the next point
    assert heard["moved"] == [[1.1, 1.5], [-2, 0.5]]  # and not beyond the limit
    assert heard["value"] == [[1.1, 1.5], [0, 0]]
    assert heard["after"] == [[0, "cat", "x 1.1, y 1.5"], [0, "dog", "x 0, y 0"]]
    assert heard["saves"] == 4
    assert heard["svg"] == "true"
