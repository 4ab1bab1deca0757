"""Random sizes, all different, so that no axis can be mistaken for another."""

import torch


def sizes(names: str, low: int = 2, high: int = 9) -> tuple[int, ...]:
    """Draw one size for each name: distinct integers from `low` to `high`, both included.

    `B, T, S, d_k, d_v = check.sizes("B T S d_k d_v")`. Drawn from torch's own generator, so a seed repeats
    them.

    Raises ValueError when there are no names, a name comes twice, or the range holds too few numbers.
    """
    wanted = names.split()
    if not wanted:
        raise ValueError("sizes: name at least one axis")
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"sizes: a name comes twice in {names!r}")
    if low < 0 or high - low + 1 < len(wanted):
        raise ValueError(f"sizes: {len(wanted)} distinct sizes do not fit between {low} and {high}")
    return tuple((low + torch.randperm(high - low + 1)[: len(wanted)]).tolist())
