"""Does a captioner look at the digit that it names, and does it have to?"""

from functools import lru_cache, partial

import torch
from torch import Tensor, nn

from course import metrics
from course.data.canvases import (
    Canvases,
    CaptionBatch,
    CaptionBatches,
    by_cell,
    canvases,
    caption_batch,
    inside,
    vocabulary,
)
from course.data.vocabulary import BOS, EOS, PAD
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Metrics, Outcome, extremes, facts_of, plateau, rows_of
from course.models.captioning import Captioner, doubly_stochastic
from course.models.decoding import generate
from course.training import History, token_loss, train

EXACT, NAMED, TOUCHED, OTHER = "exact", "on the named digit", "on cells that it touches", "on the other digit"
ATTENTION, PLAIN, MEAN = "attention", "attention, λ = 0", "mean of all places"
LAMBDA = {ATTENTION: 0.01, PLAIN: 0.0, MEAN: 0.0}
N, HELD_OUT = 8000, 500
STEPS, PEAK, BATCH = 1200, 3e-3, 64
LONGEST = 5  # tokens of "three left of nine", with its end


@lru_cache(maxsize=1)
def drawn() -> dict[str, Canvases]:
    """The same for all runs."""
    return {part: canvases(n, part, seed=0) for part, n in (("train", N), ("valid", HELD_OUT), ("test", HELD_OUT))}


def sizes(variant: str) -> dict:
    """What builds the model of a variant."""
    return {"vocab": len(vocabulary()), "attends": variant != MEAN}


def caption_loss(penalty: float, model: Captioner, batch: CaptionBatch) -> tuple[Tensor, Tensor]:
    """Cross-entropy of every word, and `penalty` times the doubly stochastic term of every caption (equation 14)."""
    logits, weights, _ = model.decode(batch.read, model.start(batch.images))
    total, words = token_loss(logits, batch.written)
    if penalty:
        total = total + penalty * doubly_stochastic(weights, batch.written != PAD).sum()
    return total, words


def fit(variant: str, seed: int) -> tuple[Captioner, History]:
    """The trained captioner and how its training went."""
    seed_everything(seed)
    model = Captioner(**sizes(variant))
    history = train(
        model,
        CaptionBatches(drawn()["train"], BATCH, seed),
        partial(caption_loss, LAMBDA[variant]),
        steps=STEPS,
        learning_rate=plateau(PEAK, STEPS),
        seed=seed,
        progress=False,
    )
    return model, history


def run(variant: str, seed: int) -> Outcome:
    model, history = fit(variant, seed)
    valid, test = (scores(model, drawn()[part]) for part in ("valid", "test"))
    return Outcome(valid, test, facts_of(model, history))


@torch.no_grad()
def captions_of(model: nn.Module, images: Tensor) -> list[list[str]]:
    """What the model writes, greedily."""
    first = torch.full((len(images),), BOS, device=images.device)
    written = generate(model.step, model.start(images), first, end=EOS, max_length=LONGEST)
    return [vocabulary().decode(row) for row in written.tolist()]


@torch.no_grad()
def scores(model: Captioner, held_out: Canvases) -> Metrics:
    """The share of captions that are right word for word, and shares of the attention while a digit's name is due.

    The true caption is fed. Its first word names the first digit, its last one the second. A weight counts as spread
    evenly over its cell of 6 × 6 pixels. "On the named digit" is what falls into its box, widened by a cell on every
    side; "on the other" is what falls into the other's widened box and not into this one.
    """
    batch = caption_batch(held_out)
    weights = model.align(batch.images, batch.read)  # (n, T, cells)
    rows, last = torch.arange(len(weights)), (batch.written == EOS).int().argmax(dim=1) - 1  # (n)
    naming = torch.stack([weights[:, 0], weights[rows, last]], dim=1)  # (n, 2, cells)
    named = inside(held_out.boxes)  # (n, 2, 36, 36)
    other = named.flip(1) & ~named
    touched = by_cell(inside(held_out.boxes, margin=0)) > 0  # (n, 2, cells)

    def share(cells: Tensor) -> float:
        return (naming * cells).sum(dim=-1).mean().item()

    return {
        EXACT: metrics.exact_match(captions_of(model, batch.images), [text.split() for text in held_out.captions]),
        NAMED: share(by_cell(named)),
        TOUCHED: share(touched),
        OTHER: share(by_cell(other)),
    }


def about_the_map(outcomes: dict[str, list[Outcome]]) -> str:
    """What the network without attention reaches."""
    span = partial(extremes, outcomes)
    return f"""**It looks, but it hardly has to.** Captions are right in {span(ATTENTION, EXACT)} of the cases with
attention, and in {span(MEAN, EXACT)} with the mean of all places in its place: one vector holds nearly all that
there is to say about two digits. The doubly stochastic term asks for a look at all places alike; without it the share
on the named digit is {span(PLAIN, NAMED)} instead of {span(ATTENTION, NAMED)}."""


EXPERIMENT = Experiment(
    name="captioning",
    title="Captions: which word looks where",
    setting=f"""Two handwritten digits on a canvas of 36 × 36 pixels, and captions such as *seven above two*
(`course.data.canvases`): {N:,} to train on, {HELD_OUT} for validation, {HELD_OUT} for test, which share no picture of
a digit. Xu et al.'s captioner (`course.models.captioning`) of width 64 with an encoder of three convolutions, whose
map has 6 × 6 places. Adam, batches of {BATCH}, {STEPS:,} steps, greedy decoding. *Exact*: every word is right.
Shares of the attention while a digit's name is written: within the digit's box, widened by a cell on each side; on the
cells that the digit touches; and within the other digit's widened box, as far as it lies outside the first. The
doubly stochastic term has the weight λ = {LAMBDA[ATTENTION]}. Without attention all places weigh the same, so the
last row's shares are what looking nowhere in particular gives.""",
    run=run,
    rows=rows_of((ATTENTION, PLAIN, MEAN)),
    columns={
        "exact captions": EXACT,
        "on the named digit": NAMED,
        "on cells it touches": TOUCHED,
        "on the other": OTHER,
    },
    claims=(
        Claim("It looks at the digit that it names", (ATTENTION, NAMED), (MEAN, NAMED)),
        Claim("… and away from the other", (MEAN, OTHER), (ATTENTION, OTHER)),
    ),
)
