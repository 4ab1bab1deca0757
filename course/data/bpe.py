"""Byte-pair encoding: frequent words stay whole, rare ones fall into pieces, and nothing is unknown.

Sennrich, Haddow & Birch, "Neural Machine Translation of Rare Words with Subword Units" (2016). Start from single
characters; again and again merge the pair of neighbours that is most frequent; stop at the size asked for. Merges
stay inside a word, whose last piece ends with the mark `▁` (`</w>` in the paper; texts must not use it). "Attention
Is All You Need" (§5.1) shares one such vocabulary of about 37,000 pieces between both languages: train on the texts
of both.

The `tokenizers` library (Apache-2.0) does the work. The interface is `Vocabulary`'s, so one may replace the other:
words in, integers out, and back.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from course.data.vocabulary import BOS, EOS, PAD, SPECIALS, UNK, tokenize
from course.errors import CourseError

END_OF_WORD = "▁"  # a character of its own: the library's own mark makes training differ from run to run
_BETWEEN_WORDS = "\n"  # never inside a token


class BPE:
    """Pieces of words and their integers; PAD, BOS, EOS and UNK are the same as `Vocabulary`'s."""

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer

    def encode(self, words: Sequence[str]) -> list[int]:
        """The pieces of these words; UNK only for characters that training never saw."""
        return self.tokenizer.encode(_marked(words), add_special_tokens=False).ids

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The words, put together again, before the first EOS and without PAD and BOS."""
        return [word for word in "".join(self.pieces(ids)).split(END_OF_WORD) if word]

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """The pieces themselves, `▁` included, before the first EOS and without PAD and BOS."""
        pieces = []
        for i in ids:
            if i == EOS:
                break
            if i not in (PAD, BOS):
                pieces.append(self.tokenizer.id_to_token(int(i)))
        return pieces

    def __len__(self) -> int:
        return self.tokenizer.get_vocab_size()

    def __contains__(self, word: str) -> bool:
        """Is this a word of one piece?"""
        return self.tokenizer.token_to_id(word + END_OF_WORD) is not None

    def save(self, path: str | Path) -> None:
        """Write everything to one JSON file that `load` and the `tokenizers` library read."""
        self.tokenizer.save(str(path))

    @classmethod
    def load(cls, path: str | Path) -> "BPE":
        """Read what `save` wrote.

        Raises:
            CourseError: the file is missing or is no such file.
        """
        if not Path(path).is_file():
            raise CourseError(f"{path}: no such file; train one with train_bpe(texts, size).save(path)")
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as problem:  # the library raises plain Exceptions
            raise CourseError(f"{path} is damaged ({_one_line(problem)}); train it anew and save it") from problem
        if [tokenizer.token_to_id(special) for special in SPECIALS] != [PAD, BOS, EOS, UNK]:
            raise CourseError(f"{path} is no vocabulary of this course: its first four entries are not {SPECIALS}")
        return cls(tokenizer)


def train_bpe(texts: Iterable[str], size: int) -> BPE:
    """Learn at most `size` pieces, the four special ones included, from texts that `tokenize` splits into words.

    Raises:
        ValueError: `size` does not even hold the special entries and the characters of the texts.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIALS[UNK]))
    tokenizer.pre_tokenizer = pre_tokenizers.CharDelimiterSplit(_BETWEEN_WORDS)
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=list(SPECIALS), show_progress=False)
    tokenizer.train_from_iterator((_marked(tokenize(text)) for text in texts), trainer)
    if tokenizer.get_vocab_size() > size:
        raise ValueError(
            f"a size of {size} is less than the {tokenizer.get_vocab_size()} entries of these texts' characters"
        )
    return BPE(tokenizer)


def _marked(words: Sequence[str]) -> str:
    """The words with their marks, as the library takes them."""
    return _BETWEEN_WORDS.join(word + END_OF_WORD for word in words)


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())
