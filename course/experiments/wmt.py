"""The transformer paper's own run, for those who have its data: parallel files in, a translation model out.

    torchrun --nproc-per-node 8 -m course.experiments.wmt --source train.en --target train.de --checkpoint runs/base.pt

docs/wmt.md works out what it takes. Beside the checkpoint lie the vocabulary and the encoded text, made once.
Source: Vaswani et al. 2017 (arXiv:1706.03762), §5 and §6.1.
"""

import argparse
import math
import os
import sys
import time
from array import array
from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from tqdm.auto import tqdm

from course import metrics
from course.data.batches import Batches, translation_batch
from course.data.bpe import BPE, train_bpe
from course.data.parallel import ParallelText
from course.data.vocabulary import BOS, EOS, tokenize
from course.device import device, seed_everything
from course.errors import CourseError
from course.experiments.common import mean_loss, parameters, translation_loss
from course.models.decoding import beam_search
from course.models.transformer import Transformer
from course.training import paper_adam, train, warm_up

SIZES = {
    "base": {"d_model": 512, "heads": 8, "d_ff": 2048, "layers": 6, "dropout": 0.1},
    "big": {"d_model": 1024, "heads": 16, "d_ff": 4096, "layers": 6, "dropout": 0.3},
    "tiny": {"d_model": 32, "heads": 2, "d_ff": 64, "layers": 1, "dropout": 0.1},  # to try the command out
}
MAX_WORDS, MAX_RATIO = 200, 9.0  # pairs beyond are mistakes of the corpus more often than translations
SAMPLE = 1_000_000  # pairs that the vocabulary is learned from


class EncodedPairs(Sequence):
    """All pairs as integers, two bytes each: `pairs[i]` is (source, target)."""

    def __init__(self, flat: Int[np.ndarray, " tokens"], ends: Int[np.ndarray, " sides"]):
        """`ends[2i]` and `ends[2i + 1]` are where source and target of pair i end in `flat`."""
        self.flat, self.ends = flat, ends
        self.lengths = np.diff(ends, prepend=0).reshape(-1, 2)  # (N, 2)

    @classmethod
    def of(cls, text: Sequence[tuple[str, str]], words: BPE, show: bool) -> "EncodedPairs":
        flat, ends = array("H"), array("q")
        for pair in tqdm(text, desc="encoding", disable=not show):
            for side in pair:
                flat.extend(words.encode(tokenize(side)))
                ends.append(len(flat))
        return cls(np.array(flat, dtype=np.uint16), np.array(ends, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, i: int) -> tuple[list[int], list[int]]:
        start = self.ends[2 * i - 1] if i else 0
        middle, end = self.ends[2 * i], self.ends[2 * i + 1]
        return self.flat[start:middle].tolist(), self.flat[middle:end].tolist()


def prepare(source: Path, target: Path, folder: Path, vocabulary: int, first: bool) -> tuple[BPE, EncodedPairs]:
    """Vocabulary and encoded pairs; the first process makes them where they are missing, the others wait.

    Raises:
        CourseError: what `ParallelText` and `BPE.load` raise, or a vocabulary too large for two bytes.
    """
    if vocabulary > np.iinfo(np.uint16).max:
        raise CourseError(f"a vocabulary of {vocabulary} does not fit into two bytes a token")
    merges, encoded = folder / "vocabulary.json", folder / "encoded.npz"
    if first and not encoded.exists():
        text = ParallelText(source, target, MAX_WORDS, MAX_RATIO, drop_empty=True)
        stride = math.ceil(len(text) / SAMPLE)
        words = train_bpe(chain.from_iterable(text[i] for i in range(0, len(text), stride)), vocabulary)
        words.save(merges)
        pairs = EncodedPairs.of(text, words, show=True)
        partial = folder / "partial.npz"
        np.savez(partial, flat=pairs.flat, ends=pairs.ends)
        partial.replace(encoded)
    while not encoded.exists():
        time.sleep(1)
    with np.load(encoded) as saved:
        return BPE.load(merges), EncodedPairs(saved["flat"], saved["ends"])


smoothed_loss = partial(translation_loss, smoothing=0.1)  # §5.4


def loss_per_token(model: Transformer, pairs: EncodedPairs, tokens: int) -> float:
    """Cross-entropy of held-out targets in nats, without smoothing."""
    batches, home = by_length(pairs, tokens, seed=0), next(model.parameters()).device
    return mean_loss(model, (batches(step).to(home) for step in range(len(batches))), translation_loss)


def by_length(pairs: EncodedPairs, tokens: int, seed: int) -> Batches:
    longest = pairs.lengths.max(axis=1) + 1  # BOS or EOS
    return Batches(pairs, translation_batch, seed=seed, lengths=longest, max_tokens=tokens)


def bleu_of(model: Transformer, words: BPE, text: Sequence[tuple[str, str]]) -> float:
    """BLEU of beam search as in §6.1: 4 beams, α = 0.6, at most 50 tokens more than the source has."""
    hypotheses, home = [], next(model.parameters()).device
    for source, _ in tqdm(text, desc="translating"):
        batch = translation_batch([(words.encode(tokenize(source)), [])]).to(home)
        state, first = model.start(batch.source, batch.source_mask), torch.tensor([BOS], device=home)
        longest = batch.source.shape[1] + 50
        best = beam_search(model.step, state, first, end=EOS, max_length=longest, beams=4, alpha=0.6)[0][0]
        hypotheses.append(words.decode(best.tokens))
    return metrics.bleu(hypotheses, [tokenize(target) for _, target in text])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="one sentence a line, .gz or not")
    parser.add_argument("--target", type=Path, required=True, help="their translations, line by line")
    parser.add_argument("--valid", type=Path, nargs=2, metavar=("SOURCE", "TARGET"), help="such files to validate on")
    parser.add_argument("--model", choices=SIZES, default="base")
    parser.add_argument("--vocabulary", type=int, default=37_000, help="pieces that both languages share")
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--warm-up", type=int, default=4000, help="steps")
    parser.add_argument("--tokens", type=int, default=25_000, help="source tokens, and target tokens, of a batch")
    parser.add_argument("--accumulate", type=int, default=1, help="batches per step")
    parser.add_argument("--checkpoint", type=Path, default=Path("runs/wmt/checkpoint.pt"))
    parser.add_argument("--checkpoint-every", type=int, default=1000, help="steps")
    options = parser.parse_args()
    try:
        run(options)
    except (CourseError, ValueError) as error:
        sys.exit(str(error))


def run(options: argparse.Namespace) -> None:
    first = int(os.environ.get("RANK", "0")) == 0
    folder = options.checkpoint.parent
    folder.mkdir(parents=True, exist_ok=True)
    words, pairs = prepare(options.source, options.target, folder, options.vocabulary, first)
    held_out = ParallelText(*options.valid) if options.valid else None
    validation = EncodedPairs.of(held_out, words, show=False) if held_out else None
    seed_everything(0)
    model = Transformer(len(words), len(words), tied=True, **SIZES[options.model]).to(device())
    if first:
        print(f"{len(pairs):,} pairs, {len(words):,} pieces, {parameters(model):,} parameters, on {device()}")
    train(
        model,
        by_length(pairs, options.tokens, seed=0),
        smoothed_loss,
        steps=options.steps,
        learning_rate=warm_up(SIZES[options.model]["d_model"], options.warm_up),
        optimizer=paper_adam,
        clip=None,  # the paper does not clip
        accumulate=options.accumulate,
        validate=validation and (lambda net: loss_per_token(net, validation, options.tokens)),
        validate_every=options.checkpoint_every,
        checkpoint=options.checkpoint,
        checkpoint_every=options.checkpoint_every,
    )
    if first and held_out:
        print(f"BLEU {bleu_of(model, words, held_out):.2f} on {len(held_out):,} pairs")


if __name__ == "__main__":
    main()
