"""What the experiments share: how a run and its table are described, and a few settings that all use."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from course.data.batches import TranslationBatch
from course.training import History, token_loss

Metrics = dict[str, float]


@dataclass
class Outcome:
    """What one run reached.

    Attributes:
        valid, test: the same numbers on two splits. What is chosen (a setting, a threshold) is chosen on `valid`.
        facts: what describes the run: parameters, steps, a learning curve.
        cpu_seconds: processor time of training and scoring.
    """

    valid: Metrics
    test: Metrics
    facts: dict = field(default_factory=dict)
    cpu_seconds: float = 0.0

    as_dict = asdict


@dataclass(frozen=True)
class Row:
    """A row of a table: the runs of one variant, and what is added to a column's metric to find its number."""

    label: str
    variant: str
    suffix: str = ""


@dataclass(frozen=True)
class Claim:
    """A sentence that a table should bear out: `metric` is larger in one row than in another.

    A row is (variant, metric). The threshold between them is chosen on the validation split; it must part every test
    run of one from every test run of the other.
    """

    text: str
    larger: tuple[str, str]
    smaller: tuple[str, str]


@dataclass(frozen=True)
class Experiment:
    """One table of results.

    Attributes:
        name: what the command calls it.
        title, setting: heading of its table, and a paragraph: what was trained on what, and how.
        run: from variant and seed to an `Outcome`, in at most 90 CPU-seconds on one thread.
        rows: of the table.
        columns: heading -> metric.
        claims: what the table should show.
        remarks: from all outcomes to further paragraphs, for instance a fitted law.
    """

    name: str
    title: str
    setting: str
    run: Callable[[str, int], Outcome]
    rows: tuple[Row, ...]
    columns: dict[str, str]
    claims: tuple[Claim, ...] = ()
    remarks: Callable[[dict[str, list[Outcome]]], str] = lambda outcomes: ""

    @property
    def variants(self) -> tuple[str, ...]:
        """What is run, each with every seed."""
        return tuple(dict.fromkeys(row.variant for row in self.rows))


def extremes(outcomes: dict[str, list[Outcome]], variant: str, metric: str, form: str = ".2f") -> str:
    """The smallest and the largest test number of a variant's runs, in words: "0.70 to 0.80"."""
    values = sorted(outcome.test[metric] for outcome in outcomes[variant])
    return f"{values[0]:{form}} to {values[-1]:{form}}"


def step_seed(seed: int, step: int) -> int:
    """A seed for what is drawn anew at each step of a run: no two steps of any two runs share one."""
    return 1_000_000 * (seed + 1) + step


def rows_of(variants: tuple[str, ...]) -> tuple[Row, ...]:
    """A row for each variant, under its own name."""
    return tuple(Row(variant, variant) for variant in variants)


def parameters(model: nn.Module) -> int:
    """How many numbers a model learns."""
    return sum(parameter.numel() for parameter in model.parameters())


def facts_of(model: nn.Module, history: History) -> dict:
    """Size, steps and learning curve (every tenth loss) of a run."""
    return {"parameters": parameters(model), "steps": history.steps, "losses": history.losses[9::10]}


def translation_loss(model: nn.Module, batch: TranslationBatch, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
    """Cross-entropy of every target token, summed, and how many there were."""
    return token_loss(model(batch.source, batch.target_in, batch.source_mask), batch.target_out, smoothing=smoothing)


@torch.no_grad()
def mean_loss(
    model: nn.Module, batches: Iterable[Any], loss: Callable[[nn.Module, Any], tuple[Tensor, Tensor | int]]
) -> float:
    """The mean per item over all batches, in nats where the loss is a cross-entropy."""
    total, count = 0.0, 0
    for batch in batches:
        of_batch, items = loss(model, batch)
        total, count = total + of_batch.item(), count + int(items)
    return total / count


def decay(peak: float, steps: int, warm_up: int = 50) -> Callable[[int], float]:
    """A learning rate that climbs to `peak` over `warm_up` steps and falls in a straight line to zero at `steps`."""
    return lambda step: peak * min(step / warm_up, (steps - step + 1) / (steps - warm_up + 1))


def plateau(peak: float, steps: int, warm_up: int = 50) -> Callable[[int], float]:
    """A rate that climbs over `warm_up` steps, stays at `peak`, and falls to zero in the last quarter.

    Where a loss stands still for long before it falls, a rate that shrinks from the start may never see it fall.
    """
    return lambda step: peak * min(step / warm_up, 1.0, 4 * (steps - step + 1) / steps)


def timed(run: Callable[[], Outcome]) -> Outcome:
    """Run on one thread and note the processor time: about what the clock of a quiet machine would show."""
    torch.set_num_threads(1)
    begun = time.process_time()
    outcome = run()
    outcome.cpu_seconds = time.process_time() - begun
    return outcome
