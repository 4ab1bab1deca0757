"""Pictures of sequences: what is mapped to what, how far back one looks, and what one vector must carry."""

import difflib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator
from torch import Tensor

from course.plots.diagrams import Box, arrow, box, canvas
from course.plots.palette import BLACK, BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, VERMILION

FONT_SIZE = 9  # of texts, in points
CHARACTER = 0.602  # how wide those of DejaVu Sans Mono are, in sizes of the font
MARKERS = "osD^vP"
CORNERS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]], dtype=torch.float64)  # of the simplex of 3 classes


class Fact(NamedTuple):
    """What a translator has to remember: from the source token that tells it to the last target token that needs it."""

    name: str
    read: int  # index of the source token
    needed: int  # index of the target token


def three_maps(ax: Axes) -> Axes:
    """Classification, synthesis and translation side by side, each read from the bottom to the top."""
    canvas(ax, 15.0, 4.2)
    columns = (
        ("classification", "S(X) → Δ$^C$", _tokens("x", "T"), None),
        ("synthesis", "R$^d$ → S(X)", None, _tokens("x", "T")),
        ("translation", "S(X) → S(Y)", _tokens("x", "T"), _tokens("y", "T'")),
    )
    for centre, (name, formula, read, written) in zip((2.5, 7.5, 12.5), columns, strict=True):
        middle = box(ax, f"{name}\n$f$: {formula}", (centre, 2.05), width=3.4, height=0.95, colour=PURPLE)
        below, above = (
            _row(ax, texts, centre, y, colour) if texts else [box(ax, alone, (centre, y), width=2.8, colour=GREEN)]
            for texts, y, colour, alone in (
                (read, 0.6, BLUE, "$z \\in$ R$^d$"),
                (written, 3.5, VERMILION, "(0.1, 0.7, 0.2)"),
            )
        )
        for end in [*below, *above]:
            x = centre + (end.x - centre) * 0.55
            start, stop = (end.top, (x, middle.bottom[1])) if end in below else ((x, middle.top[1]), end.bottom)
            arrow(ax, start, stop)
    return ax


def _tokens(letter: str, last: str) -> list[str]:
    return [f"${letter}_1$", f"${letter}_2$", "…", f"${letter}_{{{last}}}$"]


def _row(ax: Axes, texts: Sequence[str], centre: float, y: float, colour: str) -> list[Box]:
    first = centre - 1.05 * (len(texts) - 1) / 2
    return [box(ax, text, (first + 1.05 * i, y), width=0.85, colour=colour) for i, text in enumerate(texts)]


def simplex(ax: Axes, points: Mapping[str, Float[Tensor, "3"]], classes: Sequence[str]) -> Axes:
    """The triangle of all distributions over three classes (left, right, top), with a dot for each of `points`."""
    ax.fill(*CORNERS.T.tolist(), facecolor=GREY + "18", edgecolor=GREY, linewidth=1)
    for name, (x, y), shift in zip(classes, CORNERS.tolist(), (-0.09, -0.09, 0.09), strict=True):
        ax.text(x, y + shift, name, ha="center", va="center", weight="bold")
    xy = torch.stack([p.detach().cpu().double() for p in points.values()]) @ CORNERS  # (n, 2)
    ax.plot(*xy.T.tolist(), "o", color=BLUE)
    for label, place in zip(points, xy.tolist(), strict=True):
        ax.annotate(label, place, xytext=(6, 4), textcoords="offset points", fontsize=9, color=BLUE)
    ax.set(xlim=(-0.15, 1.3), ylim=(-0.17, 1.0), aspect="equal")
    ax.set_axis_off()
    return ax


def image_rows(ax: Axes, rows: Sequence[Float[Tensor, "_ height width"]], notes: Sequence[str]) -> Axes:
    """Rows of small images, each with a question mark behind it and a note."""
    size = 1.0
    for r, (images, note) in enumerate(zip(rows, notes, strict=True)):
        y = -1.25 * r
        for c, image in enumerate(images):
            extent = (1.15 * c, 1.15 * c + size, y, y + size)
            ax.imshow(image.cpu().numpy(), cmap="gray_r", extent=extent)
        x = 1.15 * len(images)
        ax.add_patch(Rectangle((x, y), size, size, fill=False, edgecolor=VERMILION, linestyle="--"))
        ax.text(x + size / 2, y + size / 2, "?", ha="center", va="center", fontsize=16, color=VERMILION)
        ax.text(x + 1.3, y + size / 2, note, va="center", fontsize=10)
    ax.set(xlim=(-0.1, 1.15 * max(len(images) for images in rows) + 4.6), ylim=(-1.25 * (len(rows) - 1) - 0.1, 1.1))
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def lines(
    ax: Axes,
    series: Mapping[str, Mapping[int, float]],
    *,
    xlabel: str,
    ylabel: str,
    doubling: bool = False,
    dashed: Sequence[str] = (),
    legend: str = "best",
) -> Axes:
    """One line with markers for each series of {x: y}, on an axis of whole numbers.

    Args:
        doubling: the x axis is logarithmic to base 2; x = 0 has no place there and is left out.
        dashed: names of series that are drawn dashed.
        legend: where it stands.
    """
    for (name, values), colour, marker in zip(series.items(), COLOURS, MARKERS, strict=False):
        xy = [(x, y) for x, y in values.items() if x > 0 or not doubling]
        style = "--" if name in dashed else "-"
        ax.plot(*zip(*xy, strict=True), style, marker=marker, markersize=4, linewidth=1.5, color=colour, label=name)
    if doubling:
        ax.set_xscale("log", base=2)
        ticks = [2**i for i in range(12) if 2**i <= ax.get_xlim()[1]]
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(series) > 1:
        ax.legend(loc=legend, fontsize=9)
    return ax


def text_block(
    ax: Axes, words: Sequence[str], marked: Sequence[bool], *, width: int = 66, top: float = 0.0, colour: str = BLACK
) -> float:
    """Words in lines of at most `width` characters; marked ones are bold, on a background. Returns the next free line.

    The Axes count lines downwards; `text_axes` sets them up.
    """
    row, column, runs = top, 0, []
    for word, mark in zip(words, marked, strict=True):
        if column and column + len(word) > width:
            row, column = row + 1, 0
        if column and runs[-1][2] == mark:
            runs[-1][3] += " " + word
        else:
            runs.append([row, column, mark, word])
        column += len(word) + 1
    for y, x, mark, text in runs:
        bold = {"weight": "bold", "bbox": {"facecolor": ORANGE + "70", "linewidth": 0, "pad": 1}} if mark else {}
        _write(ax, x, y, text, color=colour, **bold)
    return row + 1


def _write(ax: Axes, column: int, row: float, text: str, size: int = FONT_SIZE, **style) -> None:
    """A text that begins so many characters from the left, whatever the width of the Axes."""
    dpi = ax.figure.dpi
    pixels = round(CHARACTER * size * dpi / 72)  # of a character: fonts are hinted to whole ones
    place = {"xytext": (column * pixels * 72 / dpi, 0), "textcoords": "offset points"}
    ax.annotate(text, (0, row), **place, family="monospace", fontsize=size, va="baseline", **style)


def text_axes(ax: Axes, rows: float | int) -> Axes:
    """Axes for `text_block`, with room for so many lines."""
    ax.set(xlim=(0, 1), ylim=(rows - 0.5, -1.0))
    ax.set_axis_off()
    return ax


def context_window(ax: Axes, text: str, visible: int, *, width: int = 64, size: int = 12) -> Axes:
    """A text in lines of `width` characters: its last `visible` ones are black and bold, what is older is pale.

    A space is shown as ␣ and the end of a line as ↵.
    """
    signs = text.replace(" ", "␣").replace("\n", "↵")
    rows = range(0, len(signs), width)
    for row, begin in enumerate(rows):
        line = signs[begin : begin + width]
        cut = min(max(len(signs) - visible - begin, 0), len(line))
        _write(ax, 0, float(row), line[:cut], size, color="#aaaaaa")
        _write(ax, cut, float(row), line[cut:], size, color=BLACK, weight="bold")
    return text_axes(ax, len(rows))


def next_token_bars(ax: Axes, p: Mapping[str, float], truth: str, top: int = 8) -> Axes:
    """The `top` most likely tokens, the likeliest on the left, and the true one, which is coloured."""
    ranked = sorted(p, key=lambda token: -p[token])[:top]
    shown = ranked if truth in ranked else [*ranked[:-1], truth]
    colours = [VERMILION if token == truth else BLUE for token in shown]
    ax.bar(range(len(shown)), [p[token] for token in shown], color=colours)
    names = {" ": "␣", "\n": "↵"}
    ax.set_xticks(range(len(shown)), [names.get(token, token) for token in shown], family="monospace")
    ax.set(ylim=(0, 1), ylabel="probability", xlabel="next character (orange: the true one)")
    return ax


def differs(output: Sequence[str], reference: Sequence[str]) -> list[bool]:
    """For each word of the output: does it stand outside the longest stretches that both have in common?"""
    wrong = [True] * len(output)
    matcher = difflib.SequenceMatcher(None, list(output), list(reference), autojunk=False)
    for match in matcher.get_matching_blocks():
        wrong[match.a : match.a + match.size] = [False] * match.size
    return wrong


def translations(ax: Axes, texts: Mapping[str, Sequence[str]], *, width: int = 92, rows: int = 0) -> Axes:
    """A sentence, its "reference", and translations, each behind its name; marked is what the reference hasn't.

    The first text is the sentence itself. Leaves room for at least `rows` lines.
    """
    line, source = 0.0, next(iter(texts))
    for name, words in texts.items():
        marked = [False] * len(words) if name == source else differs(words, texts["reference"])
        line = 0.6 + text_block(ax, [f"{name}:", *words], [False, *marked], width=width, top=line)
    return text_axes(ax, max(line, rows))


def unrolled(
    ax: Axes, source: Sequence[str], target: Sequence[str], path: tuple[int, int] | None = None, size: str = ""
) -> Axes:
    """A recurrent encoder–decoder, unrolled: one step a token, everything through v. Time runs to the right.

    Args:
        target: what the decoder writes, the end included; it reads the same, moved by one.
        path: from which source token to which target token a signal is followed, in another colour.
        size: of v, written into it.

    Raises:
        ValueError: a path to a token that is not there.
    """
    S, T = len(source), len(target)
    if path and not (0 <= path[0] < S and 0 <= path[1] < T):
        raise ValueError(f"path {path} leaves sentences of {S} and {T} tokens")
    step = 1.45
    canvas(ax, step * (S + T + 1) + 0.1, 3.9)
    v = box(ax, f"$v$\n{size}" if size else "$v$", (step * (S + 0.5), 1.95), width=0.95, height=1.1, colour=ORANGE)
    previous, hot = None, path is not None
    for i, word in enumerate([*source, *target]):
        reads, j = i < S, i - S
        x = step * (i + 0.5 if reads else i + 1.5)
        name = f"$h_{{{i + 1}}}$" if reads else f"$s_{{{j + 1}}}$"
        state = box(ax, name, (x, 1.95), width=0.9, colour=BLUE if reads else VERMILION)
        if i == S:
            on = _hot(path is not None)
            arrow(ax, previous.right, v.left, **on)
            previous = v
        if previous:
            on = _hot(hot and (path[0] < i and (reads or j <= path[1])))
            arrow(ax, previous.right, state.left, **on)
        word_in = word if reads else ("<bos>" if j == 0 else target[j - 1])
        ax.text(x, 0.45, word_in, ha="center", va="center", fontsize=9, color=BLACK if reads else GREY)
        arrow(ax, (x, 0.7), state.bottom, **_hot(hot and reads and i == path[0]))
        if not reads:
            arrow(ax, state.top, (x, 3.15), **_hot(hot and j == path[1]))
            ax.text(x, 3.4, word, ha="center", va="center", fontsize=9, weight="bold")
        previous = state
    return ax


def _hot(on: bool) -> dict:
    return {"colour": GREEN, "width": 3.0} if on else {"colour": GREY}


def carried(facts: Sequence[Fact], source: int, target: int) -> list[int]:
    """How many facts the state holds after each step: read already, and needed later."""
    return [sum(fact.read <= t < source + fact.needed for fact in facts) for t in range(source + target)]


def luggage(
    ax: Axes, source: Sequence[str], target: Sequence[str], facts: Sequence[Fact], now: int | None = None
) -> Axes:
    """A bar for each fact, from the step at which it is read to the last step that needs it.

    Reading comes first, then writing; between them is v. With `now`, what happens later is pale.
    """
    S, T = len(source), len(target)
    begins, ends = [fact.read for fact in facts], [S + fact.needed for fact in facts]
    ax.hlines(range(len(facts)), begins, ends, color=BLUE, linewidth=5, alpha=0.35)
    passed = [max(begin, min(end, S + T if now is None else now)) for begin, end in zip(begins, ends, strict=True)]
    ax.hlines(range(len(facts)), begins, passed, color=BLUE, linewidth=5)
    ax.axvline(S - 0.5, color=ORANGE, linewidth=3)
    ax.text(S - 0.5, -0.95, "$v$", ha="center", va="bottom", color=BLACK, fontsize=12)
    if now is not None:
        ax.axvline(now, color=VERMILION, linewidth=1.5, linestyle="--")
    ax.set_yticks(range(len(facts)), [fact.name for fact in facts], fontsize=9)
    ax.set_xticks(range(S + T), [*source, *target], rotation=60, ha="right", rotation_mode="anchor", fontsize=9)
    for label in ax.get_xticklabels()[S:]:
        label.set_color(VERMILION)
    ax.set(xlim=(-0.7, S + T - 0.3), ylim=(len(facts) - 0.4, -1.0), xlabel="reading English, then writing French")
    return ax
