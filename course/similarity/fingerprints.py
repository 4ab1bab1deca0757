"""The fingerprints of a piece of code: hashes of runs of tokens, blind to names, layout, comments and numbers.

MOSS's idea (Schleimer, Wilkerson & Aiken, "Winnowing", SIGMOD 2003) without its last step: an answer has some hundred
tokens, so that every run is kept and none is missed, where MOSS keeps a sample. Pygments reads what is no valid Python
too; nothing is run.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
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
    pieces = _significant(text)
    own = _own_names(pieces)
    found = []
    for before, piece, after in zip([_NOTHING, *pieces], pieces, [*pieces[1:], _NOTHING], strict=False):
        if piece.word in ROUND or (piece.word == "," and after.word in CLOSING):
            continue
        found.append(Token(_meaning(piece, before.word, after.word, own), piece.start, piece.end))
    return found


class _Piece(NamedTuple):
    """A token as Pygments reads it; all of a string as one."""

    kind: tuple[str, ...]
    word: str
    start: int
    end: int


_NOTHING = _Piece(Whitespace, "", 0, 0)


def _significant(text: str) -> list[_Piece]:
    """Without blanks, comments, docstrings and imports."""
    found: list[_Piece] = []
    importing, brackets = False, 0
    for start, kind, word in _LEXER.get_tokens_unprocessed(text):
        end = start + len(word)
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
            if found and found[-1].word == STRING and found[-1].end == start:
                found[-1] = found[-1]._replace(end=end)
            else:
                found.append(_Piece(kind, STRING, start, end))
        else:
            found.append(_Piece(kind, word, start, end))
    return found


def _own_names(pieces: list[_Piece]) -> tuple[set[str], set[str]]:
    """The functions and classes that the text itself defines, and its attributes and methods.

    They are kept apart: a function that nobody needs, called `clamp`, must not make `x.clamp(0)` another word.
    """
    defined = {piece.word for piece in pieces if piece.kind in Name.Function or piece.kind in Name.Class}
    threes = list(zip(pieces, pieces[1:], pieces[2:], strict=False))
    assigned = {name.word for dot, name, sign in threes if (dot.word, sign.word) == (".", "=")}
    methods = {name.word for name, _, first in threes if name.kind in Name.Function and first.word == "self"}
    return defined, assigned | methods


def _meaning(piece: _Piece, before: str, after: str, own: tuple[set[str], set[str]]) -> str:
    if piece.kind in Number:
        return NUMBER
    if piece.kind not in Name or piece.kind in Name.Function.Magic:
        return piece.word
    defined, attributes = own
    if before == ".":
        return OWN if piece.word in attributes else piece.word
    return piece.word if after == "(" and piece.word not in defined else OWN


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
