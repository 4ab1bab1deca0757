"""The plots of the class report, as SVG to be put into its HTML: the same numbers give the same bytes."""

import io
import re
import textwrap
import warnings

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK, SOFT, LINE = "#1c2430", "#566172", "#d9dee6"
BAR, DOT = "#3b78b5", "#1f5a96"
BINS = 10
# Text stays text (selectable, small, in the page's font). The font named here is what it is measured with; it
# is wider than what browsers choose, so no label is cut.
STYLE = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.parse_math": False,  # a message with two dollar signs is no formula
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
PAGE_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


def score_histogram(scores: list[float], max_score: float, median: float, label: str) -> str:
    """How many submissions reached how many points, in ten equal bins, with the median marked."""
    with _styled(label):
        figure, axes = _figure(6.4, 3.1)
        top = max(max_score, 1.0)
        counts = [0] * BINS
        for score in scores:
            counts[min(BINS - 1, max(0, int(score / top * BINS)))] += 1
        width = top / BINS
        bars = axes.bar([(i + 0.5) * width for i in range(BINS)], counts, width * 0.92, color=BAR)
        axes.axvline(median, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), zorder=2)
        legible = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # where the median's line passes
        axes.bar_label(bars, [str(c) if c else "" for c in counts], color=INK, padding=2, zorder=3, bbox=legible)
        axes.text(
            median,
            1.01,
            f"median {median:.4g}",
            ha="center",
            va="bottom",
            transform=axes.get_xaxis_transform(),
        )
        axes.set_xlim(0, top)
        axes.set_ylim(0, max([*counts, 1]) * 1.18)
        axes.set_xticks([i * width for i in range(0, BINS + 1, 2)])
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_xlabel("points")
        axes.set_ylabel("submissions")
        return _svg(figure, label)


def exercise_difficulty(rows: list[tuple[str, float, float, float]], label: str) -> str:
    """Each exercise's mean share of its points as a dot, the middle half of the class as a bar.

    Rows: name, mean, lower and upper quartile (0 to 1); the first at the top.
    """
    with _styled(label):
        names = ["\n".join(textwrap.wrap(name, 38, max_lines=2, placeholder=" …")) for name, *_ in rows]
        figure, axes = _figure(7.2, 0.75 + 0.42 * max(len(rows), 1))
        for y, (_, mean, low, high) in enumerate(rows):
            axes.plot([0, 1], [y, y], color=LINE, linewidth=0.8, zorder=1)
            middle, half = (low + high) / 2, max((high - low) / 2, 0.006)  # where all have the same, a tick
            axes.plot(
                [middle - half, middle + half],
                [y, y],
                color=BAR,
                alpha=0.35,
                linewidth=9,
                solid_capstyle="butt",
                zorder=2,
            )
            axes.plot([mean], [y], "o", color=DOT, markersize=7, zorder=3)
            axes.text(1.04, y, f"{mean:.0%}", va="center", color=INK)
        _rows(axes, names)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
        axes.set_xlabel("share of the points: mean (dot) and middle half of the class (bar)")
        return _svg(figure, label)


def mistake_frequency(rows: list[tuple[str, int]], label: str) -> str:
    """How many students made which named mistake. Rows: text, number of students; the longest bar first."""
    with _styled(label):
        names = ["\n".join(textwrap.wrap(text, 46, max_lines=4, placeholder=" …")) for text, _ in rows]
        lines = [name.count("\n") + 1 for name in names]
        figure, axes = _figure(7.2, 0.35 + sum(0.2 * n + 0.16 for n in lines))
        # Each row is as high as its text: bars stay beside their labels however these wrap.
        centres, y = [], 0.0
        for n in lines:
            centres.append(y + (0.2 * n + 0.16) / 2)
            y += 0.2 * n + 0.16
        bars = axes.barh(centres, [count for _, count in rows], 0.2, color=BAR)
        axes.bar_label(bars, [str(count) for _, count in rows], padding=4, color=INK)
        _rows(axes, names, centres)
        axes.set_ylim(y, 0)
        axes.set_xlim(0, max([count for _, count in rows], default=1) * 1.08)
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        return _svg(figure, label)


def _styled(salt: str):
    # The salt names clip paths and markers: one for each figure, so that two on a page don't share an id.
    return matplotlib.rc_context({**STYLE, "svg.hashsalt": salt})


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axisbelow(True)
    return figure, axes


def _rows(axes: Axes, names: list[str], centres: list[float] | None = None) -> None:
    """Horizontal rows from the top down, each with its name at the left."""
    axes.set_yticks(range(len(names)) if centres is None else centres, names, color=INK)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if centres is None:
        axes.set_ylim(len(names) - 0.5, -0.5)


def _svg(figure: Figure, label: str) -> str:
    """The figure as an `<svg>` element without header, date or ids that another figure has too."""
    buffer = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the measuring font lacks is drawn by the browser's
        figure.savefig(buffer, format="svg", transparent=True)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # matplotlib writes the date there
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="(?![a-z]?[0-9a-f]{10}")[^"]*"', "", svg)
    svg = svg.replace("'DejaVu Sans'", PAGE_FONT).replace("DejaVu Sans", PAGE_FONT)
    width, height = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg).groups()
    style = f"width:100%;max-width:{float(width):g}pt;height:auto"
    head = f'<svg role="img" aria-label="{_attribute(label)}" style="{style}"'
    return svg.replace("<svg", head, 1).replace(f' width="{width}pt" height="{height}pt"', "", 1)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
