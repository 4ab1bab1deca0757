"""A small run with dropout and padding, for the tests of `course.training`; as a script, a process to be killed.

python -m tests.support.training_run FOLDER [write]    one run; with `write`, it dies while it writes a checkpoint
python -m torch.distributed.run … -m tests.support.training_run FOLDER    what tests/training/test_processes.py reads
"""

import io
import os
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from course.training import History, token_loss, train

V, STEPS, CHECKPOINT_EVERY = 11, 500, 20


class Pairs(NamedTuple):
    tokens: torch.Tensor
    targets: torch.Tensor


def make_model(dropout: float = 0.3, dtype: torch.dtype = torch.float32, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = nn.Embedding(V, 6), nn.Linear(6, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, V)
        return nn.Sequential(*layers).to(dtype)


def batches(n: int, rows: int = 6, T: int = 5) -> Pairs:
    """Rows of unequal length: every second one is mostly padding, so two processes count differently."""
    generator = torch.Generator().manual_seed(n)
    tokens = torch.randint(1, V, (rows, T), generator=generator)
    lengths = torch.randint(2, T + 1, (rows, 1), generator=generator)
    lengths[::2] = 1
    return Pairs(tokens, ((tokens + 1) % V).where(torch.arange(T) < lengths, 0))


def short_batches(n: int) -> Pairs:
    """Now and then a single row, as at the end of an epoch."""
    return batches(n, rows=4 if n % 3 else 1)


def loss(model: nn.Module, batch: Pairs) -> tuple[torch.Tensor, torch.Tensor]:
    """Calls parts of the model, as one with an encoder and a decoder may."""
    return token_loss(model[1:](model[0](batch.tokens)), batch.targets)


def validate(model: nn.Module) -> float:
    total, count = loss(model, batches(10**6))
    return (total / count).item()


def killable(checkpoint: Path | None, pause: float = 0.0) -> tuple[nn.Module, History]:
    def slow(n: int) -> Pairs:
        time.sleep(pause)
        return batches(n)

    model = make_model()
    every = {"validate_every": 50, "checkpoint_every": CHECKPOINT_EVERY}
    history = train(model, slow, loss, steps=STEPS, checkpoint=checkpoint, validate=validate, progress=False, **every)
    return model, history


def die_in_write(number: int) -> None:
    """Let the process kill itself when it has written half of its checkpoint of this number."""
    save, written = torch.save, []

    def save_half(state: dict, file: io.BufferedWriter) -> None:
        written.append(file)
        if len(written) < number:
            return save(state, file)
        save(state, whole := io.BytesIO())
        file.write(whole.getvalue()[: whole.tell() // 2])
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    torch.save = save_half


def together(folder: Path) -> None:
    """What several processes do; each writes what it saw."""
    rank = int(os.environ["RANK"])
    exact = {"dropout": 0.0, "dtype": torch.float64}
    options = {"learning_rate": 0.01, "accumulate": 2, "clip": 0.5, "progress": False}
    seen = {}

    options["progress"] = True  # seen on standard error
    seen["whole"] = train(model := make_model(seed=rank, **exact), batches, loss, steps=8, **options)
    options["progress"] = False
    seen["whole weights"] = model.state_dict()

    path = folder / "run.pt"
    train(make_model(**exact), batches, loss, steps=5, checkpoint=path, **options)
    seen["resumed"] = train(model := make_model(seed=5, **exact), batches, loss, steps=8, checkpoint=path, **options)
    seen["resumed weights"] = model.state_dict()

    # The first process sees it get worse, the other one better.
    values = iter([1.0, 2.0, 3.0, 4.0, 5.0] if rank == 0 else [5.0, 4.0, 3.0, 2.0, 1.0])
    patient = {"validate": lambda model: next(values), "validate_every": 1, "patience": 2, "progress": False}
    seen["stopped"] = train(make_model(), batches, loss, steps=5, **patient)

    draws = []
    train(
        make_model(),
        batches,
        lambda m, b: (draws.append(torch.rand(()).item()), loss(m, b))[1],
        steps=3,
        progress=False,
    )
    seen["draws"] = draws
    seen["short"] = train(model := make_model(**exact), short_batches, loss, steps=6, **options)
    seen["short weights"] = model.state_dict()
    torch.save(seen, folder / f"rank{rank}.pt")


def main(folder: Path, how: str = "") -> None:
    torch.set_num_threads(1)
    if "RANK" in os.environ and how != "killable":
        return together(folder)
    if how == "write":
        die_in_write(4)
    model, history = killable(folder / "run.pt", pause=0.002)
    if os.environ.get("RANK", "0") == "0":
        torch.save((model.state_dict(), history.losses), folder / "result.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
