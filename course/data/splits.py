"""Train, validation and test: three parts with no source sentence in common.

The validation part is for choices (how long to train, how large a model), the test part for the one number at the
end. A sentence on two sides would be counted as learnt where it is only remembered.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Pair(NamedTuple):
    """A sentence and its translation."""

    english: str
    french: str


class Split(NamedTuple):
    train: list[Any]
    valid: list[Any]
    test: list[Any]


def source_of(item: Any) -> Any:
    """What must not stand on two sides: the first field of a pair, or a plain item itself."""
    return item[0] if isinstance(item, tuple) else item


def split(
    items: Sequence[Any], valid: int, test: int, seed: int = 0, source: Callable[[Any], Any] = source_of
) -> Split:
    """Shuffle and cut: `valid` and `test` distinct sources go to their parts, all others to `train`.

    Items with the same source stay together, so a part may hold more items than sources.

    Raises:
        ValueError: a negative size, or sizes that leave nothing to train on.
    """
    sources = list(dict.fromkeys(source(item) for item in items))
    if min(valid, test) < 0 or valid + test >= len(sources):
        raise ValueError(f"{valid} for validation and {test} for test leave nothing of {len(sources)} to train on")
    random.Random(seed).shuffle(sources)
    valid_sources, test_sources = set(sources[:valid]), set(sources[valid : valid + test])
    parts = Split([], [], [])
    for item in items:
        name = source(item)
        part = parts.valid if name in valid_sources else parts.test if name in test_sources else parts.train
        part.append(item)
    return parts
