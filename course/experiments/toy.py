"""Convolutions alone, with one layer of attention, and with attention that knows positions, on both toy tasks."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.data import toy
from course.device import seed_everything
from course.experiments.common import (
    Claim,
    Experiment,
    Metrics,
    Outcome,
    extremes,
    facts_of,
    plateau,
    rows_of,
    step_seed,
)
from course.models.toy import KINDS, SelfAttention1d, ToyNet
from course.training import History, train

PAIRS = {"shape": toy.BY_SHAPE, "side": toy.BY_SIDE}
ERROR, OWN_KIND = "squared error", "attention to its own kind"
BATCH, STEPS, PEAK = 16, 8000, 3e-3


def batches(pairs: str, seed: int, step: int) -> tuple[Tensor, Tensor]:
    """Fresh signals at every step: a training set without end."""
    return toy.sequences(BATCH, pairs=pairs, seed=step_seed(seed, step))


def squared_error(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
    x, y = batch
    return F.mse_loss(model(x), y, reduction="sum"), y.numel()


def fit(variant: str, seed: int) -> tuple[ToyNet, History]:
    """The trained network and how its training went."""
    task, kind = variant.split(": ")
    seed_everything(seed)
    model = ToyNet(kind)
    history = train(
        model,
        partial(batches, PAIRS[task], seed),
        squared_error,
        steps=STEPS,
        learning_rate=plateau(PEAK, STEPS),
        seed=seed,
        progress=False,
    )
    return model, history


def run(variant: str, seed: int) -> Outcome:
    task = variant.split(": ")[0]
    model, history = fit(variant, seed)
    valid, test = (scores(model, *toy.sequences(1000, pairs=PAIRS[task], seed=held_out)) for held_out in (1, 2))
    return Outcome(valid, test, facts_of(model, history))


@torch.no_grad()
def scores(model: ToyNet, x: Tensor, y: Tensor) -> Metrics:
    """Mean squared error; and, with attention, the share of a shape's look at shapes that goes to its own kind."""
    found = {ERROR: F.mse_loss(model(x), y).item()}
    if isinstance(model.middle, SelfAttention1d):
        kinds = torch.stack([kinds_of(signal) for signal in y[:200, 0]])  # (n, T)
        weights = model.attention_map(x[:200])  # (n, T, T)
        shapes = (kinds != NONE).unsqueeze(1) & (kinds != NONE).unsqueeze(2)
        same = kinds.unsqueeze(1) == kinds.unsqueeze(2)
        found[OWN_KIND] = (weights[shapes & same].sum() / weights[shapes].sum()).item()
    return found


NONE, RECTANGLE, TRIANGLE = 0, 1, 2


def kinds_of(target: Tensor) -> Tensor:
    """For each sample of a clean signal (T,) the kind of the shape that it belongs to."""
    kinds = torch.full(target.shape, NONE)
    inside = F.pad(target != 0, (1, 1)).int().diff()
    starts, ends = ((inside == sign).nonzero().flatten().tolist() for sign in (1, -1))
    for start, end in zip(starts, ends, strict=True):
        flat = target[start:end].max() == target[start:end].min()
        kinds[start:end] = RECTANGLE if flat else TRIANGLE
    return kinds


def about_the_map(outcomes: dict[str, list[Outcome]]) -> str:
    """What the solved networks look at."""
    span = partial(extremes, outcomes, form=".2g")
    plain, placed = "shape: attention", "shape: attention + positions"
    return f"""**The map is not the solution.** By shape one would expect each shape to look at its own kind alone.
The share is {span(plain, OWN_KIND)} without positions and {span(placed, OWN_KIND)} with them, at errors of
{span(plain, ERROR)} and {span(placed, ERROR)}. The network need not choose: it can look at all four shapes and
keep the heights of both kinds apart in channels of their own. So no test of this course asks a solved map for
it."""


EXPERIMENT = Experiment(
    name="toy",
    title="The toy task: pairs by shape, pairs by side",
    setting=f"""François Fleuret's one-dimensional task (`course.data.toy`): 64 samples hold two triangles and two
rectangles, and both shapes of a pair take the mean height of the pair. Pairs are the shapes of a kind, or the
two on the left and the two on the right. Five convolutions of 32 channels, or four and a layer of
self-attention in their middle (`course.models.toy`); Adam, batches of {BATCH} fresh signals, {STEPS:,} steps.
The mean squared error of a target of variance 1, on 1,000 signals; and of what shapes give to shapes in the
attention map, the share that stays within a kind (0.5: no preference).""",
    run=run,
    rows=rows_of(tuple(f"{task}: {kind}" for task in PAIRS for kind in KINDS)),
    columns={"mean squared error": ERROR, "attention to its own kind": OWN_KIND},
    remarks=about_the_map,
    claims=(
        Claim(
            "By shape: convolutions fail where attention succeeds",
            ("shape: convolution", ERROR),
            ("shape: attention", ERROR),
        ),
        Claim(
            "By side: attention without positions fails where positions succeed",
            ("side: attention", ERROR),
            ("side: attention + positions", ERROR),
        ),
        Claim("By side: convolutions fail too", ("side: convolution", ERROR), ("side: attention + positions", ERROR)),
    ),
)
