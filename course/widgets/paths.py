"""A return is asked for, and a path is walked."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import ipywidgets
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from course.plots.palette import BLUE, GREY, ORANGE, VERMILION
from course.plots.paths import Places, path, road_map
from course.widgets.explorer import Explorer, fixed_axes

Policy = Callable[[int, int], Sequence[int]]


def return_asked(
    places: Places,
    roads: Sequence[tuple[int, int]],
    goal: int,
    policies: Mapping[str, Policy],
    *,
    shortest: Sequence[int],
    seen: Sequence[int],
    horizon: int,
) -> Explorer:
    """Choose a start and a return: which way does the model go, and is it what was asked for?

    Args:
        places, roads, goal: of the map.
        policies: by name; from a start and the return that is asked for (-1 to -`horizon`) to the nodes of the path,
            the start and the end included. They are asked often: look them up in a table.
        shortest: steps of the shortest path from each node.
        seen: fewest steps that any walk in the data took from each node on; 0 where none arrived.
        horizon: steps after which a path is cut off.
    """
    starts = [node for node in range(len(places)) if node != goal]
    furthest = max(starts, key=lambda node: shortest[node])

    def draw(figure: Figure, policy: str, start: int, asked: int) -> str:
        go = policies[policy]
        nodes = list(go(start, asked))
        left, right = fixed_axes(figure, (0.0, 0.02, 0.56, 0.9), (0.655, 0.17, 0.33, 0.72))
        road_map(left, places, roads, goal)
        path(left, places, nodes)
        left.set_title(f"from {start}, asked for {minus(asked)}", fontsize=9)
        wishes = range(-horizon, 0)
        got = [-(len(go(start, wish)) - 1) for wish in wishes]
        right.plot([-horizon, 0], [-horizon, 0], color=GREY, linestyle="--", linewidth=1, label="as asked")
        right.axhline(-shortest[start], color=VERMILION, linestyle=":", linewidth=1.2, label="shortest path")
        arrived = [go(start, wish)[-1] == goal for wish in wishes]
        for reached, face, name in ((True, BLUE, "got"), (False, "white", f"not reached (at {minus(-horizon)})")):
            some = [(wish, value) for wish, value, there in zip(wishes, got, arrived, strict=True) if there == reached]
            if some:
                right.plot(*zip(*some, strict=True), "o", color=BLUE, markerfacecolor=face, markersize=5, label=name)
        right.plot([asked], [-(len(nodes) - 1)], "o", color="none", markeredgecolor=ORANGE, markersize=11)
        right.set(xlim=(-horizon - 0.7, 0), ylim=(-horizon - 0.7, 0.2), xlabel="return asked", ylabel="return got")
        right.yaxis.set_major_locator(MaxNLocator(integer=True))
        right.legend(fontsize=7, loc="upper left")
        return sentence(nodes, asked, goal, shortest[start], seen[start], horizon)

    labels = [(f"{node} ({shortest[node]} step{'s' * (shortest[node] > 1)} away)", node) for node in starts]
    controls = {
        "policy": ipywidgets.Dropdown(options=list(policies), description="model"),
        "start": ipywidgets.Dropdown(options=labels, value=furthest, description="start"),
        "asked": ipywidgets.IntSlider(-shortest[furthest], min=-horizon, max=-1, description="return asked"),
    }
    return Explorer(draw, controls, title="Ask for a return", size=(7.4, 3.9))


def minus(number: int) -> str:
    return f"{number}".replace("-", "−")


def sentence(nodes: Sequence[int], asked: int, goal: int, shortest: int, seen: int, horizon: int) -> str:
    """What a path is, what was asked, and what would have been possible."""
    steps = len(nodes) - 1
    stays = sum(a == b for a, b in pairwise(nodes))
    text = f"Asked for {minus(asked)} from node {nodes[0]}: {' → '.join(map(str, nodes))}. "
    if nodes[-1] != goal:
        text += f"The goal is not reached in {horizon} steps. "
    elif steps == -asked:
        text += f"The goal is reached in {steps} steps: the return is {minus(-steps)}, as asked. "
    else:
        than = "less" if steps > -asked else "more"
        text += f"The goal is reached in {steps} steps: the return is {minus(-steps)}, {than} than asked. "
    if stays:
        text += "1 step leads along no road. " if stays == 1 else f"{stays} steps lead along no road. "
    best = f"the best walk in the data took {seen} from there on" if seen else "no walk in the data arrived from there"
    return f"{text}The shortest path has {shortest} step{'s' * (shortest > 1)}; {best}."
