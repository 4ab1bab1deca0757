"""The fingerprints of a piece of code: hashes of runs of tokens, blind to names, layout, comments and numbers.

MOSS's idea (Schleimer, Wilkerson & Aiken, "Winnowing", SIGMOD 2003) without its last step: an answer has some hundred
tokens, so that every run is kept and none is missed, where MOSS keeps a sample. Pygments reads what is no valid Python
too; nothing is run.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, String, Text, Whitespace

RUN = 7
"""Tokens in a run. Shorter ones are in everybody's code, longer ones break at the first change (docs/similarity.md)."""

OWN, NUMBER, STRING = "name", "number", "string"
# Round brackets are mostly a matter of taste: `return (a, b)`, `max((x for x in y))`. What is called keeps its name.
ROUND, CLOSING = ("(", ")"), (")", "]", "}")
_LEXER = PythonLexer(stripnl=False, ensurenl=False)


@dataclass(frozen=True)
class Token:
    """What a token means, and where in the text it stands."""

    word: str
    start: int
    end: int


@dataclass(frozen=True)
class Fingerprints:
    """hash of a run -> where it stands: (start, end) in the text, once for each occurrence."""

    places: dict[int, list[tuple[int, int]]]

    @property
    def hashes(self) -> frozenset[int]:
        return frozenset(self.places)


def fingerprints(text: str, run: int = RUN) -> Fingerprints:
    """The fingerprints of a text. No run crosses the head of a function, so their order doesn't matter."""
    places: dict[int, list[tuple[int, int]]] = {}
    for part in _parts(tokens(text)):
        numbers = [_number(token.word) for token in part]
        for first in range(len(part) - run + 1):
            last = first + run
            place = part[first].start, part[last - 1].end
            places.setdefault(hash(tuple(numbers[first:last])), []).append(place)
    return Fingerprints(places)


def tokens(text: str) -> list[Token]:
    """The tokens that count: a name of the writer's own is any name; a call and an attribute keep theirs."""
    raw = list(_significant(text))
    own = _own_names(raw)
    found = []
    for index, (kind, word, start) in enumerate(raw):
        after = raw[index + 1][1] if index + 1 < len(raw) else ""
        before = raw[index - 1][1] if index else ""
        if word in ROUND or (word == "," and after in CLOSING):
            continue
        found.append(Token(_meaning(kind, word, before, after, own), start, start + len(word)))
    return found


def _significant(text: str) -> Iterator[tuple[object, str, int]]:
    """Without blanks, comments, docstrings and imports; the pieces of a string as one."""
    last_string, importing, brackets = -1, False, 0
    for start, kind, word in _LEXER.get_tokens_unprocessed(text):
        if kind in Text or kind in Whitespace:
            importing = importing and (brackets > 0 or "\n" not in word)
        elif kind in Comment or kind in String.Doc:
            continue
        elif kind in Keyword.Namespace:
            importing, brackets = True, 0
        elif importing:
            brackets += (word == "(") - (word == ")")
            importing = word != ";"
        elif kind in String and kind not in String.Interpol:
            if last_string != start:
                yield kind, STRING, start
            last_string = start + len(word)
        else:
            yield kind, word, start


def _own_names(raw: list[tuple[object, str, int]]) -> tuple[set[str], set[str]]:
    """The functions and classes that the text itself defines, and its attributes and methods.

    They are kept apart: a function that nobody needs, called `clamp`, must not make `x.clamp(0)` another word.
    """
    defined = {word for kind, word, _ in raw if kind in Name.Function or kind in Name.Class}
    threes = list(zip(raw, raw[1:], raw[2:], strict=False))
    assigned = {word for (_, dot, _), (_, word, _), (_, sign, _) in threes if (dot, sign) == (".", "=")}
    methods = {word for (kind, word, _), _, (_, first, _) in threes if kind in Name.Function and first == "self"}
    return defined, assigned | methods


def _meaning(kind: object, word: str, before: str, after: str, own: tuple[set[str], set[str]]) -> str:
    if kind in Number:
        return NUMBER
    if kind not in Name or kind in Name.Function.Magic:
        return word
    defined, attributes = own
    if before == ".":
        return OWN if word in attributes else word
    return word if after == "(" and word not in defined else OWN


def _parts(found: Iterable[Token]) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in found:
        if token.word in ("def", "class"):
            yield part
            part = []
        part.append(token)
    yield part


@lru_cache(maxsize=65536)
def _number(word: str) -> int:
    """The same in every process, unlike a string's own hash; a tuple of numbers has the same hash everywhere."""
    return crc32(word.encode(errors="replace"))
