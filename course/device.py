"""Where tensors live, and how chance is tamed: the two choices that every notebook makes first."""

import random

import torch


def device() -> torch.device:
    """The fastest device that is there: CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def seed_everything(seed: int) -> None:
    """Seed Python's and torch's generators, on every device, and NumPy's where it is installed.

    The same seed gives the same numbers on the same machine and version. It does not promise the same numbers
    on another device: no test of this course depends on that.

    Raises:
        ValueError: `seed` is negative or does not fit into 32 bits, NumPy's limit.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"a seed lies between 0 and 2**32 - 1, not {seed}")
    random.seed(seed)
    torch.manual_seed(seed)
    try:
        import numpy as np
    except ModuleNotFoundError:  # torch works without NumPy, and so does this
        return
    np.random.seed(seed)
