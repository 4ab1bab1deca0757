"""CLIP's temperature on a fixed batch, and a classifier whose classes anybody can write."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import ipywidgets
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from course.plots.clip import bars, losses_by_temperature, lowest_loss, show_picture, similarity
from course.widgets.explorer import Explorer, fixed_axes

TEMPERATURES = torch.logspace(-2.3, 0.7, 61)  # from 0.005 to 5
LINES = 8  # texts that have room in the picture


class Matched(NamedTuple):
    """A batch of pictures and texts that belong together, and the cosine of each picture (row) with each text."""

    pictures: Tensor  # (B, 1, height, width)
    captions: Sequence[str]
    cosines: Tensor  # (B, B)


def contrastive(logits: Tensor) -> Tensor:
    """The loss in both directions, in nats."""
    pairs = torch.arange(len(logits))
    return (F.cross_entropy(logits, pairs) + F.cross_entropy(logits.T, pairs)) / 2


def temperature(batches: Mapping[str, Matched], tau: float = 1.0) -> Explorer:
    """Warm and cool the softmax of a batch's cosines: what each picture then takes for its text, and the loss.

    Args:
        batches: name -> a batch; all have the same size. The menu offers them.
        tau: where the slider begins.
    """
    batches = {name: batch._replace(cosines=batch.cosines.detach().cpu()) for name, batch in batches.items()}
    curves = {
        name: torch.stack([contrastive(batch.cosines / t) for t in TEMPERATURES]) for name, batch in batches.items()
    }

    def draw(figure: Figure, batch: str, tau: float) -> str:
        pictures, captions, cosines = batches[batch]
        n = len(cosines)
        shares = (cosines / tau).softmax(dim=1)  # (B, B), a row for each picture
        loss, least = contrastive(cosines / tau).item(), lowest_loss(n, torch.tensor(1 / tau)).item()
        entropy = -(shares * shares.clamp(min=1e-30).log()).sum(dim=1).mean().item()
        left, right = fixed_axes(figure, (0.03, 0.1, 0.4, 0.82), (0.72, 0.16, 0.27, 0.76))
        similarity(left, pictures, captions, shares, title="rows: softmax, dark 0, yellow 1", bottom=0, bar=False)
        losses_by_temperature(right, TEMPERATURES, {batch: curves[batch]}, n, now=tau)
        found = int((cosines.argmax(dim=1) == torch.arange(n)).sum())
        return (
            f"τ = {tau:.3g}, so cosines are multiplied by {1 / tau:.3g}. Loss {loss:.2f} nats; guessing pays "
            f"log {n} = {math.log(n):.2f}, and no vectors could pay less than {least:.2f} at this τ. A row's entropy "
            f"is {entropy:.2f} nats, as if {math.exp(entropy):.1f} texts were equally likely. "
            f"{found} of {n} pictures rank their own text first, at every τ."
        )

    controls = {
        "batch": ipywidgets.Dropdown(options=list(batches), description="batch"),
        "tau": ipywidgets.FloatLogSlider(
            tau, min=-2.3, max=0.7, step=0.1, readout_format=".3g", description="temperature τ"
        ),
    }
    return Explorer(draw, controls, title="How sure may it be?", size=(8.4, 3.2))


def explorer(
    pictures: Mapping[str, Tensor],
    classify: Callable[[Tensor, list[str]], Tensor],
    known: Collection[str],
    texts: Sequence[str],
    *,
    longest: int,
) -> Explorer:
    """Choose a picture, write the classes as texts, a line for each, and a prompt that stands around all of them.

    Args:
        pictures: name -> picture (1, height, width), ink is 1.
        classify: from a picture and texts to their probabilities.
        known: words that the model has learned.
        texts: the classes to begin with.
        longest: most words of a text; further ones are cut off.
    """

    def draw(figure: Figure, picture: str, prompt: str, classes: str) -> str:
        lines = [line.strip() for line in classes.splitlines() if line.strip()][:LINES]
        left, right = fixed_axes(figure, (0.01, 0.25, 0.2, 0.6), (0.23, 0.16, 0.7, 0.8))
        show_picture(left, pictures[picture])
        left.set_title(picture, fontsize=9)
        if not lines:
            right.set_axis_off()
            return "No class is written yet: write one text in each line."
        written = [prompt.replace("{}", line).split() for line in lines]
        sent = [" ".join(words[:longest]) for words in written]
        shares = classify(pictures[picture], sent).detach().cpu().tolist()
        ranked = sorted(zip(sent, shares, strict=True), key=lambda pair: -pair[1])
        bars(right, ranked, ranked[0][0])
        new = sorted({word for words in written for word in words if word not in known})
        return (
            f"{picture}: “{ranked[0][0]}” with probability {ranked[0][1]:.2f}"
            + (f", then “{ranked[1][0]}” with {ranked[1][1]:.2f}. " if len(ranked) > 1 else ", the only class. ")
            + (f"Words that it never read: {', '.join(new)}. " if new else "It knows all these words. ")
            + ("The prompt has no {}, so all texts are the same. " if "{}" not in prompt else "")
            + (f"Texts are cut behind {longest} words." if max(map(len, written)) > longest else "")
        ).strip()

    wide = ipywidgets.Layout(width="440px")
    controls = {
        "picture": ipywidgets.Dropdown(options=list(pictures), description="picture"),
        "prompt": ipywidgets.Text("{}", description="prompt", layout=wide, continuous_update=False),
        "classes": ipywidgets.Textarea(
            "\n".join(texts), description="classes", rows=6, layout=wide, continuous_update=False
        ),
    }
    return Explorer(draw, controls, title="A classifier in your own words", size=(6.4, 2.6))
