"""Explorers of lecture 01: how far back a model may look, what one vector still knows, and what it has to carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

import ipywidgets
from matplotlib.figure import Figure

from course.plots.palette import BLUE, VERMILION
from course.plots.sequences import (
    Fact,
    carried,
    context_window,
    differs,
    lines,
    luggage,
    next_token_bars,
    translations,
)
from course.widgets.explorer import Explorer, fixed_axes

NAMES = {" ": "a space", "\n": "the end of a line"}


@dataclass(frozen=True)
class Passage:
    """A place in a text, and what a model expects there.

    Attributes:
        text: what stands in front of it; the model may see its end.
        truth: the character that follows.
        expected: for 1, 2, … visible characters the probability of each next character.
    """

    text: str
    truth: str
    expected: Sequence[Mapping[str, float]]

    @property
    def bits(self) -> list[float]:
        """What the true character costs, by visible characters."""
        return [-log2(p[self.truth]) for p in self.expected]


def context_explorer(passages: Mapping[str, Passage]) -> Explorer:
    """What a language model expects next, by how many characters it may look back.

    Raises:
        ValueError: a passage whose model saw more characters than it has.
    """
    for name, passage in passages.items():
        if len(passage.expected) > len(passage.text):
            raise ValueError(f"{name!r} has {len(passage.text)} characters and {len(passage.expected)} expectations")
    longest = min(len(passage.expected) for passage in passages.values())

    def draw(figure: Figure, passage: str, visible: int) -> str:
        shown = passages[passage]
        p, bits = shown.expected[visible - 1], shown.bits
        above, left, right = fixed_axes(
            figure, (0.03, 0.86, 0.94, 0.12), (0.08, 0.14, 0.38, 0.66), (0.57, 0.14, 0.41, 0.66)
        )
        context_window(above, shown.text, visible)
        next_token_bars(left, p, shown.truth)
        series = {"": {k: bits[k - 1] for k in range(1, longest + 1)}}
        lines(right, series, xlabel="visible characters", ylabel="bits of the true character", doubling=True)
        right.plot(visible, bits[visible - 1], "o", markersize=9, color=VERMILION)
        right.set_ylim(0, None)
        best = max(p, key=lambda token: p[token])
        return (
            f"With {visible} visible character{'s' * (visible > 1)} the model expects {named(best)} most "
            f"({p[best]:.2f}); the true next one is {named(shown.truth)} ({p[shown.truth]:.2f}) "
            f"and costs {bits[visible - 1]:.1f} bits."
        )

    controls = {
        "passage": ipywidgets.Dropdown(options=list(passages), description="place"),
        "visible": ipywidgets.IntSlider(1, min=1, max=longest, description="visible characters"),
    }
    return Explorer(draw, controls, title="How far back must it look?", size=(8.0, 3.4))


def named(character: str) -> str:
    return NAMES.get(character, f"“{character}”")


def bottleneck_explorer(
    examples: Mapping[int, Sequence[Mapping[str, Sequence[str]]]],
    exact: Mapping[str, Mapping[int, float]],
    *,
    width: int = 88,
) -> Explorer:
    """Sentences by length, their translations with wrong words marked, and the curves of exact match.

    Args:
        examples: by number of source tokens, at least one each; each is a sentence, its "reference", and the
            translation of each model, by their names, as words.
        exact: for each model the share of exact translations by number of tokens.
        width: characters in a line.

    Raises:
        ValueError: a length without a sentence.
    """
    empty = [length for length, found in examples.items() if not found]
    if empty or not examples:
        raise ValueError(f"there is no sentence of {empty or 'any'} tokens")
    lengths = sorted(examples)

    def draw(figure: Figure, length: int, number: int) -> str:
        shown = examples[length][(number - 1) % len(examples[length])]
        upper, lower = fixed_axes(figure, (0.01, 0.46, 0.98, 0.53), (0.09, 0.15, 0.88, 0.28))
        translations(upper, shown, width=width, rows=9)
        lines(lower, exact, xlabel="tokens in the English sentence", ylabel="exact match")
        lower.axvline(length, color=VERMILION, linestyle=":", linewidth=2)
        lower.set_ylim(-0.05, 1.08)
        return f"{length} tokens. " + " ".join(
            f"{name}: {verdict(shown[name], shown['reference'])}; {of_model[length]:.0%} exact at this length."
            for name, of_model in exact.items()
        )

    controls = {
        "length": ipywidgets.SelectionSlider(options=lengths, value=lengths[len(lengths) // 2], description="tokens"),
        "number": ipywidgets.IntSlider(1, min=1, max=max(map(len, examples.values())), description="sentence"),
    }
    return Explorer(draw, controls, title="One vector, longer and longer sentences", size=(8.0, 4.2))


def verdict(words: Sequence[str], reference: Sequence[str]) -> str:
    """What is wrong with a translation, in a few words."""
    if list(words) == list(reference):
        return "exact"
    return f"{sum(differs(words, reference))} wrong words, {sum(differs(reference, words))} of the reference missing"


def luggage_explorer(source: Sequence[str], target: Sequence[str], facts: Sequence[Fact]) -> Explorer:
    """Read a sentence and write its translation step by step, and count what the state has to carry."""
    count = carried(facts, len(source), len(target))
    S, T = len(source), len(target)

    def draw(figure: Figure, step: int) -> str:
        ax, below = fixed_axes(figure, (0.2, 0.42, 0.78, 0.55), (0.2, 0.1, 0.78, 0.17))
        luggage(ax, source, target, facts, now=step - 1)
        ax.set_xlabel("")
        edges = [t - 0.5 for t in range(S + T + 1)]
        below.stairs(count, edges, fill=True, color=BLUE, alpha=0.35)
        below.stairs(count[:step], edges[: step + 1], fill=True, color=BLUE)
        below.set(xlim=ax.get_xlim(), xticks=[], ylabel="facts carried", xlabel="reading English, then writing French")
        doing = f"reads “{source[step - 1]}”" if step <= S else f"writes “{target[step - 1 - S]}”"
        held = [fact.name for fact in facts if fact.read < step <= S + fact.needed]
        return f"Step {step}: it {doing} and must still carry {len(held)} facts: {', '.join(held) or 'none'}."

    controls = {"step": ipywidgets.IntSlider(1, min=1, max=S + T, description="step")}
    return Explorer(draw, controls, title="Imitate the recurrent network", size=(8.0, 5.0))
