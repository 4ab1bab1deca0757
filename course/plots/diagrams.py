"""Boxes and arrows: what drawings of networks are made of. Coordinates are those of the Axes; y grows upwards."""

from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from course.plots.palette import BLACK, BLUE

Number = float | int
Point = tuple[Number, Number]


class Box(NamedTuple):
    """A box that was drawn, and the points where arrows touch it."""

    x: Number  # of its centre
    y: Number
    width: Number
    height: Number

    @property
    def top(self) -> Point:
        return self.x, self.y + self.height / 2

    @property
    def bottom(self) -> Point:
        return self.x, self.y - self.height / 2

    @property
    def left(self) -> Point:
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> Point:
        return self.x + self.width / 2, self.y


def canvas(ax: Axes, width: Number, height: Number) -> Axes:
    """An empty drawing of this size, without axes, in which a square is a square."""
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    ax.set_axis_off()
    return ax


def box(
    ax: Axes,
    text: str,
    centre: Point,
    *,
    width: Number = 1.6,
    height: Number = 0.7,
    colour: str = BLUE,
    filled: bool = True,
    fontsize: Number = 9,
) -> Box:
    """A rounded box with a text in its middle: filled in a pale shade of `colour`, or an outline."""
    x, y = centre
    outline = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.12",
        facecolor=(colour + "30") if filled else "none",
        edgecolor=colour,
        linewidth=1.2,
    )
    ax.add_patch(outline)
    ax.text(x, y, text, ha="center", va="center", fontsize=fontsize)
    return Box(x, y, width, height)


def arrow(
    ax: Axes,
    start: Point,
    end: Point,
    label: str = "",
    *,
    colour: str = BLACK,
    bend: Number = 0.0,
    width: Number = 1.2,
    shift: Point = (0.0, 0.0),
    fontsize: Number = 8,
) -> None:
    """An arrow from `start` to `end`, bent to its left by `bend`; its label stands at its middle, moved by `shift`."""
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=9,
            connectionstyle=f"arc3,rad={bend}",
            color=colour,
            linewidth=width,
            shrinkA=1,
            shrinkB=1,
        )
    )
    if label:
        middle = (start[0] + end[0]) / 2 + shift[0], (start[1] + end[1]) / 2 + shift[1]
        ax.text(*middle, label, ha="center", va="center", fontsize=fontsize, color=colour)
