"""What a step does to a model, and how a run goes to a file and comes back."""

import math
import os
import zipfile
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from course.errors import CourseError
from course.training.processes import Batch, Home, has_rows, own_rows

Loss = Callable[[nn.Module, Batch], tuple[Tensor, Tensor | int]]
Validate = Callable[[nn.Module], float]
MakeOptimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


@dataclass
class History:
    """What happened in a run; plain numbers, so `dataclasses.asdict` of it is ready for JSON.

    Attributes:
        losses: mean loss per item, of each step.
        learning_rates: of each step.
        validations: (steps done, value), the lower the better.
        items: number of items (tokens, images, …) that the losses were means of, all steps together.
        seconds: spent in the loop, over all its resumptions.
        stopped_early: `patience` ran out before the steps did.
    """

    losses: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    validations: list[tuple[int, float]] = field(default_factory=list)
    items: int = 0
    seconds: float = 0.0
    stopped_early: bool = False

    @property
    def steps(self) -> int:
        """Number of steps done."""
        return len(self.losses)

    @property
    def best(self) -> tuple[int, float]:
        """The lowest validation as (steps done, value), the first among equals; NaN is worse than anything.

        Raises:
            ValueError: nothing was validated yet.
        """
        return min(self.validations, key=lambda entry: math.inf if math.isnan(entry[1]) else entry[1])

    def out_of_patience(self, patience: int | None) -> bool:
        """Have the last `patience` validations all been no better than the best before them? Never if it is None."""
        return patience is not None and bool(self.validations) and self.best not in self.validations[-patience:]


class Run:
    """All that changes while a model is trained: how a step changes it, and how it goes to a file and comes back."""

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        optimizer: MakeOptimizer,
        home: Home,
        dtype: torch.dtype | None,
        settings: dict[str, int],
    ):
        """`dtype` is what autocast computes in; `settings` must be the same when the run is resumed."""
        self.model, self.home, self.dtype = model, home, dtype
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = optimizer(self.parameters)
        self.optimizer.zero_grad()  # what the caller may have left there
        self.scaler = torch.amp.GradScaler(home.device.type, enabled=dtype is torch.float16)  # else it does nothing
        self.loss: nn.Module = LossOf(model, loss)
        if home.world > 1:
            self.loss = DistributedDataParallel(self.loss)
        self.history = History()
        self.best_weights: dict[str, Tensor] | None = None
        self.settings = {
            "optimizer": type(self.optimizer).__name__,
            "trainable parameters": len(self.parameters),
            **settings,
        }

    def update(self, batches: list[Batch], rate: float, clip: float) -> None:
        """Make one step of the optimizer, on all batches together, and enter it in the history.

        Raises:
            CourseError: the loss or the gradient is not finite, or nothing was counted; the weights are as before.
        """
        totals = self.accumulate_gradients(batches)
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.parameters, clip)
        total, items, norm = torch.stack([*totals, norm.to(totals)]).tolist()  # the one wait for the device
        step = self.history.steps + 1
        if items == 0:
            raise CourseError(f"step {step}: the batch holds no items to learn from (is it all padding?)", 1)
        # With fp16 a gradient may overflow: the scaler then leaves the step out and scales less.
        if not math.isfinite(total) or not (math.isfinite(norm) or self.scaler.is_enabled()):
            what = f"the gradient's norm is {norm}" if math.isfinite(total) else f"the loss is {total / items}"
            raise CourseError(f"step {step}: {what}; try a smaller learning rate, or look at that batch", 1)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        self.history.losses.append(total / items)
        self.history.learning_rates.append(rate)
        self.history.items += int(items)

    def accumulate_gradients(self, batches: list[Batch]) -> Float[Tensor, "2"]:
        """Leave the gradient of the mean loss per item; return (sum of losses, items), both of all processes.

        DistributedDataParallel takes the mean over processes, hence the factor `world`. A backward pass needs its
        divisor before later batches are counted: it takes the first batch's, which is made good at the end.
        """
        world, device, exact = self.home.world, self.home.device, self.home.exact
        sums = []
        for i, batch in enumerate(batches):
            apart = world > 1 and i + 1 < len(batches)  # processes exchange gradients once, in the last pass
            with self.loss.no_sync() if apart else nullcontext():
                with torch.autocast(device.type, dtype=self.dtype, enabled=self.dtype is not None):
                    loss, items = self.loss(own_rows(batch, self.home))
                if not has_rows(batch, self.home):
                    loss, items = loss * 0, 0  # gradients of zero: the other processes wait for them
                part = torch.stack([loss.detach().to(exact), torch.as_tensor(items, dtype=exact, device=device)])
                if world > 1:
                    dist.all_reduce(part)
                sums.append(part)
                divisor = sums[0][1].clamp(min=1)
                self.scaler.scale(loss * (world / divisor).to(loss.dtype)).backward()
        totals = torch.stack(sums).sum(0)
        if len(batches) > 1:
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.grad *= divisor / totals[1]
        return totals

    def validate(self, validate: Validate) -> None:
        """Validate in the first process, tell all, and keep the weights if they are the best so far."""
        value = torch.zeros((), dtype=self.home.exact, device=self.home.device)
        if self.home.rank == 0:
            self.model.eval()
            with torch.no_grad():
                value += validate(self.model)
        if self.home.world > 1:
            dist.broadcast(value, src=0)
        self.history.validations.append((self.history.steps, value.item()))
        if self.history.best == self.history.validations[-1]:
            self.best_weights = {name: weight.clone() for name, weight in self.model.state_dict().items()}

    def save(self, path: Path) -> None:
        """Write a checkpoint, in the first process. Whoever reads `path` finds the old one or the new one, whole."""
        if self.home.rank > 0:
            return
        partial_path = path.with_name(path.name + ".partial")
        with partial_path.open("wb") as file:
            torch.save(
                {
                    "settings": self.settings,
                    "history": asdict(self.history),
                    "model": self.model.state_dict(),
                    "best_weights": self.best_weights,
                    "optimizer": self.optimizer.state_dict(),
                    "scaler": self.scaler.state_dict(),
                },
                file,
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial_path, path)

    def load(self, path: Path) -> None:
        """Take everything from a checkpoint, or nothing.

        Raises:
            CourseError: it is damaged, or of another model or other settings.
        """
        try:
            with zipfile.ZipFile(path) as archive:  # that is what torch writes, but its reader skips the checksums
                damaged = archive.testzip()
            saved = torch.load(path, map_location=self.home.device, weights_only=True)
            weights, optimizer, scaler = saved["model"], saved["optimizer"], saved["scaler"]
            settings, best_weights, history = saved["settings"], saved["best_weights"], History(**saved["history"])
        except Exception as error:  # a damaged file can fail anywhere in zip, pickle or torch
            damaged = type(error).__name__
        if damaged is not None:
            raise CourseError(f"{path} is no whole checkpoint: delete it to start anew ({damaged})")
        if shapes_of(weights) != shapes_of(self.model.state_dict()):
            raise CourseError(f"{path} holds another model's weights: name another file, or delete it to start anew")
        if settings != self.settings:
            raise CourseError(
                f"{path} is of a run with {settings}, not {self.settings}: name another file or delete it"
            )
        self.history, self.best_weights = history, best_weights
        self.model.load_state_dict(weights)
        self.optimizer.load_state_dict(optimizer)
        if scaler:  # empty where the run began without fp16
            self.scaler.load_state_dict(scaler)


class LossOf(nn.Module):
    """A model inside its loss: what DistributedDataParallel wraps, so that a loss may call any part of its model."""

    def __init__(self, model: nn.Module, loss: Loss):
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor | int]:
        return self.loss(self.model, batch)


def shapes_of(weights: dict[str, Tensor]) -> dict[str, torch.Size]:
    """What tells one model's weights from another's."""
    return {name: weight.shape for name, weight in weights.items()}
