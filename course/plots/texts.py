"""Pictures of texts: their characters, labels, ratings, which words keep company, and where a loss looks."""

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Num
from matplotlib.axes import Axes
from torch import Tensor

from course.plots.palette import BLUE, GREY, VERMILION

POSITIVE_COLOUR, NEGATIVE_COLOUR = BLUE, VERMILION
ROW = 60  # characters in a line of `masked_tokens`
VISIBLE = {" ": "space", "\n": "newline", "\t": "tab"}


def character_frequencies(ax: Axes, text: str, top: int = 30) -> Axes:
    """Bars of the `top` most frequent characters, in percent of the text; ties go by code point.

    Raises:
        ValueError: an empty text.
    """
    if not text:
        raise ValueError("an empty text has no characters to count")
    ranked = sorted(Counter(text).items(), key=lambda item: (-item[1], item[0]))[:top]
    ax.bar(range(len(ranked)), [100 * count / len(text) for _, count in ranked], color=POSITIVE_COLOUR)
    ax.set_xticks(range(len(ranked)), [VISIBLE.get(character, character) for character, _ in ranked])
    for label in ax.get_xticklabels():
        label.set_rotation(90 if len(label.get_text()) > 1 else 0)
    ax.set(ylabel="share of the text (%)", xlabel=f"the {len(ranked)} most frequent characters")
    return ax


def label_balance(ax: Axes, labels_by_topic: Mapping[str, Sequence[int]]) -> Axes:
    """For each topic a bar to the right for label 1 and one to the left for label 0; the first topic is on top."""
    topics = list(labels_by_topic)
    positive = [sum(labels_by_topic[topic]) for topic in topics]
    negative = [len(labels_by_topic[topic]) - n for topic, n in zip(topics, positive, strict=True)]
    ax.barh(range(len(topics)), positive, color=POSITIVE_COLOUR, label="positive")
    ax.barh(range(len(topics)), [-n for n in negative], color=NEGATIVE_COLOUR, label="negative")
    ax.set_yticks(range(len(topics)), topics)
    ax.invert_yaxis()
    ax.axvline(0, color="black", linewidth=0.8)
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    ax.set(xlabel="sentences")
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def valence_histogram(ax: Axes, valence_by_word: Mapping[str, float], width: float = 0.2) -> Axes:
    """How many words have which mean rating; words below 0 and above 0 differ in colour."""
    valences = torch.tensor(list(valence_by_word.values()))  # (N,)
    edges = torch.arange(round(-4 / width), round(4 / width) + 2) * width - 0.05  # ratings are tenths: none on an edge
    for own, colour, name in ((valences < 0, NEGATIVE_COLOUR, "negative"), (valences > 0, POSITIVE_COLOUR, "positive")):
        ax.hist(valences[own].numpy(), bins=edges.tolist(), color=colour, label=f"{name}: {int(own.sum())}")
    ax.set(xlabel="mean rating of a word, from -4 to 4", ylabel="words")
    ax.legend(frameon=False)
    return ax


def word_company(ax: Axes, counts: Num[Tensor, "words words"], words: Sequence[str]) -> Axes:
    """A map of how often two words stand in one text; brighter is more often."""
    image = ax.imshow(counts.numpy(), cmap="cividis")
    ax.set_xticks(range(len(words)), words, rotation=90)
    ax.set_yticks(range(len(words)), words)
    ax.figure.colorbar(image, ax=ax, label="texts with both words", fraction=0.046)
    return ax


def masked_tokens(ax: Axes, words: Sequence[str], mask: Sequence[bool]) -> Axes:
    """The tokens in reading order, those with a True in the mask coloured: where a loss looks."""
    column, row = 0, 0
    for word, masked in zip(words, mask, strict=True):
        if column and column + len(word) > ROW:
            column, row = 0, row + 1
        colour = POSITIVE_COLOUR if masked else GREY
        weight = "bold" if masked else "normal"
        ax.text(column, row, word, family="monospace", fontsize=9, color=colour, weight=weight, va="center")
        column += len(word) + 1
    ax.set(xlim=(0, ROW), ylim=(row + 1, -1))
    ax.axis("off")
    return ax
