"""Pictures of corpora: how long sentences are, which words they use, examples, and which word went where."""

import textwrap
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from course.plots.palette import BLUE, COLOURS, VERMILION

FONT_SIZE = 9  # of tables, in points


def length_histogram(ax: Axes, lengths_by_name: Mapping[str, Sequence[int]]) -> Axes:
    """One outline a corpus: the share of its sentences, in percent, that have each length in tokens.

    Raises:
        ValueError: more corpora than colours, or one without sentences.
    """
    if len(lengths_by_name) > len(COLOURS):
        raise ValueError(f"at most {len(COLOURS)} corpora can be told apart, not {len(lengths_by_name)}")
    for (name, lengths), colour in zip(lengths_by_name.items(), COLOURS, strict=False):
        if not len(lengths):
            raise ValueError(f"{name} has no sentences")
        counts = torch.bincount(torch.as_tensor(lengths))  # (longest + 1,)
        edges = torch.arange(len(counts) + 1) - 0.5  # length n lies in the middle of its step
        ax.stairs(100 * counts / counts.sum(), edges, label=name, color=colour, linewidth=1.5)
    ax.set(xlabel="tokens in a sentence", ylabel="share of sentences (%)", ylim=(0, None))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(frameon=False)
    return ax


def most_frequent_words(ax: Axes, counts: Mapping[str, int], top: int = 20) -> Axes:
    """Bars of the `top` most frequent words, the most frequent one on top; ties go by alphabet."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:top]
    ax.barh(range(len(ranked)), [count for _, count in ranked], color=BLUE)
    ax.set_yticks(range(len(ranked)), [word for word, _ in ranked])
    ax.invert_yaxis()
    ax.set_xlabel("occurrences")
    return ax


def example_table(
    ax: Axes, rows: Sequence[Sequence[str]], columns: Sequence[str] = ("English", "French"), width: int | None = None
) -> Axes:
    """A table of example sentences; text is broken at `width` characters, unless given at what a column holds."""
    if width is None:
        points = ax.get_position().width * ax.get_figure().get_figwidth() * 72 / len(columns)
        width = max(10, int(points / (0.6 * FONT_SIZE)))  # a letter is about 0.6 of the font's size wide
    wrapped = [[textwrap.fill(cell, width) for cell in row] for row in rows]
    table = ax.table(wrapped, colLabels=list(columns), loc="center", cellLoc="left", edges="horizontal")
    table.auto_set_font_size(False)
    table.set_fontsize(FONT_SIZE)
    heights = [1, *(1 + max(cell.count("\n") for cell in row) for row in wrapped)]  # in lines of text
    padding = 0.6
    unit = 1 / sum(height + padding for height in heights)
    for (row, _), cell in table.get_celld().items():
        cell.set_height((heights[row] + padding) * unit)
    ax.set_axis_off()
    return ax


def word_links(ax: Axes, source: Sequence[str], target: Sequence[str], links: Sequence[tuple[int, int]]) -> Axes:
    """A sentence above its translation, with a line from token i of the source to token j of the target.

    Raises:
        ValueError: a link to a token that is not there.
    """
    for i, j in links:
        if not (0 <= i < len(source) and 0 <= j < len(target)):
            raise ValueError(f"link ({i}, {j}) leaves sentences of {len(source)} and {len(target)} tokens")
        ax.plot([i, j], [0.85, 0.15], color=VERMILION, linewidth=1.5)
    for height, tokens in ((1, source), (0, target)):
        for place, token in enumerate(tokens):
            ax.text(place, height, token.strip(), ha="center", va="center")
    ax.set(xlim=(-0.6, max(len(source), len(target)) - 0.4), ylim=(-0.3, 1.3))
    ax.set_axis_off()
    return ax


def place_counts(places: Sequence[tuple[int, int]]) -> Int[Tensor, "source target"]:
    """How many sentences have their word at place s of the source and at place t of the target."""
    pairs = torch.tensor(places)  # (N, 2)
    source, target = pairs.unbind(dim=1)
    table = torch.zeros(int(source.max()) + 1, int(target.max()) + 1, dtype=torch.long)  # (S, T)
    return table.index_put((source, target), torch.ones_like(source), accumulate=True)


def place_map(ax: Axes, places: Sequence[tuple[int, int]], word: str = "month") -> Axes:
    """Where one word stands in each sentence and in its translation: a table of counts as a heat map."""
    table = place_counts(places)
    ax.imshow(table.numpy(), cmap="cividis")
    for s, row in enumerate(table.tolist()):
        for t, count in enumerate(row):
            dark = count < table.max() / 2
            ax.text(t, s, str(count) if count else "–", ha="center", va="center", color="white" if dark else "black")
    ax.set(xlabel=f"place of the {word} in French", ylabel=f"place of the {word} in English")
    ax.set_xticks(range(table.shape[1]))
    ax.set_yticks(range(table.shape[0]))
    return ax
