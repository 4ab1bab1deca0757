"""Points that are dragged in a plane: a control like a slider, with two numbers for each point.

With the keyboard: Tab goes from point to point, the arrows move one by a step, with Shift by five, Home puts it at the
origin. A screen reader hears a point's name and its coordinates.
"""

import math
from collections.abc import Sequence

import anywidget
import traitlets

from course.plots.palette import COLOURS

# `data-lm-suppress-shortcuts` keeps JupyterLab from moving to the next cell when an arrow moves a point.
SCRIPT = """
const NS = "http://www.w3.org/2000/svg";
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function node(name, attributes, parent) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.appendChild(made);
  return made;
}

function render({ model, el }) {
  const size = 260, limit = model.get("limit"), step = model.get("step");
  const toPixel = (v) => size / 2 + (v / limit) * (size / 2 - 16);
  const fromPixel = (p) => ((p - size / 2) / (size / 2 - 16)) * limit;
  const snapped = (v) => Math.max(-limit, Math.min(limit, Number((Math.round(v / step) * step).toFixed(6))));

  const heading = document.createElement("div");
  heading.textContent = model.get("description") + ": drag, or Tab and the arrow keys";
  el.appendChild(heading);
  const svg = node("svg", { viewBox: `0 0 ${size} ${size}`, width: size, height: size, role: "group",
    "aria-label": model.get("description"), "data-lm-suppress-shortcuts": "true" }, el);
  svg.style.cssText = "touch-action: none; user-select: none; max-width: 100%; border: 1px solid #777777";
  for (const line of [{ x1: 0, x2: size, y1: size / 2, y2: size / 2 }, { x1: size / 2, x2: size / 2, y1: 0, y2: size }])
    node("line", { ...line, stroke: "#777777", "stroke-width": 0.7 }, svg);

  function move(index, x, y) {
    const points = model.get("value").map((point) => [...point]);
    points[index] = [snapped(x), snapped(y)];
    model.set("value", points);
    model.save_changes();
  }

  const groups = model.get("labels").map((label, index) => {
    const group = node("g", { tabindex: 0, role: "slider", "aria-label": label, "aria-roledescription": "point",
      "aria-valuemin": -limit, "aria-valuemax": limit }, svg);
    group.style.cursor = "grab";
    node("circle", { r: 12, fill: model.get("colours")[index], class: "ring", "fill-opacity": 0 }, group);
    node("circle", { r: 7, fill: model.get("colours")[index] }, group);
    const text = node("text", { x: 10, y: -9, "font-size": 12, fill: "currentColor" }, group);
    text.textContent = label;
    group.addEventListener("focus", () => group.firstChild.setAttribute("fill-opacity", 0.35));
    group.addEventListener("blur", () => group.firstChild.setAttribute("fill-opacity", 0));
    group.addEventListener("keydown", (event) => {
      const arrow = ARROWS[event.key];
      if (!arrow && event.key !== "Home") return;
      event.preventDefault();
      event.stopPropagation();
      const [x, y] = model.get("value")[index], by = step * (event.shiftKey ? 5 : 1);
      if (arrow) move(index, x + by * arrow[0], y + by * arrow[1]);
      else move(index, 0, 0);
    });
    group.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      group.focus();
      group.setPointerCapture(event.pointerId);
    });
    group.addEventListener("pointermove", (event) => {
      if (!group.hasPointerCapture(event.pointerId)) return;
      const frame = svg.getBoundingClientRect(), scale = size / frame.width;
      move(index, fromPixel((event.clientX - frame.left) * scale), -fromPixel((event.clientY - frame.top) * scale));
    });
    return group;
  });

  function place() {
    model.get("value").forEach(([x, y], index) => {
      const group = groups[index], right = x > 0.6 * limit;
      group.setAttribute("transform", `translate(${toPixel(x)}, ${toPixel(-y)})`);
      group.lastChild.setAttribute("text-anchor", right ? "end" : "start");
      group.lastChild.setAttribute("x", right ? -10 : 10);
      group.lastChild.setAttribute("y", y > 0.85 * limit ? 18 : -9);
      group.setAttribute("aria-valuenow", x);
      group.setAttribute("aria-valuetext", `x ${x}, y ${y}`);
    });
  }
  place();
  model.on("change:value", place);
  return () => model.off("change:value", place);
}

export default { render };
"""


class Pad(anywidget.AnyWidget):
    """Points in the square from -limit to limit, each with a name.

    Args:
        value: [x, y] of each point; what dragging changes.
        labels: a name for each.
        description: what the points are, the control's label.

    Raises:
        TraitError: a value is not one finite pair for each label. Coordinates beyond the limit are brought to it.
    """

    _esm = SCRIPT
    value = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    colours = traitlets.List(traitlets.Unicode()).tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)
    limit = traitlets.Float(2.0).tag(sync=True)
    step = traitlets.Float(0.1).tag(sync=True)
    style = traitlets.Instance(
        traitlets.HasTraits, ()
    )  # an Explorer asks every control for one; this one has no traits

    def __init__(
        self, value: Sequence[Sequence[float]], labels: Sequence[str], *, description: str, limit: float = 2.0
    ):
        colours = [COLOURS[index % len(COLOURS)] for index in range(len(labels))]
        super().__init__(labels=list(labels), colours=colours, description=description, limit=limit)
        self.value = [list(point) for point in value]

    @traitlets.validate("value")
    def _inside(self, proposal: dict) -> list[list[float]]:
        points = proposal["value"]
        fits = len(points) == len(self.labels) and all(len(point) == 2 for point in points)
        if not fits or not all(math.isfinite(number) for point in points for number in point):
            raise traitlets.TraitError(f"a finite [x, y] for each of {len(self.labels)} points, not {points}")
        return [[max(-self.limit, min(self.limit, number)) for number in point] for point in points]
