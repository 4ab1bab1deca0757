"""Widgets of the lecture on heads: which word looks where, what a head prefers, what heads cost."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import ipywidgets
from matplotlib.figure import Figure
from torch import Tensor

from course.plots.heads import links, place_or_meaning
from course.plots.palette import BLUE, GREEN, GREY, ORANGE, VERMILION
from course.widgets.explorer import Explorer, fixed_axes

ALL_WORDS = -1
Part = tuple[float, float, float, float]  # of a figure: left, bottom, width, height


class Maps(NamedTuple):
    """A sentence, and what each word gives to each word in every head: (layers, heads, words, words)."""

    words: Sequence[str]
    weights: Tensor


class Example(NamedTuple):
    """A sentence with an "it", the places of its two nouns, the one that is meant, and what "it" looks at.

    `looks` is (heads of all layers, words).
    """

    words: Sequence[str]
    meant: int
    other: int
    looks: Tensor


def which_word_looks_where(
    sentences: Mapping[str, Maps], *, sentence: str, word: str, layer: int, head: int
) -> Explorer:
    """One head in one sentence: the links of a word, or of all words, and the whole map.

    Args:
        sentences: by what the list shows, words and the maps of all heads.
        sentence, word, layer, head: what is shown first.
    """
    choice = ipywidgets.Dropdown(options=list(sentences), value=sentence, description="sentence")
    choice.layout.width = "34em"
    words = ipywidgets.Dropdown(options=listed(sentences[sentence].words), description="word")
    words.value = sentences[sentence].words.index(word)
    layers, heads = sentences[sentence].weights.shape[:2]
    controls = {
        "sentence": choice,
        "word": words,
        "layer": ipywidgets.IntSlider(layer, min=0, max=layers - 1, description="layer"),
        "head": ipywidgets.IntSlider(head, min=0, max=heads - 1, description="head"),
    }

    def draw(figure: Figure, sentence: str, word: int, layer: int, head: int) -> str:
        return draw_looks(figure, sentences[sentence], layer, head, None if word == ALL_WORDS else word)

    def offer_its_words(change: dict) -> None:
        """Runs before the picture is drawn; the chosen place stays where the new sentence has it."""
        words.unobserve(explorer.redraw, names="value")
        place, new = words.value, sentences[change["new"]].words
        words.options = listed(new)
        words.value = place if place < len(new) else ALL_WORDS
        words.observe(explorer.redraw, names="value")

    choice.observe(offer_its_words, names="value")
    explorer = Explorer(draw, controls, title="Which word looks where?", size=(8.0, 3.7))
    return explorer


def draw_looks(figure: Figure, maps: Maps, layer: int, head: int, query: int | None) -> str:
    """The map of one head, and beside it the links of one word (or of all)."""
    left, right = fixed_axes(figure, (0.03, 0.2, 0.36, 0.79), (0.37, 0.2, 0.62, 0.79))
    words, weights = maps.words, maps.weights[layer, head].cpu()
    links(right, weights[None], words, query=query)
    left.imshow(weights.numpy(), cmap="viridis", vmin=0, vmax=1, aspect="auto")
    left.set_ylim(right.get_ylim())  # so that the words of the links are those of the rows, too
    left.set_axis_off()
    for i, word in enumerate(words):
        left.text(i, len(words) - 0.3, word, ha="center", va="top", rotation=90, fontsize=8)
    left.text(-0.4, -1.1, "columns: looks at (0 dark, 1 yellow)", va="center", fontsize=8, color=GREY)
    if query is not None:
        left.axhline(query, color=VERMILION, linewidth=1)
        most = weights[query].topk(2).indices.tolist()
        found = " and ".join(f"{weights[query, key]:.2f} to {words[key]!r}" for key in most)
        return f"Head {layer}.{head}: word {query}, {words[query]!r}, gives {found}."
    key = int(weights.sum(0).argmax())
    mean, peak = weights[:, key].mean(), weights.max(dim=1).values.mean()
    return (
        f"Head {layer}.{head}: {words[key]!r} (word {key}) gets most, {mean:.2f} of a word's weight on average; "
        f"a word's largest weight is {peak:.2f} on average."
    )


def listed(words: Sequence[str]) -> list[tuple[str, int]]:
    """All words, then each with its place, since a word may stand in a sentence twice."""
    return [("all words", ALL_WORDS), *((f"{i} {word}", i) for i, word in enumerate(words))]


def heads_on_test(
    first: Tensor,
    second: Tensor,
    on_nouns: Tensor,
    examples: Sequence[Example],
    *,
    heads: int,
    layer: int = 0,
    head: int = 0,
) -> Explorer:
    """Where a head stands among all heads of the balanced test, and what it does in single sentences.

    Args:
        first, second: of each head, how often it prefers the right noun where the first, or the second, is meant.
        on_nouns: of each head, what "it" gives to both nouns together, on average.
        examples: sentences to look at.
        heads: of a layer.
        layer, head: what is shown first.
    """
    named = {" ".join(example.words): example for example in examples}
    sentence = ipywidgets.Dropdown(options=list(named), description="sentence")
    sentence.layout.width = "40em"
    controls = {
        "layer": ipywidgets.IntSlider(layer, min=0, max=len(first) // heads - 1, description="layer"),
        "head": ipywidgets.IntSlider(head, min=0, max=heads - 1, description="head"),
        "sentence": sentence,
    }

    def draw(figure: Figure, layer: int, head: int, sentence: str) -> str:
        number = layer * heads + head
        return draw_test(figure, first, second, on_nouns, named[sentence], number, heads)

    return Explorer(draw, controls, title='Does this head know what "it" means?', size=(8.0, 3.5))


def draw_test(
    figure: Figure, first: Tensor, second: Tensor, on_nouns: Tensor, example: Example, head: int, heads: int
) -> str:
    """All heads on the test with this one marked, and its look from "it" in one sentence."""
    left, right = fixed_axes(figure, (0.07, 0.15, 0.38, 0.82), (0.57, 0.15, 0.41, 0.75))
    place_or_meaning(left, first, second, marked={"this head": head}, legend=False)
    words, looks, label = example.words, example.looks[head].cpu(), ".".join(map(str, divmod(head, heads)))
    colours = [{example.meant: GREEN, example.other: ORANGE}.get(i, GREY) for i in range(len(words))]
    right.hlines(range(len(words)), 0, looks.tolist(), colors=colours, linewidths=11)  # one artist, not many bars
    for i, word in enumerate(words):  # texts, which are faster than ticks
        right.text(-0.02, i, word, ha="right", va="center", fontsize=8)
    for i in (example.meant, example.other):
        right.text(looks[i] + 0.01, i, f"{looks[i]:.3f}", va="center", fontsize=8)
    right.set(xlim=(0, 1), ylim=(len(words) - 0.5, -0.5), xticks=[], yticks=[])
    right.set_xlabel('weight that "it" gives: green is meant, orange is not', fontsize=8)
    right.set_title(f"head {label} in this sentence", fontsize=9)
    a, b, meant, other = first[head], second[head], looks[example.meant], looks[example.other]
    verdict = "right" if meant > other else "wrong"
    return (
        f"Head {label} is right in {a:.0%} of the sentences that mean the first noun and in {b:.0%} of those that mean "
        f"the second: {(a + b) / 2:.2f} balanced. Both nouns together get {on_nouns[head]:.3f} of its weight. Here it "
        f"gives {meant:.3f} to {words[example.meant]!r}, which is meant, and {other:.3f} to "
        f"{words[example.other]!r}: {verdict}."
    )


def price_of_heads(d_model: int = 512) -> Explorer:
    """What a layer costs with 1 to d_model heads: parameters, operations, stored weights, and the rank of scores."""
    divisors = [h for h in range(1, d_model + 1) if d_model % h == 0]
    controls = {
        "heads": ipywidgets.SelectionSlider(options=divisors, value=min(8, d_model), description="heads H"),
        "tokens": ipywidgets.SelectionSlider(options=[64, 128, 256, 512, 1024, 2048], description="tokens T"),
    }
    controls["tokens"].value = 512

    def draw(figure: Figure, heads: int, tokens: int) -> str:
        return draw_price(figure, d_model, heads, tokens)

    return Explorer(draw, controls, title=f"What do heads cost? d_model = {d_model}", size=(7.4, 2.4))


def draw_price(figure: Figure, d_model: int, heads: int, tokens: int) -> str:
    """Bars relative to one head: what changes with the number of heads, and what doesn't."""
    (ax,) = fixed_axes(figure, (0.2, 0.22, 0.77, 0.74))
    parameters = 4 * d_model**2
    operations = 8 * tokens * d_model**2 + 4 * tokens**2 * d_model
    stored, rank = heads * tokens**2, min(d_model // heads, tokens)
    ratios = {
        "parameters": 1,
        "operations": 1,
        "stored weights": heads,
        "rank of the scores": rank / min(d_model, tokens),
    }
    ax.barh(range(len(ratios)), list(ratios.values()), color=[GREY, GREY, VERMILION, BLUE], left=1e-3)
    ax.set_yticks(range(len(ratios)), list(ratios))
    for i, value in enumerate((parameters, operations, stored, rank)):
        ax.text(1.1 * max(list(ratios.values())[i], 1), i, f"{value:,}", va="center", fontsize=8)
    ax.axvline(1, color="black", linewidth=1)
    ax.set(xscale="log", xlim=(1e-3, 60 * d_model), ylim=(3.5, -0.5), xlabel="relative to one head")
    ax.set_xticks([1 / 512, 1 / 64, 1 / 8, 1, 8, 64, 512], ["1/512", "1/64", "1/8", "1", "8", "64", "512"])
    ax.minorticks_off()
    return (
        f"{heads} {'head' if heads == 1 else 'heads'} of d_k = {d_model // heads} over {tokens} tokens: {parameters:,} "
        f"parameters and {operations / 1e9:.2f} billion operations, as with one head; {stored:,} weights if they are "
        f"stored; a head's scores have rank {rank} at most."
    )
