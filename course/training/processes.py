"""Where a run is at home: its device and precision, the processes of `torchrun`, and chance."""

import atexit
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

Batch = Any  # a tensor, or a tuple, NamedTuple, list or dict that begins with one; the first axis is the rows


@dataclass(frozen=True)
class Home:
    """This process's number, how many there are, and its device."""

    rank: int
    world: int
    device: torch.device

    @property
    def exact(self) -> torch.dtype:
        """The most exact type that the device has: what sums and counts are added in."""
        return torch.float32 if self.device.type == "mps" else torch.float64


def join_processes(device: torch.device) -> Home:
    """Meet the other processes that `torchrun` started; without it, one process is all there is."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Home(0, 1, device)
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(dist.destroy_process_group)
    return Home(dist.get_rank(), dist.get_world_size(), device)


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype | None:
    """What autocast computes in; None does not cast."""
    if precision == "auto" and device.type == "cuda":
        # Older GPUs emulate bf16, slowly; for these fp16 is the fast one.
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if precision == "fp16" and device.type != "cuda":
        raise ValueError(f"fp16 is for CUDA; on {device.type} choose bf16 or fp32")
    dtypes = {"auto": None, "fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
    if precision not in dtypes:
        raise ValueError(f"precision is one of {', '.join(dtypes)}, not {precision}")
    return dtypes[precision]


def seed_step(seed: int, step: int, rank: int) -> None:
    """Make chance a function of the step, and another one in each process."""
    random.seed(f"{seed} {step} {rank}")  # hashes the text: neighbouring steps have nothing in common
    torch.manual_seed(random.getrandbits(63))


@contextmanager
def callers_chance(device: torch.device) -> Iterator[None]:
    """Give the caller's states of `random` and torch back at the end."""
    state = random.getstate()
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        random.setstate(state)


def own_rows(batch: Batch, home: Home) -> Batch:
    """This process's rows of a batch, on its device. One that is left without a row borrows one: see `has_rows`."""
    if isinstance(batch, Tensor):
        return (batch[home.rank % len(batch) :: home.world] if home.world > 1 else batch).to(home.device)
    if isinstance(batch, dict):
        return {name: own_rows(part, home) for name, part in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [own_rows(part, home) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)  # a NamedTuple has _fields
    return batch


def has_rows(batch: Batch, home: Home) -> bool:
    """Are there rows enough that this process gets one? The last batch of an epoch may be a short one."""
    while not isinstance(batch, Tensor):
        batch = next(iter(batch.values() if isinstance(batch, dict) else batch))
    return home.world == 1 or home.rank < len(batch)
