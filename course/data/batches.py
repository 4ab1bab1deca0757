"""Batches as a function of the step: `batches(step)` is the same at every call, in every run, on every machine.

A training that stops at step 700 goes on with batch 700. Nothing has to be replayed and no state of an iterator has
to be saved: the order of epoch e is drawn from the pair (seed, e) alone.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from course.data.vocabulary import BOS, EOS, PAD


def pad(sequences: Sequence[Sequence[int]]) -> Int[Tensor, "batch time"]:
    """Stack sequences of different lengths; PAD fills the shorter ones at their end."""
    padded = torch.full((len(sequences), max(map(len, sequences))), PAD)  # (B, T)
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = torch.tensor(sequence, dtype=torch.long)
    return padded


class TranslationBatch(NamedTuple):
    """B sentences x_1 … x_n and their translations y_1 … y_m; the mask is True where a source token is real."""

    source: Int[Tensor, "batch source"]
    source_mask: Bool[Tensor, "batch source"]
    target_in: Int[Tensor, "batch target"]  # BOS y_1 … y_m: what the decoder reads
    target_out: Int[Tensor, "batch target"]  # y_1 … y_m EOS: what it has to say at each place

    def to(self, device: torch.device | str) -> "TranslationBatch":
        return TranslationBatch(*(part.to(device) for part in self))


def translation_batch(pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> TranslationBatch:
    """Pad encoded pairs (source, target), and shift the target by one for teacher forcing.

    Raises:
        ValueError: a source without tokens; attention would have nowhere to look.
    """
    sources = [source for source, _ in pairs]
    if not all(len(source) for source in sources):
        raise ValueError("a source sentence has no tokens")
    source = pad(sources)  # (B, S)
    target_in = pad([[BOS, *target] for _, target in pairs])  # (B, T)
    target_out = pad([[*target, EOS] for _, target in pairs])  # (B, T)
    return TranslationBatch(source, source != PAD, target_in, target_out)


class Batches:
    """Batches of examples by step. Every example comes exactly once in an epoch of `len(batches)` steps.

    Args:
        examples: anything with a length and an index.
        collate: makes one batch of a list of examples, `translation_batch` for instance.
        batch_size: examples in a batch; the rest of an epoch makes one smaller batch.
        seed: of the orders of all epochs.
        lengths: for each example the length of its longest sequence, in tokens. Examples of similar length then
            share a batch, which saves padding; the batches come in random order.
        max_tokens: with `lengths`, takes the place of `batch_size`: as many examples as make at most this many
            tokens, padding included, in any one sequence of the batch. "Attention Is All You Need" (§5.1) takes
            about 25,000 source and 25,000 target tokens.

    Raises:
        ValueError: no examples, sizes that are not positive, `lengths` that do not match the examples, or an
            example longer than `max_tokens`.
    """

    def __init__(
        self,
        examples: Sequence[Any],
        collate: Callable[[list[Any]], Any],
        batch_size: int = 64,
        seed: int = 0,
        lengths: Sequence[int] | Int[np.ndarray, " examples"] | None = None,
        max_tokens: int | None = None,
    ):
        self.examples, self.collate, self.seed = examples, collate, seed
        self.lengths = None if lengths is None else torch.as_tensor(lengths)  # (N,)
        _demand_sense(len(examples), batch_size, self.lengths, max_tokens)
        if max_tokens is None:
            starts = list(range(0, len(examples), batch_size))
        else:
            starts = _starts_by_tokens(self.lengths.sort().values.tolist(), max_tokens)
        self._cuts = [*starts, len(examples)]
        self._order_of: tuple[int, Tensor, Tensor] | None = None  # the epoch asked for last

    def __len__(self) -> int:
        """Steps in an epoch."""
        return len(self._cuts) - 1

    def __call__(self, step: int) -> Any:
        """The batch of this step, counted from 0 over all epochs."""
        return self.collate([self.examples[i] for i in self.indices(step)])

    def indices(self, step: int) -> list[int]:
        """Which examples the batch of this step holds."""
        if step < 0:
            raise ValueError(f"steps count from 0, not {step}")
        epoch, place = divmod(step, len(self))
        examples, batches = self._order(epoch)
        batch = int(batches[place])
        return examples[self._cuts[batch] : self._cuts[batch + 1]].tolist()

    def _order(self, epoch: int) -> tuple[Tensor, Tensor]:
        """The order of examples before they are cut into batches (N,), and that of the batches (steps,)."""
        if self._order_of is None or self._order_of[0] != epoch:
            mixed = random.Random(f"{self.seed} {epoch}").getrandbits(63)  # one number of two: (0, 1) is not (1, 0)
            generator = torch.Generator().manual_seed(mixed)
            examples = torch.randperm(len(self.examples), generator=generator)
            if self.lengths is not None:  # a stable sort: examples of one length keep their random order
                examples = examples[self.lengths[examples].argsort(stable=True)]
            self._order_of = epoch, examples, torch.randperm(len(self), generator=generator)
        return self._order_of[1:]


def _starts_by_tokens(ascending: list[int], max_tokens: int) -> list[int]:
    """Where batches begin so that size × longest stays within `max_tokens`; the newest example is the longest."""
    starts = [0]
    for i, length in enumerate(ascending):
        if (i + 1 - starts[-1]) * length > max_tokens:
            starts.append(i)
    return starts


def _demand_sense(n: int, batch_size: int, lengths: Tensor | None, max_tokens: int | None) -> None:
    if n == 0:
        raise ValueError("there are no examples to make batches of")
    if batch_size < 1:
        raise ValueError(f"a batch holds at least one example, not {batch_size}")
    if lengths is not None and lengths.shape != (n,):
        raise ValueError(f"{n} examples need {n} lengths, not {tuple(lengths.shape)}")
    if max_tokens is not None and lengths is None:
        raise ValueError("max_tokens needs the lengths of the examples")
    if max_tokens is not None and lengths.max() > max_tokens:
        raise ValueError(f"an example of {lengths.max()} tokens does not fit into max_tokens={max_tokens}")
