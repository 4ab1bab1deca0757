"""Pictures of a translator that looks back: its parts, its alignment map, a step of its writing, what a change does."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from torch import Tensor

from course.plots.diagrams import arrow, box, canvas
from course.plots.lookup import side_by_side
from course.plots.matrices import heat_map
from course.plots.palette import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

Alignment = Float[Tensor, "target source"]

# --- maps


def alignment_map(ax: Axes, source: Sequence[str], target: Sequence[str], weights: Alignment, title: str = "") -> Axes:
    """The weights as a heat map: a row for each word that is written, a column for each word that is read."""
    heat_map(weights, rows="written", columns="read", title=title, ticks=(source_free(target), source), axes=ax)
    return ax


def source_free(words: Sequence[str]) -> list[str]:
    """Special tokens without their brackets: "<eos>" is read as "end"."""
    return ["end" if word == "<eos>" else word for word in words]


def links(ax: Axes, source: Sequence[str], target: Sequence[str], weights: Alignment, title: str = "") -> Axes:
    """The source above, the target below, and a line for each weight, the stronger the larger it is."""
    n = max(len(source), len(target))
    canvas(ax, n, 3)
    ax.set_aspect("auto")
    tops, feet = ([(i + 0.5) * n / len(words) for i in range(len(words))] for words in (source, target))
    for words, places, y, side in ((source, tops, 2.55, "bottom"), (target, feet, 0.45, "top")):
        for word, x in zip(words, places, strict=True):
            ax.text(x, y, word, ha="center", va=side, fontsize=9)
    for row, foot in zip(weights.detach().cpu().tolist(), feet, strict=True):
        for weight, top in zip(row, tops, strict=True):
            if weight > 0.03:
                ax.plot([top, foot], [2.45, 0.55], color=BLUE, linewidth=0.5 + 3 * weight, alpha=min(1.0, weight))
    ax.set_title(title)
    return ax


# --- the model


def bahdanau(ax: Axes, words: Sequence[str], weights: Sequence[float]) -> Axes:
    """One step of Bahdanau's decoder: what feeds what, with both loops that close at the next step.

    Args:
        words: four source words.
        weights: α_i1 … α_i4; a line is as thick as its weight.
    """
    canvas(ax, 12, 7.6)
    xs = [1.0, 3.0, 5.0, 7.0]
    context = box(ax, "$c_i$", (5.6, 4.15), width=0.9, height=0.62, colour=ORANGE)
    forward, backward = [], []
    for j, (x, word, weight) in enumerate(zip(xs, words, weights, strict=True), start=1):
        read = box(ax, word, (x, 0.4), width=1.2, height=0.5, colour=GREY, filled=False)
        forward.append(box(ax, rf"$\overrightarrow{{h}}_{j}$", (x - 0.4, 1.75), width=0.66, height=0.62, colour=BLUE))
        backward.append(box(ax, rf"$\overleftarrow{{h}}_{j}$", (x + 0.4, 2.2), width=0.66, height=0.62, colour=SKY))
        outline = Rectangle((x - 0.82, 1.32), 1.64, 1.32, facecolor="none", edgecolor=GREY, linestyle=":")
        ax.add_patch(outline)
        arrow(ax, read.top, forward[-1].bottom, colour=GREY)
        arrow(ax, read.top, backward[-1].bottom, colour=GREY)
        arrow(ax, (x, 2.64), context.bottom, colour=ORANGE, width=0.6 + 5 * weight)
        label = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        ax.text(x + 0.3 * (5.6 - x), 3.0, rf"$\alpha_{{i{j}}}$", ha="center", va="center", fontsize=10, bbox=label)
    for left, right in pairwise(forward):
        arrow(ax, left.right, right.left, colour=BLUE)
    for left, right in pairwise(backward):
        arrow(ax, right.left, left.right, colour=SKY)
    ax.text(8.0, 1.95, "annotations\n$h_j = (\\overrightarrow{h}_j, \\overleftarrow{h}_j)$", va="center", fontsize=9)

    before = box(ax, "$s_{i-1}$", (1.9, 5.5), width=1.0, height=0.62, colour=GREEN)
    now = box(ax, "$s_i$", (5.6, 5.5), width=1.0, height=0.62, colour=GREEN)
    later = box(ax, "$s_{i+1}$", (9.6, 5.5), width=1.0, height=0.62, colour=GREY, filled=False)
    wrote = box(ax, "$y_{i-1}$", (1.9, 7.0), width=1.0, height=0.62, colour=VERMILION)
    writes = box(ax, "$y_i$", (5.6, 7.0), width=1.0, height=0.62, colour=VERMILION)
    score = box(ax, "softmax$_j$ $a(s_{i-1}, h_j)$", (1.55, 4.15), width=2.7, height=0.62, colour=PURPLE)
    arrow(ax, (0.5, 2.64), (0.5, 3.84), "keys", colour=PURPLE, shift=(-0.38, 0.1))
    arrow(ax, before.bottom, score.top, "query", colour=PURPLE, shift=(0.62, 0.0))
    arrow(ax, score.right, (4.0, 3.72), "weights", colour=PURPLE, shift=(0.45, 0.3))
    arrow(ax, before.right, now.left, "GRU", shift=(0.2, 0.2))
    arrow(ax, context.top, now.bottom, colour=ORANGE, width=2)
    arrow(ax, now.top, writes.bottom, "$g$", shift=(-0.25, 0.0))
    arrow(ax, wrote.right, (5.1, 5.68), "feedback", colour=VERMILION, shift=(-0.75, -0.35))
    arrow(ax, wrote.right, writes.left, colour=VERMILION)
    arrow(ax, context.right, writes.right, colour=ORANGE, bend=0.45)
    arrow(ax, now.right, later.left, colour=GREY)
    arrow(ax, writes.right, later.top, "next step", colour=GREY, bend=-0.2, shift=(0.9, 0.55))
    return ax


# --- one step of writing


class Written(NamedTuple):
    """A sentence, what was written from it, and at each step the weights and the likeliest next words."""

    source: list[str]
    target: list[str]  # with "<eos>" at its end
    weights: Alignment
    candidates: list[list[tuple[str, float]]]  # for each step, the likeliest first


def written_step(figure: Figure, written: Written, step: int) -> str:
    """Left the weights while word number `step` (from 1) is written, right its candidates; says so in words.

    A step beyond the end shows the last one.
    """
    last = len(written.target)
    step = min(step, last)
    left, right = side_by_side(figure, 1.7, left=0.085, wspace=0.3, bottom=0.3, top=0.9)
    weights = written.weights[step - 1].detach().cpu()
    left.bar(range(len(written.source)), weights.tolist(), color=ORANGE)
    for j, weight in enumerate(weights.tolist()):
        if weight >= 0.1:
            left.text(j, weight + 0.02, f"{weight:.2f}", ha="center", fontsize=7)
    left.set_xticks(range(len(written.source)), written.source, rotation=45, ha="right", rotation_mode="anchor")
    left.set(ylim=(0, 1.12), yticks=[0, 0.5, 1], xlabel="read", ylabel=f"weight in step {step}")
    so_far = source_free(written.target[: step - 1])
    left.set_title("written: " + (" ".join(so_far[-9:]) if so_far else "(nothing yet)"), loc="left")
    words, chances = zip(*written.candidates[step - 1], strict=True)
    bars = right.barh(range(len(words)), chances, color=BLUE)
    right.bar_label(bars, [f"{p:.2f}" for p in chances], padding=2, fontsize=8)
    right.set_yticks(range(len(words)), source_free(words))
    right.invert_yaxis()
    right.set(xlim=(0, 1.25), xticks=[0, 0.5, 1], xlabel="probability", title="next word")
    word = source_free([written.target[step - 1]])[0]
    looked = weights.argsort(descending=True, stable=True)[:2].tolist()
    most = " and ".join(f"“{written.source[j]}” ({weights[j]:.2f})" for j in looked)
    return (
        f"Step {step} of {last}: it writes “{word}” with probability {chances[0]:.2f}, and looks mostly at {most}. "
        f"Written before: {' '.join(so_far) or 'nothing'}."
    )


# --- what a weight does not say


def weights_and_effects(
    ax: Axes, source: Sequence[str], weights: Float[Tensor, " source"], effects: Float[Tensor, " source"], word: str
) -> Axes:
    """For each word that is read two bars: its weight while `word` is written, and what replacing it takes from p."""
    rows = range(len(source))
    for shift, values, colour, label in (
        (-0.2, weights, ORANGE, "weight $\\alpha_{ij}$"),
        (0.2, effects, BLUE, f"fall of p({word})"),
    ):
        ax.bar([x + shift for x in rows], values.detach().cpu().tolist(), width=0.38, color=colour, label=label)
    ax.axhline(0, color=BLACK, linewidth=0.8)
    ax.set_xticks(rows, source)
    ax.set(xlabel="read", ylabel=f"writing “{word}”", ylim=(min(-0.05, float(effects.min())), 1.05))
    ax.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def month_weights(ax: Axes, weights: Float[Tensor, " dates"], found: Sequence[bool]) -> Axes:
    """How much weight the English month gets while the French one is written; hits and misses apart."""
    parts = [[w for w, hit in zip(weights.tolist(), found, strict=True) if hit is wanted] for wanted in (True, False)]
    names = [f"largest weight on the month: {len(parts[0])}", f"elsewhere: {len(parts[1])}"]
    ax.hist(parts, bins=[i / 20 for i in range(21)], stacked=True, color=[BLUE, VERMILION])
    handles = [Line2D([], [], color=colour, linewidth=6) for colour in (BLUE, VERMILION)]
    ax.legend(handles, names, fontsize=8, loc="upper left")
    ax.set(xlabel="weight on the English month", ylabel="dates", xlim=(0, 1))
    return ax
