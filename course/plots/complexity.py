"""What layers connect and what they cost."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from matplotlib.axes import Axes

from course.plots.palette import BLACK, COLOURS, GREY, VERMILION

Place = tuple[int, int]  # (token, layer); the inputs are layer 0
Edge = tuple[Place, Place]
Number = int | float


def convolutions(T: int, k: int, *, dilated: bool) -> list[Edge]:
    """Layers of width k in which a token sees itself and what stands before it, until the last one sees the first.

    With dilation layer n looks back in strides of kⁿ (n = 0, 1, …); without, all strides are 1.
    """
    edges, reach, layer = [], 0, 0
    while reach < T - 1:
        stride = k**layer if dilated else 1
        for token in range(T):
            sources = (token - stride * back for back in range(k))
            edges += [((source, layer), (token, layer + 1)) for source in sources if source >= 0]
        reach, layer = reach + (k - 1) * stride, layer + 1
    return edges


def recurrence(T: int) -> list[Edge]:
    """Every state reads its token and the state before it."""
    return [((t, 0), (t, 1)) for t in range(T)] + [((t - 1, 1), (t, 1)) for t in range(1, T)]


def self_attention(T: int) -> list[Edge]:
    """Every output reads every token."""
    return [((source, 0), (target, 1)) for target in range(T) for source in range(T)]


def shortest_path(edges: Sequence[Edge], start: Place, end: Place) -> list[Edge]:
    """The fewest edges from `start` to `end`, in their order.

    Raises:
        ValueError: no way leads there.
    """
    following: dict[Place, list[Edge]] = {}
    for edge in edges:
        following.setdefault(edge[0], []).append(edge)
    came: dict[Place, Edge | None] = {start: None}
    frontier = deque([start])
    while end not in came:
        if not frontier:
            raise ValueError(f"no way leads from {start} to {end}")
        for edge in following.get(frontier.popleft(), []):
            if edge[1] not in came:
                came[edge[1]] = edge
                frontier.append(edge[1])
    return list(_backwards(came, end))[::-1]


def _backwards(came: Mapping[Place, Edge | None], place: Place) -> Iterator[Edge]:
    while (edge := came[place]) is not None:
        yield edge
        place = edge[0]


def path_length(edges: Sequence[Edge]) -> int:
    """How many edges lead from the first token to the last output."""
    return len(shortest_path(edges, (0, 0), _far_corner(edges)))


def _far_corner(edges: Sequence[Edge]) -> Place:
    places = {place for edge in edges for place in edge}
    return max(token for token, _ in places), max(layer for _, layer in places)


def connectivity(ax: Axes, edges: Sequence[Edge], *, title: str) -> int:
    """Draw tokens (below), outputs (above) and who reads whom; bold is the way of the first token to the last output.

    Returns:
        the number of edges on that way.
    """
    places = {place for edge in edges for place in edge}
    last, top = _far_corner(edges)
    way = shortest_path(edges, (0, 0), (last, top))
    for (x0, y0), (x1, y1) in edges:
        if ((x0, y0), (x1, y1)) not in way:
            ax.plot([x0, x1], [y0, y1], color=GREY, linewidth=0.6, alpha=0.6, zorder=1)
    for (x0, y0), (x1, y1) in way:
        ax.annotate(
            "", (x1, y1), (x0, y0), arrowprops={"arrowstyle": "-|>", "color": VERMILION, "linewidth": 2}, zorder=2
        )
    for token, layer in places:
        ax.plot(token, layer, "o", color=BLACK if layer else "white", markeredgecolor=BLACK, markersize=5, zorder=3)
    ax.set(title=title, xlim=(-0.7, last + 0.7), ylim=(-0.35, top + 0.3), xticks=[])
    ax.set_yticks([0, top], ["tokens", "outputs"])
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return len(way)


def scaling(
    ax: Axes,
    sizes: Sequence[int],
    measured: Mapping[str, Sequence[Number]],
    formulas: Mapping[str, Sequence[Number]],
    *,
    ylabel: str,
    crossings: Mapping[str, tuple[Number, Number]] | None = None,
) -> Axes:
    """Costs against the length of the sequence, on logarithmic axes: measured as dots, formulas as lines.

    Args:
        measured, formulas: by the name of a layer; the same name has the same colour.
        crossings: a label and the place (T, cost) where two lines meet.
    """
    names = list(dict.fromkeys([*formulas, *measured]))
    colours = dict(zip(names, COLOURS, strict=False))
    for name in names:
        label: str | None = name
        if name in formulas:
            ax.loglog(sizes, formulas[name], "-", color=colours[name], label=label, linewidth=1.3)
            label = None
        if name in measured:
            style = "o" if name in formulas else "o-"
            ax.loglog(sizes, measured[name], style, color=colours[name], label=label, markersize=5)
    for label, place in (crossings or {}).items():
        ax.plot(*place, "o", color=BLACK, markersize=11, fillstyle="none")
        ax.annotate(label, place, (-7, 9), textcoords="offset points", fontsize=8, ha="right")
    ax.set_xticks(sizes, [str(size) for size in sizes], fontsize=8)
    ax.minorticks_off()
    ax.set(xlabel="T, tokens", ylabel=ylabel)
    ax.legend(fontsize=8)
    return ax
