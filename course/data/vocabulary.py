"""From text to words and back, and from words to the integers that an embedding takes.

`tokenize` is the same for English and French and loses nothing but case and the kind of white space:

    >>> tokenize("The animal didn't cross. L'animal n'a pas traversé. 14 août")
    ['the', 'animal', "didn't", 'cross', '.', "l'", 'animal', "n'", 'a', 'pas', 'traversé', '.', '1', '4', 'août']

A French elision is a token of its own, so `l'animal` and `un animal` share a word. A number is its digits: a
model that knows ten digits can read every year. Punctuation stands alone.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")

# Where the text departs from the usual spacing, one of these two stands between the tokens. A text must not use them.
JOIN, SPACE = "⁀", "␣"

_TOKEN = re.compile(
    r"""
      \b(?:[cdjlmnst]|(?:jus|lors|puis|quoi)?qu)'(?=\w)   # an elision: l', qu', lorsqu'
    | [^\W\d_]+(?:'[^\W\d_]+)*                            # a word; didn't and aujourd'hui are one
    | \d                                                  # one digit
    | \ [?!:;]                                            # French sets a space before these: part of the sign
    | \S                                                  # any other sign
    """,
    re.VERBOSE,
)


def normalize(text: str) -> str:
    """The text as `tokenize` sees it: lower case, straight apostrophes, single plain spaces."""
    return " ".join(text.replace("’", "'").lower().split())


def tokenize(text: str) -> list[str]:
    """Split a text into words, elisions, single digits and punctuation; `detokenize` undoes it."""
    tokens: list[str] = []
    end = 0
    for match in _TOKEN.finditer(normalize(text)):
        token, spaced = match.group(), match.start() > end
        if tokens and spaced != _usually_spaced(tokens[-1], token):
            tokens.append(SPACE if spaced else JOIN)
        tokens.append(token)
        end = match.end()
    return tokens


def detokenize(tokens: Sequence[str]) -> str:
    """The text of these tokens: `detokenize(tokenize(text)) == normalize(text)` for every text."""
    text, left = "", None
    for token in tokens:
        if token == SPACE:
            text += " "
        elif token != JOIN:
            text += " " if left not in (None, SPACE, JOIN) and _usually_spaced(left, token) else ""
            text += token
        left = token
    return text


def _usually_spaced(left: str, right: str) -> bool:
    """Does a space stand between these two tokens in ordinary text?"""
    glued = (
        right in set(".,;:!?…)]}-/")
        or right.startswith(" ")
        or left in set("([{-/")
        or left.endswith("'")
        or (left.isdigit() and right.isdigit())
    )
    return not glued


class Vocabulary:
    """Words and their integers. The first four are PAD, BOS, EOS and UNK; then comes the most frequent word."""

    def __init__(self, words: Sequence[str]):
        self.words = [*SPECIALS, *words]
        self._id = {word: len(SPECIALS) + i for i, word in enumerate(words)}

    @classmethod
    def of(cls, sentences: Iterable[Sequence[str]], min_count: int = 1) -> "Vocabulary":
        """The words that occur at least `min_count` times in tokenised sentences; ties go by alphabet."""
        counts = Counter(word for sentence in sentences for word in sentence)
        frequent = (word for word, count in counts.items() if count >= min_count)
        return cls(sorted(frequent, key=lambda word: (-counts[word], word)))

    def encode(self, words: Sequence[str]) -> list[int]:
        """One integer a word, UNK for words that are not known. Adds neither BOS nor EOS."""
        return [self._id.get(word, UNK) for word in words]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The words before the first EOS, without PAD and BOS."""
        words = []
        for i in ids:
            if i == EOS:
                break
            if i not in (PAD, BOS):
                words.append(self.words[i])
        return words

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._id
