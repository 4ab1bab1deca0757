"""Decisions as a sequence: maps with paths on them, trajectories as rows of tokens, returns asked and returns got."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from course.plots.diagrams import Number, Point, arrow, box, canvas
from course.plots.palette import BLACK, BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

KINDS = {"return": ORANGE, "state": BLUE, "action": GREEN}  # the three tokens of a step, in their order
MARKS = "osD^vP*"  # as many as colours
Places = Sequence[Point]

# --- maps


def road_map(
    ax: Axes,
    places: Places,
    roads: Sequence[tuple[int, int]],
    goal: int,
    *,
    inside: Sequence[Number] | None = None,
    title: str = "",
) -> Axes:
    """Places and the roads between them; the goal is a square.

    Args:
        places: where each node lies.
        roads: pairs of nodes.
        inside: the number that is written in each node; its own unless given.
    """
    for a, b in roads:
        (x, y), (u, v) = places[a], places[b]
        ax.plot([x, u], [y, v], color=GREY, linewidth=1, alpha=0.6, zorder=1)
    numbers = range(len(places)) if inside is None else inside
    for node, ((x, y), number) in enumerate(zip(places, numbers, strict=True)):
        at_goal = node == goal
        marker, colour = ("s", VERMILION) if at_goal else ("o", "white")
        ax.plot([x], [y], marker, color=colour, markeredgecolor=VERMILION if at_goal else GREY, markersize=13, zorder=3)
        ink = "white" if at_goal else BLACK
        ax.text(x, y, f"{number}", ha="center", va="center", fontsize=7, color=ink, zorder=4)
    ax.set(xlim=(-0.06, 1.06), ylim=(-0.06, 1.06), aspect="equal", title=title)
    ax.set_axis_off()
    return ax


def path(ax: Axes, places: Places, nodes: Sequence[int], *, colour: str = BLUE, first: int = 1) -> Axes:
    """A path on a map: an arrow for each step that moves, with the step's number, bent so that ways back are seen.

    Args:
        first: number of the first step.
    """
    times: dict[tuple[int, int], list[str]] = {}
    for step, (a, b) in enumerate(pairwise(nodes), start=first):
        if a != b:
            times.setdefault((a, b), []).append(f"{step}")
    for (a, b), steps in times.items():
        (x, y), (u, v) = places[a], places[b]
        length = ((u - x) ** 2 + (v - y) ** 2) ** 0.5
        shorten = min(0.035 / length, 0.3)  # begins and ends at the rims of the nodes
        start = x + shorten * (u - x), y + shorten * (v - y)
        end = u - shorten * (u - x), v - shorten * (v - y)
        arrow(ax, start, end, colour=colour, bend=0.18, width=1.8)
        right, up = (v - y) / length, (x - u) / length  # away from the road, on the arc's side
        away = 0.09 * length + 0.025
        side = "center" if abs(right) < 0.4 else "left" if right > 0 else "right"
        place = (x + u) / 2 + away * right, (y + v) / 2 + away * up
        ax.text(*place, ", ".join(steps), ha=side, va="center", fontsize=7, color=colour, weight="bold", zorder=5)
    x, y = places[nodes[0]]
    ax.plot([x], [y], "o", color="none", markeredgecolor=colour, markeredgewidth=2, markersize=15, zorder=3)
    return ax


def lengths(ax: Axes, steps: Sequence[int], horizon: int, shortest: Sequence[int] | None = None) -> Axes:
    """How many walks took how many steps; those of `horizon` + 1 did not arrive. With shortest paths from the starts.

    Args:
        steps: of each walk; `horizon` + 1 for a walk that was cut off.
        shortest: for each walk the fewest steps that its start would have needed.
    """
    places = range(1, horizon + 2)
    series = [("walked", steps, BLUE, -0.2)] + ([("shortest", shortest, ORANGE, 0.2)] if shortest is not None else [])
    for name, values, colour, shift in series:
        counts = Counter(values)
        width = 0.4 if shortest is not None else 0.8
        places_of_bars = [n + (shift if shortest is not None else 0) for n in places]
        ax.bar(places_of_bars, [counts[n] for n in places], width, color=colour, label=name)
    ax.set_xticks(places, [*map(str, range(1, horizon + 1)), "not\nreached"])
    ax.set(xlabel="steps to the goal", ylabel="walks")
    if shortest is not None:
        ax.legend()
    return ax


# --- trajectories


def tokens(
    ax: Axes,
    returns: Sequence[Number],
    states: Sequence[Number],
    actions: Sequence[Number],
    *,
    rewards: Sequence[Number] | None = None,
    title: str = "",
) -> Axes:
    """A trajectory as a row of tokens, three for each step, with the step below and the reward between steps."""
    steps = len(states)
    canvas(ax, 3.3 * steps + 0.2, 2.6)
    for t in range(steps):
        left = 3.3 * t + 0.65
        for place, (kind, value) in enumerate(zip(KINDS, (returns[t], states[t], actions[t]), strict=True)):
            letter = ("\\hat{R}", "s", "a")[place]
            x = left + place
            box(ax, f"{value:g}".replace("-", "−"), (x, 1.45), width=0.9, height=0.8, colour=KINDS[kind])
            ax.text(x, 2.2, f"${letter}_{{{t + 1}}}$", ha="center", va="center", fontsize=9, color=KINDS[kind])
        ax.plot([left - 0.45, left + 2.45], [0.85, 0.85], color=GREY, linewidth=1)
        ax.text(left + 1, 0.5, f"step {t + 1}", ha="center", va="center", fontsize=8, color=GREY)
        if rewards is not None:
            ax.text(left + 2.65, 0.15, f"$r_{{{t + 1}}} = {rewards[t]:g}$", ha="center", va="center", fontsize=8)
    ax.set_title(title)
    return ax


def network(ax: Axes, steps: int = 3) -> Axes:
    """The Decision Transformer: tokens in below, the causal transformer, actions out above the states."""
    width = 3.6 * steps + 0.4
    canvas(ax, width + 2.9, 6.2)
    stack = box(ax, "causal transformer (the layers of a GPT)", (width / 2, 3.85), width=width - 0.3, colour=PURPLE)
    for t in range(steps):
        left = 3.6 * t + 0.85
        for place, kind in enumerate(KINDS):
            letter = ("\\hat{R}", "s", "a")[place]
            last = len(KINDS) * t + place == len(KINDS) * steps - 1
            x, name = left + 1.1 * place, f"{letter}_{{{t + 1}}}"
            token = box(
                ax, f"${name}$", (x, 0.45), width=0.9, height=0.6, colour=KINDS[kind], filled=not last, fontsize=10
            )
            embedded = box(ax, "", (x, 2.0), width=0.5, height=0.9, colour=KINDS[kind], filled=not last)
            arrow(ax, token.top, embedded.bottom, colour=GREY)
            arrow(ax, embedded.top, (x, 3.5), colour=GREY)
            if kind == "state":
                out = box(ax, f"$a_{{{t + 1}}}$", (x, 5.5), width=0.9, height=0.6, colour=GREEN, fontsize=10)
                arrow(ax, (x, stack.top[1]), out.bottom, colour=GREEN, width=1.8)
        ax.plot([left - 0.4, left + 2.6], [2.65, 2.65], color=SKY, linewidth=2)
        ax.text(left + 0.55, 2.9, f"+$e_{t + 1}$", ha="center", va="center", fontsize=8, color=BLUE)
    notes = [
        (5.5, "the action, read at the state", GREEN),
        (3.85, "sees what stands left of it", PURPLE),
        (2.65, "+ a vector for the step; layer norm", BLUE),
        (1.95, "one matrix for each kind", GREY),
        (0.45, "wish, see, do", BLACK),
    ]
    for y, text, colour in notes:
        ax.text(width + 0.05, y, text, ha="left", va="center", fontsize=8, color=colour)
    return ax


def who_sees_whom(ax: Axes, steps: int, *, query: int | None = None) -> Axes:
    """The causal mask over tokens: a coloured cell where a row may look at a column, coloured by what it sees there.

    Args:
        query: the step whose state is framed: the row from which that step's action is read.
    """
    kinds, size = list(KINDS), 3 * steps
    names = [f"${letter}_{{{t + 1}}}$" for t in range(steps) for letter in ("\\hat{R}", "s", "a")]
    for row in range(size):
        for column in range(row + 1):
            ax.add_patch(
                Rectangle((column, row), 1, 1, facecolor=KINDS[kinds[column % 3]], edgecolor="white", alpha=0.7)
            )
    if query is not None:
        row = 3 * query + 1
        ax.add_patch(Rectangle((0, row), size, 1, facecolor="none", edgecolor=BLACK, linewidth=2))
        ax.text(size + 0.2, row + 0.5, f"says $a_{{{query + 1}}}$", va="center", fontsize=9)
    ax.set(xlim=(0, size), ylim=(size, 0), aspect="equal", xlabel="seen: key", ylabel="sees: query")
    ax.set_xticks([i + 0.5 for i in range(size)], names)
    ax.set_yticks([i + 0.5 for i in range(size)], names)
    ax.tick_params(length=0)
    ax.yaxis.labelpad = 10
    return ax


# --- what was asked, what was got


def asked_and_got(
    ax: Axes,
    asked: Float[Tensor, " episodes"],
    got: Float[Tensor, " episodes"],
    *,
    possible: Float[Tensor, ""] | Number | None = None,
    title: str = "",
) -> Axes:
    """Returns asked against returns got: the larger a dot, the more episodes. On the diagonal one gets what one asks.

    Args:
        possible: the best return that there is; to its right nobody can get what is asked.
    """
    pairs = Counter(zip(asked.tolist(), got.tolist(), strict=True))
    low = min(min(pair) for pair in pairs)
    ax.plot([low - 0.5, 0], [low - 0.5, 0], color=GREY, linestyle="--", linewidth=1, label="as asked")
    (wished, reached), counts = zip(*pairs, strict=True), list(pairs.values())
    top = max(counts)
    ax.scatter(wished, reached, s=[160 * count / top + 6 for count in counts], color=BLUE, alpha=0.75, linewidths=0)
    if possible is not None:
        ax.axvline(float(possible) + 0.5, color=VERMILION, linestyle=":", label="no return beyond is possible")
    ax.set(xlabel="return asked", ylabel="return got", xlim=(low - 0.7, 0), ylim=(low - 0.7, 0), title=title)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(loc="upper left", fontsize=8)
    return ax


def by_start(
    ax: Axes, shortest: Float[Tensor, " starts"], taken: Mapping[str, Float[Tensor, " starts"]], horizon: int
) -> Axes:
    """Steps to the goal from each start, starts in the order of their distance; a grey step for the shortest path."""
    order = shortest.argsort(stable=True)
    xs = torch.arange(len(order))
    ax.step(xs.tolist(), shortest[order].tolist(), where="mid", color=GREY, label="shortest path", zorder=0)
    for place, (name, steps) in enumerate(taken.items()):
        shift = 0.7 * ((place + 0.5) / len(taken) - 0.5)  # side by side within a start's column
        look = {"color": COLOURS[place], "markersize": 4.5, "label": name}
        ax.plot((xs + shift).tolist(), steps[order].tolist(), MARKS[place], **look)
    ax.axhline(horizon, color=GREY, linestyle=":", linewidth=1)
    ax.set(xlabel="start, from the nearest to the furthest", ylabel="steps to the goal", ylim=(0, horizon + 0.7))
    ax.set_xticks([])
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return ax
