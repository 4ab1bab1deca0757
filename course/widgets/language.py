"""Widgets of the lecture on language: sampling, the cache, hidden words, and three assistants.

They know no model: the notebook passes what models said, or a function that asks them.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course.plots.language import VISIBLE, expectations, next_token
from course.plots.palette import BLACK, BLUE, GREY, VERMILION
from course.widgets.explorer import Explorer

Marks = Mapping[str, bool]  # quality -> does the answer have it?


FEW = (1, 2, 3, 5, 8, 12, 20, 40)  # tokens that are kept


def axes(figure: Figure, left: float, right: float, bottom: float, top: float) -> Axes:
    """Axes with fixed margins: a computed layout would take a third of the time of a picture."""
    figure.set_layout_engine("none")
    return figure.subplots(gridspec_kw={"left": left, "right": right, "bottom": bottom, "top": top})


def entropy(probability: Tensor) -> float:
    """In bits; what has no probability adds nothing."""
    return torch.special.entr(probability).sum().item() / torch.tensor(2.0).log().item()


def sampling_explorer(
    tokens: Sequence[str],
    logits: Mapping[str, Tensor],
    cut: Callable[[Tensor, float, int, float], Tensor],
    write: Callable[[str, float, int, float], str] | None = None,
) -> Explorer:
    """Temperature, top-k and top-p on real next-token distributions.

    Args:
        tokens: what each logit stands for.
        logits: passage -> logits (V,) of what follows it.
        cut: `cut(logits, temperature, k, p)` gives the logits that are drawn from, -inf where a token is cut.
        write: `write(passage, temperature, k, p)` goes on from the passage, always with the same seed.
    """

    def draw(figure: Figure, passage: str, temperature: float, k: int, p: float) -> str:
        before = logits[passage].softmax(dim=-1)
        after = cut(logits[passage], temperature, k, p).softmax(dim=-1)
        next_token(axes(figure, 0.1, 0.98, 0.26, 0.97), tokens, before, after, top=15)
        first = tokens[int(after.argmax())]
        text = (
            f"Drawn from {int((after > 0).sum())} of {len(tokens)} characters; entropy {entropy(after):.2f} bits, "
            f"the model's own {entropy(before):.2f}. First comes “{VISIBLE.get(first, first)}” with {after.max():.3f}, "
            f"the model's own {before.max():.3f}."
        )
        if write is not None:
            text += f" One text from here: “{write(passage, temperature, k, p)}”"
        return text

    controls = {
        "passage": ipywidgets.Dropdown(options=list(logits), description="passage"),
        "temperature": ipywidgets.FloatSlider(1.0, min=0.1, max=2.0, step=0.1, description="temperature"),
        "k": choice("top-k (at most so many)", [*(k for k in FEW if k < len(tokens)), len(tokens)], len(tokens)),
        "p": ipywidgets.FloatSlider(1.0, min=0.05, max=1.0, step=0.05, description="top-p (1 keeps all)"),
    }
    return Explorer(draw, controls, title="What may come next")


def cache_explorer(gigabytes: Callable[..., float], weights: Callable[..., float], longest: int = 2**19) -> Explorer:
    """What a key–value cache takes, beside the model's weights.

    Args:
        gigabytes: `gigabytes(layers, heads, d_k, tokens, batch, bytes)` of a cache; `heads` are those with keys.
        weights: `weights(layers, heads, d_k, shared, bytes)` of the model, in GB.
        longest: most tokens on the axis.
    """
    lengths = [2**i for i in range(8, longest.bit_length())]

    def draw(figure: Figure, layers: int, heads: int, d_k: int, tokens: int, batch: int, size: int, shared: int) -> str:
        ax = axes(figure, 0.11, 0.98, 0.15, 0.97)
        for group, colour in dict.fromkeys([(1, VERMILION), (shared, BLUE if shared > 1 else VERMILION)]):
            curve = [gigabytes(layers, heads // group, d_k, length, batch, size) for length in lengths]
            name = "a key and a value for each head" if group == 1 else f"shared by {group} heads"
            ax.loglog(lengths, curve, color=colour, label=name)
        cache = gigabytes(layers, heads // shared, d_k, tokens, batch, size)
        model = weights(layers, heads, d_k, shared, size)
        ax.axhline(model, color=GREY, linestyle="--", label="weights of the layers")
        ax.loglog(tokens, cache, "o", color=BLACK, markersize=7)
        ax.set(xlabel="tokens in the cache, per text", ylabel="GB", ylim=(1e-3, 1e5))
        ax.minorticks_off()
        ax.legend(fontsize=8, loc="upper left")
        return (
            f"{heads // shared} heads with keys in {layers} layers: the cache of {batch} × {tokens:,} tokens takes "
            f"{cache:,.3f} GB, the weights of the layers {model:,.2f} GB: {cache / model:.3f} times as much."
        )

    controls = {
        "layers": ipywidgets.IntSlider(80, min=1, max=128, description="layers"),
        "heads": choice("heads", [8, 16, 32, 64, 128], 64),
        "d_k": choice("d_k", [32, 64, 128, 256], 128),
        "tokens": choice("tokens", lengths, 4096),
        "batch": choice("texts at once", [1, 2, 4, 8, 16, 32, 64, 128], 1),
        "size": choice("bytes a number", [1, 2, 4], 2),
        "shared": choice("query heads per key", [1, 2, 4, 8], 1),
    }
    return Explorer(draw, controls, title="The cache's cost")


def choice(description: str, options: Sequence[int], value: int) -> ipywidgets.SelectionSlider:
    """A slider over a few numbers."""
    return ipywidgets.SelectionSlider(options=list(options), value=value, description=description)


def masked_word_explorer(
    sentences: Sequence[Sequence[str]],
    expected: Sequence[Tensor],
    words: Sequence[str],
    groups: Mapping[str, str],
    start: int = 0,
) -> Explorer:
    """What BERT expects at any place of a sentence.

    Args:
        sentences: their tokens.
        expected: for each sentence the probabilities (T, V): row t when word t is hidden.
        words: what each of the V stands for.
        groups: word -> its group, which gives it its colour.
        start: the place that is hidden first.
    """
    members = {
        name: [i for i, word in enumerate(words) if groups.get(word) == name] for name in sorted(set(groups.values()))
    }
    place = ipywidgets.IntSlider(start, min=0, max=len(sentences[0]) - 1, description="hidden place")
    sentence = ipywidgets.Dropdown(
        options=[(" ".join(tokens), i) for i, tokens in enumerate(sentences)], description="text"
    )

    def fit(change: dict) -> None:
        place.unobserve(explorer.redraw, names="value")  # a place that moves with its sentence is drawn with it
        place.max = len(sentences[change["new"]]) - 1
        place.observe(explorer.redraw, names="value")

    def draw(figure: Figure, sentence: int, place: int) -> str:
        tokens, probability = sentences[sentence], expected[sentence][place]
        ax = expectations(axes(figure, 0.2, 0.82, 0.15, 0.84), words, probability, groups, top=8)
        shown = " ".join([*tokens[:place], "[MASK]", *tokens[place + 1 :]])
        ax.set_title(textwrap.fill(shown, 58), loc="left", fontsize=9, family="monospace")
        true = probability[list(words).index(tokens[place])]
        rank = int((probability > true).sum()) + 1
        shares = ", ".join(f"{probability[own].sum():.2f} on {name} words" for name, own in members.items())
        return (
            f"Hidden is word {place}, “{tokens[place]}”. BERT gives it {true:.3f}, rank {rank} of {len(words)}; "
            f"first comes “{words[int(probability.argmax())]}” with {probability.max():.3f}. It puts {shares}."
        )

    sentence.observe(fit, names="value")  # before the explorer draws: the place must be in the sentence
    explorer = Explorer(draw, {"sentence": sentence, "place": place}, title="Hide a word")
    return explorer


def assistants_explorer(answers: Mapping[str, Mapping[str, str]], judge: Callable[[str, str], Marks]) -> Explorer:
    """One question, and what the model answers after each stage of its training.

    Args:
        answers: question -> stage -> answer.
        judge: from question and answer to the qualities that hold.
    """

    def draw(figure: Figure, question: str) -> str:
        marks = {stage: judge(question, answer) for stage, answer in answers[question].items()}
        show_answers(axes(figure, 0.01, 0.99, 0.02, 0.98), answers[question], marks)
        said = [
            f"{stage}: “{answer}” ({', '.join(name for name, holds in marks[stage].items() if holds) or 'none holds'})"
            for stage, answer in answers[question].items()
        ]
        return f"“{question}” " + " · ".join(said)

    controls = {"question": ipywidgets.Dropdown(options=list(answers), description="question")}
    return Explorer(draw, controls, title="Three stages of one model", size=(7.2, 2.6))


def show_answers(ax: Axes, said: Mapping[str, str], marks: Mapping[str, Marks]) -> Axes:
    """One answer a column, under its stage, with the qualities that it has (blue, "yes") and lacks (red, "no")."""
    for i, (stage, answer) in enumerate(said.items()):
        ax.text(i + 0.03, 0.98, stage, weight="bold", va="top", fontsize=9)
        ax.text(i + 0.03, 0.84, textwrap.fill(answer or "(nothing)", 28), va="top", fontsize=9)
        for j, (quality, holds) in enumerate(marks[stage].items()):
            ax.text(
                i + 0.03,
                0.22 - 0.12 * j,
                f"{quality}: {'yes' if holds else 'no'}",
                va="top",
                fontsize=9,
                color=BLUE if holds else VERMILION,
            )
        if i:
            ax.axvline(i, color=GREY, linewidth=0.8)
    ax.set(xlim=(0, len(said)), ylim=(-0.2, 1))
    ax.set_axis_off()
    return ax
