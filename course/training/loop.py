"""The one training loop of the course: any model, one process or many, killed at any moment and none the wiser.

Two things are pure functions of the step: the batch, which `batches(n)` makes, and chance, which is seeded anew at
each step. So a checkpoint needs no state of a data loader or of a generator, and a resumed run is the same run.
The loop knows no model and no data. It asks a `loss` for a sum and a number of items, since only sums can be
added over accumulated batches and over processes whose shares hold different numbers of tokens.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from tqdm.auto import tqdm

from course.training.processes import Batch, autocast_dtype, callers_chance, join_processes, seed_step
from course.training.run import History, Loss, MakeOptimizer, Run, Validate

WINDOW = 50  # steps in the running mean that the progress bar shows


def train(
    model: nn.Module,
    batches: Callable[[int], Batch],
    loss: Loss,
    *,
    steps: int,
    learning_rate: float | Callable[[int], float] = 3e-4,
    optimizer: MakeOptimizer = torch.optim.Adam,
    clip: float | None = 1.0,
    accumulate: int = 1,
    precision: str = "auto",
    validate: Validate | None = None,
    validate_every: int = 100,
    patience: int | None = None,
    checkpoint: Path | str | None = None,
    checkpoint_every: int = 500,
    seed: int = 0,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> History:
    """Train `model` in place, leave it in eval mode, and say what happened.

    Started by `torchrun`, the same call trains on all processes together. Each takes every n-th row of each batch of
    n processes; losses and weights are those of one process up to rounding. There, every trainable parameter must
    take part in the loss, and `checkpoint` must lie where all processes can read it.

    Chance (dropout) comes from the global generators of torch and `random`, seeded anew at each step from `seed`, the
    step and the process. Afterwards the caller's states of both come back (torch's on CPU and CUDA). So nothing that
    a caller or `validate` draws changes a run, and a run changes nothing that a caller draws.

    A run that is killed and started again gives the same numbers as one that never was: bit for bit on a CPU with the
    same number of threads, up to the device's own rounding on a GPU.

    Args:
        batches: `batches(n)` is the batch number n, from 0; the same n gives the same batch.
        loss: `loss(model, batch)` is (sum over the items of the batch, number of items).
        steps: number of updates, those before a resumption included.
        learning_rate: a constant, or a function of the step, which counts from 1.
        optimizer: makes the optimizer from the parameters; the learning rate is set at each step.
        clip: largest norm of the gradient of all parameters together; None does not clip.
        accumulate: batches per update, for more items than fit in memory at a time.
        precision: "fp32", "bf16", "fp16", or "auto": bf16 on a GPU that has it, fp16 on another CUDA GPU,
            else fp32. Weights stay as they are; "bf16" and "fp16" are what autocast computes in.
        validate: `validate(model)` gives a value to minimise; called in eval mode, without gradients. Under
            `torchrun` the first process calls it for all.
        validate_every: steps between validations. The weights of the best one are restored at the end.
        patience: stop after so many validations in a row that bring nothing better.
        checkpoint: file to resume from if it is there, and to write; a finished run returns at once.
        checkpoint_every: steps between its writings; the end is always written.
        device: where to train; None means where the model is.
        progress: show a bar with the running mean of the loss and the time left.

    Raises:
        CourseError: the checkpoint is damaged or of another run; the loss or the gradient is not finite any more.
        ValueError: an argument makes no sense.
    """
    if steps < 0 or min(accumulate, validate_every, checkpoint_every) < 1:
        raise ValueError("steps is at least 0; accumulate, validate_every and checkpoint_every are at least 1")
    if patience is not None and (patience < 1 or validate is None):
        raise ValueError("patience is at least 1 and needs `validate`")

    home = join_processes(torch.device(device) if device is not None else next(model.parameters()).device)
    model.to(home.device)
    settings = {"seed": seed, "accumulate": accumulate}
    run = Run(model, loss, optimizer, home, autocast_dtype(precision, home.device), settings)
    path = Path(checkpoint) if checkpoint is not None else None
    show = progress and home.rank == 0
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            run.load(path)
            if show:
                print(f"{path}: resumed after step {run.history.steps} of {steps}")

    history, resumed_at = run.history, run.history.steps
    started = time.perf_counter() - history.seconds
    with callers_chance(home.device), tqdm(total=steps, initial=resumed_at, disable=not show) as bar:
        while history.steps < steps and not history.out_of_patience(patience):
            step = history.steps + 1
            seed_step(seed, step, home.rank)
            model.train()
            run.update(
                [batches(n) for n in range((step - 1) * accumulate, step * accumulate)],
                learning_rate(step) if callable(learning_rate) else learning_rate,
                math.inf if clip is None else clip,
            )
            if validate is not None and step % validate_every == 0:
                run.validate(validate)
            history.seconds = time.perf_counter() - started
            if path is not None and step % checkpoint_every == 0:
                run.save(path)
            window = history.losses[-WINDOW:]
            bar.set_postfix_str(f"loss {sum(window) / len(window):.3f}", refresh=False)
            bar.update()

    if path is not None and history.steps > resumed_at:
        run.save(path)  # with the last weights, so that a longer run can go on from them
    history.stopped_early = history.steps < steps
    if run.best_weights is not None:
        model.load_state_dict(run.best_weights)
    model.eval()
    return history
