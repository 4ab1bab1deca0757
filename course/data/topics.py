"""A text to learn language from, character by character: the help topics of Python itself.

Datasheet
    What: the reference of the Python language as `help("assert")` and its like print it: English prose, grammar rules
        and code, in topics such as "assert", "booleans" or "string-methods".
    From: `pydoc_data.topics` in Python's standard library. Licence: PSF (the Python documentation's).
    Size: about 79 topics and 465,000 characters in Python 3.11; after cleaning 68 topics and 347,000 characters.
        The text grows with every version of Python (3.13: 511,000): numbers measured on one version do not hold
        for another. Tests run on 3.11; the text was looked at on 3.12 and 3.13 too, and has the same form.
    Made how: rules of tables and underlines of headings are stripped, and cells lose their bars. Long topics
        quote short ones in full ("compound" holds "if", "while", "for" ...), so a paragraph is kept once only, in
        the first topic by the alphabet that has it; topics left empty go.
    Good for: language models on characters or byte pairs; sampling text that looks like something.
    Known flaws: one subject and one tone; single lines of examples still recur (0.1 % of all stretches of 60
        characters stand in two topics); small for a language model.
    Splits: by topic, so no paragraph stands on two sides. Topics differ in length and kind; the split is seeded.
"""

import math
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor

from course.data.splits import Split, split
from course.errors import CourseError

RULE = re.compile(r"[-=+|*~^ ]+")  # a line of nothing but these


@cache
def topics() -> dict[str, str]:
    """The cleaned texts by the name of their topic, in the alphabet's order.

    Raises:
        CourseError: this Python came without `pydoc_data`.
    """
    try:
        from pydoc_data.topics import topics as raw
    except ModuleNotFoundError:
        raise CourseError("this Python lacks pydoc_data: install its full standard library") from None
    seen: set[str] = set()
    texts = {}
    for name in sorted(raw):
        paragraphs = {_flat(paragraph): paragraph for paragraph in _paragraphs(raw[name])}
        fresh = [paragraph for flat, paragraph in paragraphs.items() if flat not in seen]
        seen.update(paragraphs)
        if fresh:
            texts[name] = "\n\n".join(fresh) + "\n"
    return texts


def text(names: Iterable[str] | None = None) -> str:
    """The texts of these topics, or of all, one after the other with an empty line between."""
    texts = topics()
    return "\n".join(texts[name] for name in (texts if names is None else names))


def split_topics(seed: int = 0) -> Split:
    """Names of topics for training, validation (6 topics) and test (12 topics).

    With seed 0 on Python 3.11: 275,000 / 22,000 / 49,000 characters; single characters cost 4.65 bits there.
    """
    return split(list(topics()), valid=6, test=12, seed=seed)


def _paragraphs(raw: str) -> list[str]:
    lines = [_without_bars(line) for line in raw.splitlines() if not (line.strip() and RULE.fullmatch(line.strip()))]
    return [part for part in re.split(r"\n{2,}", "\n".join(lines).strip("\n")) if part]


def _without_bars(line: str) -> str:
    """`| a cell  | another |` becomes `a cell  another`."""
    row = line.strip()
    if row.startswith("| ") and row.endswith("|"):  # a line of a grammar may do one of the two
        return "  ".join(cell.strip() for cell in row.split("|")).strip()
    return line.rstrip()


def _flat(paragraph: str) -> str:
    return " ".join(paragraph.split())


class Characters:
    """A codec between text and integers: one integer a character, in the order of the alphabet."""

    def __init__(self, text: str):
        self.alphabet = sorted(set(text))
        self._id = {character: i for i, character in enumerate(self.alphabet)}

    def encode(self, text: str) -> Int[Tensor, " time"]:
        """Raises ValueError: a character that the alphabet does not have."""
        unknown = sorted(set(text) - set(self.alphabet))
        if unknown:
            raise ValueError(f"the alphabet of this corpus has no {unknown[0]!r}")
        return torch.tensor([self._id[character] for character in text], dtype=torch.long)  # (T,)

    def decode(self, ids: Iterable[int] | Int[Tensor, " time"]) -> str:
        return "".join(self.alphabet[int(i)] for i in ids)

    def __len__(self) -> int:
        return len(self.alphabet)


def characters() -> Characters:
    """The codec of the whole corpus, so that no split holds a character that it lacks."""
    return Characters(text())


def windows(ids: Int[Tensor, " time"], length: int) -> tuple[Int[Tensor, "n length"], Int[Tensor, "n length"]]:
    """Cut a stream into input and target windows that do not overlap, to measure a loss on all of it.

    The target is the input moved by one. What is left at the end, less than one window, is dropped.

    Raises:
        ValueError: the stream is shorter than one window and its target.
    """
    n = (len(ids) - 1) // length
    if n < 1:
        raise ValueError(f"{len(ids)} tokens are too few for one window of {length} and its target")
    used = n * length
    return ids[:used].reshape(n, length), ids[1 : used + 1].reshape(n, length)  # (N, T) each


class CharacterBatches:
    """Random windows of a stream of tokens, as a function of the step.

    The same step always gives the same batch, so a training that was cut off goes on where it stopped.

    Args:
        ids: the stream, (T,).
        length: of a window, in tokens.
        batch_size: windows in a batch.
        seed: of where the windows begin.

    Raises:
        ValueError: the stream is shorter than one window and its target.
    """

    def __init__(self, ids: Int[Tensor, " time"], length: int, batch_size: int, seed: int = 0):
        if len(ids) <= length:
            raise ValueError(f"{len(ids)} tokens are too few for one window of {length} and its target")
        self.ids, self.length, self.batch_size, self.seed = ids, length, batch_size, seed

    def __call__(self, step: int) -> tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]:
        """Input and target of this step, (B, T) each; the target is the input moved by one."""
        chance = random.Random(f"{self.seed} {step}")
        starts = [chance.randrange(len(self.ids) - self.length) for _ in range(self.batch_size)]
        rows = torch.stack([self.ids[start : start + self.length + 1] for start in starts])  # (B, T + 1)
        return rows[:, :-1], rows[:, 1:]


def unigram_bits(
    train: Sequence[int] | Int[Tensor, " train"], held_out: Sequence[int] | Int[Tensor, " held_out"]
) -> float:
    """Bits a token that frequencies alone cost: the cross-entropy of `held_out` under `train`'s counts.

    One is added to every count, so that what training never showed costs much but not infinitely much. The
    baseline that every language model has to beat.
    """
    counts = Counter(map(int, train))
    held_out = list(map(int, held_out))
    total = len(train) + len(counts.keys() | set(held_out))
    return -sum(math.log2((counts[token] + 1) / total) for token in held_out) / len(held_out)
