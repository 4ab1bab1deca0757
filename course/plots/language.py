"""Pictures of language models: who has which mask, what they are trained on, what they expect, and what they cost."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from torch import Tensor

from course.plots.diagrams import arrow, box, canvas
from course.plots.palette import BLACK, BLUE, COLOURS, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION

Mask = Bool[Tensor, "queries keys"]
CUT = "#BBBBBB"  # what a cut takes away
VISIBLE = {" ": "space", "\n": "newline"}
FIELDS = ("start", "delim", "extract")  # the tokens that a task adds to its texts


# --- drawings


def zoo(ax: Axes, encoder: Bool[Tensor, "T T"], decoder: Bool[Tensor, "T T"], cross: Bool[Tensor, "T S"]) -> Axes:
    """The three kinds of transformers: what goes in, what is asked for, and the masks (blue: may attend)."""
    left, right = 14.3, 18.5  # encoder and decoder of the third kind
    for x, text, colour in (
        (2.6, "encoder layers\nBERT", BLUE),
        (8.6, "decoder layers\nGPT", GREEN),
        (left, "encoder layers", BLUE),
        (right, "decoder layers", GREEN),
    ):
        body = box(ax, text, (x, 5.2), width=3.2, height=1.5, colour=colour)
        arrow(ax, (x, 4.0), body.bottom)
        if x != left:
            arrow(ax, body.top, (x, 6.6))
    arrow(ax, (left + 1.6, 5.2), (right - 1.6, 5.2), colour=VERMILION)
    for x, y, text, weight in (
        (2.6, 7.9, "encoder only", "bold"),
        (2.6, 6.9, "which word was hidden?  cat", "normal"),
        (2.6, 3.7, "the  [MASK]  sat  down", "normal"),
        (8.6, 7.9, "decoder only", "bold"),
        (8.6, 6.9, "what comes next?  cat  sat  down  [end]", "normal"),
        (8.6, 3.7, "the  cat  sat  down", "normal"),
        (16.4, 7.9, "encoder and decoder", "bold"),
        (right, 6.9, "the  cat  sleeps  [end]", "normal"),
        (left, 3.7, "le  chat  dort", "normal"),
        (right, 3.7, "[start]  the  cat  sleeps", "normal"),
    ):
        ax.text(x, y, text, ha="center", va="center", fontsize=9, weight=weight)
    for x, mask, says in (
        (2.6, encoder, "every token sees all"),
        (8.6, decoder, "no token sees its future"),
        (13.6, encoder[: cross.shape[1], : cross.shape[1]], "source sees source"),
        (16.4, cross, "target sees source"),
        (19.2, decoder, "target sees target"),
    ):
        picture(ax, mask, (x, 1.8), 1.9)
        ax.text(x, 0.4, says, ha="center", va="center", fontsize=8)
    return canvas(ax, 21, 8.3)


def picture(ax: Axes, mask: Mask, centre: tuple[float, float], size: float) -> None:
    """A mask as a small square picture inside a drawing."""
    (x, y), half = centre, size / 2
    colours = ListedColormap(["white", SKY])
    ax.imshow(mask.cpu().numpy(), extent=(x - half, x + half, y - half, y + half), cmap=colours, vmin=0, vmax=1)
    for i in range(len(mask) + 1):
        ax.plot([x - half, x + half], [y - half + i * size / len(mask)] * 2, color=GREY, linewidth=0.5)
    for j in range(mask.shape[1] + 1):
        ax.plot([x - half + j * size / mask.shape[1]] * 2, [y - half, y + half], color=GREY, linewidth=0.5)


def two_phases(ax: Axes, tasks: Mapping[str, str]) -> Axes:
    """Pre-training once on text without labels; then for each task (name -> its data) a copy with a new head."""
    data, body, head = (
        box(ax, text, (1.6, y), width=2.6, height=1.0, colour=colour)
        for text, y, colour in (("much text,\nno labels", 0.8, GREY), ("body", 2.6, BLUE), ("which word?", 4.4, GREEN))
    )
    arrow(ax, data.top, body.bottom)
    arrow(ax, body.top, head.bottom)
    for i, (task, examples) in enumerate(tasks.items()):
        y = 2.6 + 1.5 * ((len(tasks) - 1) / 2 - i)
        copy = box(ax, "body, copied", (7.0, y), width=2.4, height=1.0)
        new = box(ax, f"new head:\n{task}", (10.4, y), width=2.6, height=1.0, colour=VERMILION)
        arrow(ax, body.right, copy.left, colour=BLUE)
        arrow(ax, copy.right, new.left)
        ax.text(11.9, y, examples, ha="left", va="center", fontsize=9)
    for x, text in ((1.6, "1 · pre-training, once"), (9.8, "2 · fine-tuning, all weights, once for each task")):
        ax.text(x, 5.6, text, ha="center", va="center", fontsize=9, weight="bold")
    return canvas(ax, 16, 6.0)


def encoder_with_heads(ax: Axes, tokens: Sequence[str], heads: Mapping[int, str]) -> Axes:
    """BERT's encoder as a feature extractor: a vector for each token, and a head on some of them (place -> its text).

    Raises:
        ValueError: a head at a place where no token is.
    """
    if not all(0 <= place < len(tokens) for place in heads):
        raise ValueError(f"heads stand on tokens 0 to {len(tokens) - 1}, not on {sorted(heads)}")
    step = 1.7
    middle = step * len(tokens) / 2
    box(ax, "encoder: every token looks at every token", (middle, 2.3), width=step * len(tokens) - 0.2, height=1.1)
    for i, token in enumerate(tokens):
        x = step * (i + 0.5)
        colour = VERMILION if token == "[MASK]" else GREY if token.startswith("[") else BLUE
        word = box(ax, token, (x, 0.6), width=1.5, height=0.7, colour=colour)
        vector = box(ax, "", (x, 3.7), width=0.5, height=0.7, colour=ORANGE)
        arrow(ax, word.top, (x, 1.75))
        arrow(ax, (x, 2.85), vector.bottom)
        if i in heads:
            head = box(ax, heads[i], (max(x, 1.5), 5.4), width=2.8, height=1.1, colour=GREEN)
            arrow(ax, vector.top, head.bottom)
    return canvas(ax, step * len(tokens), 6.1)


def task_inputs(ax: Axes) -> Axes:
    """How a GPT takes tasks that are more than one text (after Radford et al. 2018, §3.3): as one sequence each."""
    tasks = {  # task -> its sequences, and what stands on the vector of the last token
        "classification": (["start  text  extract"], "linear"),
        "entailment": (["start  premise  delim  hypothesis  extract"], "linear"),
        "similarity": ([f"start  text {i}  delim  text {3 - i}  extract" for i in (1, 2)], "add, linear"),
        "multiple choice": (
            [f"start  context  delim  answer {i}  extract" for i in (1, 2, 3)],
            "linear each,\nsoftmax",
        ),
    }
    y = 6.6
    for task, (sequences, head) in tasks.items():
        centre = y - 0.42 * (len(sequences) - 1)
        ax.text(2.6, centre, task, ha="right", va="center", fontsize=9)
        last = box(ax, head, (15.9, centre), width=2.0, height=0.72, colour=GREEN, fontsize=8)
        for sequence in sequences:
            x = 2.9
            for text in sequence.split("  "):
                width, colour = (1.25, VERMILION) if text in FIELDS else (2.2, BLUE)
                centre = x + width / 2, y
                field = box(ax, text, centre, width=width - 0.1, height=0.62, colour=colour, fontsize=8)
                x += width
            gpt = box(ax, "GPT", (13.2, y), width=1.2, height=0.62, colour=PURPLE)
            arrow(ax, field.right, gpt.left)
            arrow(ax, gpt.right, last.left)
            y -= 0.84
        y -= 0.25
    return canvas(ax, 17, 7.2)


def shifted(ax: Axes, tokens: Sequence[str]) -> Axes:
    """Input below, target above: the same text, moved by one; grey lines show what each prediction may use."""
    for i, (read, said) in enumerate(pairwise(tokens)):
        x = 1.5 * i + 0.8
        for j in range(i + 1):
            ax.plot([1.5 * j + 0.8, x], [1.1, 2.6], color=CUT, linewidth=1.0, zorder=0)
        box(ax, read, (x, 0.7), width=1.35, height=0.7)
        box(ax, said, (x, 3.0), width=1.35, height=0.7, colour=VERMILION)
    for y, name in ((0.7, "input"), (3.0, "target")):
        ax.text(-0.15, y, name, ha="right", va="center", fontsize=9)
    canvas(ax, 1.5 * (len(tokens) - 1) + 0.1, 3.5).set_xlim(-1.4)
    return ax


def writing(ax: Axes, rows: Sequence[tuple[str, str, float]]) -> Axes:
    """A text that grows: in each row what was read (grey), the token that was chosen (red), and its probability."""
    style = {"va": "center", "family": "monospace", "fontsize": 9}
    for i, (read, chosen, probability) in enumerate(rows):
        ax.text(0.72, -i, read.replace("\n", "¶"), color=GREY, ha="right", **style)
        ax.text(0.73, -i, VISIBLE.get(chosen, chosen), color=VERMILION, ha="left", **style)
        ax.text(1.0, -i, f"{probability:.2f}", ha="right", **style)
    for x, text, align in ((0.7, "it has read", "right"), (0.73, "it writes", "left"), (1.0, "probability", "right")):
        ax.text(x, 1, text, ha=align, va="center", fontsize=9, weight="bold")
    ax.set(xlim=(0, 1), ylim=(-len(rows) + 0.4, 1.6))
    ax.set_axis_off()
    return ax


# --- what a model expects


def expectations(
    ax: Axes, words: Sequence[str], probabilities: Float[Tensor, " words"], groups: Mapping[str, str], top: int = 10
) -> Axes:
    """Bars of the `top` most likely words, coloured by their group (word -> group); words of no group are grey."""
    order = probabilities.argsort(descending=True)[:top].tolist()
    names = sorted(set(groups.values()))
    colour_of = dict(zip(names, (VERMILION, BLUE, GREEN), strict=False))
    colours = [colour_of.get(groups.get(words[i], ""), GREY) for i in order]
    ax.barh(range(len(order)), probabilities[order].tolist(), color=colours)
    ax.set_yticks(range(len(order)), [words[i] for i in order])
    ax.invert_yaxis()
    ax.set(xlabel="probability", xlim=(0, None))
    for row, (name, colour) in enumerate(colour_of.items()):  # words in their colours are a legend
        ax.text(1.02, 0.5 + 0.1 * row, name, color=colour, weight="bold", fontsize=9, transform=ax.transAxes)
    return ax


def separation(ax: Axes, probability: Float[Tensor, " texts"], labels: Int[Tensor, " texts"], title: str = "") -> Axes:
    """Histograms of a classifier's probability of "positive", by label: 0 negative, 1 positive."""
    for label, name, colour in ((0, "negative", VERMILION), (1, "positive", BLUE)):
        own = probability[labels == label].cpu().numpy()
        ax.hist(own, bins=torch.linspace(0, 1, 21).tolist(), color=colour, alpha=0.65, label=f"{name} reviews")
    ax.axvline(0.5, color=BLACK, linewidth=0.8, linestyle=":")
    ax.set(xlabel='probability of "positive"', ylabel="reviews", xlim=(0, 1), title=title)
    return ax


def next_token(
    ax: Axes, tokens: Sequence[str], before: Float[Tensor, " tokens"], after: Float[Tensor, " tokens"], top: int = 18
) -> Axes:
    """The most likely tokens: the model's own probability (outline), what is drawn from (filled); grey is cut."""
    order = before.argsort(descending=True)[:top].tolist()
    kept = [after[i].item() > 0 for i in order]
    ax.bar(range(len(order)), [after[i].item() for i in order], color=BLUE, label="drawn from")
    ax.bar(
        range(len(order)),
        [before[i].item() for i in order],
        facecolor="none",
        edgecolor=VERMILION,
        label="the model's own",
    )
    ax.set_xticks(range(len(order)), [VISIBLE.get(tokens[i], tokens[i]) for i in order])
    for label, is_kept in zip(ax.get_xticklabels(), kept, strict=True):
        label.set_rotation(90 if len(label.get_text()) > 1 else 0)
        label.set_color(BLACK if is_kept else CUT)
    ax.set(xlabel="next character, the most likely first (grey: cut)", ylabel="probability", ylim=(0, 1))
    ax.legend(loc="upper right")
    return ax


# --- what it costs, and what it buys


def seconds_by_length(ax: Axes, tokens: Sequence[int], seconds: Mapping[str, Sequence[float]]) -> Axes:
    """Time to write so many tokens, a line for each way."""
    for (name, values), colour in zip(seconds.items(), COLOURS, strict=False):
        ax.plot(tokens, values, "o-", color=colour, label=name)
    ax.set(xlabel="tokens written", ylabel="seconds", ylim=(0, None), xlim=(0, None))
    ax.legend()
    return ax


def size_against_loss(
    ax: Axes, sizes: Sequence[int], bits: Sequence[float], a: float, b: float, baseline: float
) -> Axes:
    """Bits per character over the weights of the layers, log–log, with the power law a · N^-b and a baseline."""
    N = min(sizes) * (max(sizes) / min(sizes)) ** torch.linspace(-0.05, 1.05, 50)
    ax.loglog(N, a * N**-b, color=GREY, label=f"{a:.2f} · N$^{{-{b:.3f}}}$")
    ax.loglog(sizes, bits, "o", color=BLUE, label="measured")
    ax.axhline(baseline, color=VERMILION, linestyle=":", label="frequencies alone")
    ax.set(xlabel="N, weights of the layers", ylabel="bits per character")
    ax.set_yticks([2, 2.5, 3, 3.5, 4, 5], ["2", "2.5", "3", "3.5", "4", "5"])
    ax.minorticks_off()
    ax.legend(fontsize=8)
    return ax


def published_sizes(ax: Axes, models: Sequence[tuple[str, float, float]]) -> Axes:
    """Published models: (name, year, parameters), parameters on a logarithmic scale."""
    for name, year, parameters in models:
        ax.semilogy(year, parameters, "o", color=BLUE)
        ax.annotate(name, (year, parameters), (5, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set(xlabel="year of the paper", ylabel="parameters")
    ax.margins(x=0.12, y=0.1)
    return ax


def shares(ax: Axes, table: Mapping[str, Mapping[str, float]]) -> Axes:
    """Grouped bars: for each quality (a key of the inner mappings) a bar for each stage (a key of the outer one)."""
    qualities = list(next(iter(table.values())))
    width = 0.8 / len(table)
    for i, ((stage, found), colour) in enumerate(zip(table.items(), (GREY, SKY, BLUE, ORANGE), strict=False)):
        places = [j - 0.4 + (i + 0.5) * width for j in range(len(qualities))]
        bars = ax.bar(places, [found[quality] for quality in qualities], width, color=colour, label=stage)
        ax.bar_label(bars, fmt="%.2f", fontsize=7)
    ax.set_xticks(range(len(qualities)), qualities)
    ax.set(ylabel="share of the answers", ylim=(0, 1.12))
    ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.2), ncols=len(table))
    return ax
