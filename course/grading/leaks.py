"""The lines of a source notebook that students must not see, and the search for them in what students get."""

import keyword
import re
from collections.abc import Iterable, Iterator

from nbformat import NotebookNode

from course.grading.notebook import role_of
from course.grading.source_lint import BEGIN_HIDDEN, BEGIN_SOLUTION, END_HIDDEN, END_SOLUTION

_WORD = re.compile(r"[^\W\d]\w*")


def secret_lines(notebooks: Iterable[NotebookNode]) -> set[str]:
    """Stripped lines of solution regions, hidden tests and model answers.

    Lines without a name of their own (`)`, `else:`, `return None`) give nothing away, and neither do lines that the
    source also shows outside of the regions.
    """
    secret, public = set(), set()
    for nb in notebooks:
        for cell in nb.cells:
            for line, hidden in _lines(cell):
                (secret if hidden else public).add(line)
    return {line for line in secret - public if _says_something(line)}


def hidden_test_lines(notebooks: Iterable[NotebookNode]) -> set[str]:
    """The part of `secret_lines` that stands in hidden tests."""
    notebooks = list(notebooks)
    hidden = {line for nb in notebooks for cell in nb.cells if role_of(cell) == "hidden" for line, _ in _lines(cell)}
    return hidden & secret_lines(notebooks)


def leaked(text: str, secret: set[str]) -> list[str]:
    """The secret lines that stand in a text, each once, in the text's order."""
    return list(dict.fromkeys(line for line in map(str.strip, text.splitlines()) if line in secret))


def leaked_passage(text: str, secret: set[str], least: int = 3) -> list[str]:
    """The first `least` secret lines that follow each other in a text, or [].

    For texts that were not made from the source (a lecture, the package): one line may be the same by chance.
    """
    passage: list[str] = []
    for line in map(str.strip, text.splitlines()):
        if line in secret:
            passage.append(line)
            if len(passage) == least:
                return passage
        elif _says_something(line):
            passage = []
    return []


def text_of(nb: NotebookNode | dict) -> str:
    """All that a notebook, or a part of one, shows: sources, outputs, attachments and metadata."""
    return "\n".join(_strings(nb))


def _lines(cell: NotebookNode) -> Iterator[tuple[str, bool]]:
    """The stripped lines of a cell, and whether each is for the author's eyes only."""
    whole = role_of(cell) == "manual" or (role_of(cell) == "answer" and BEGIN_SOLUTION not in cell.source)
    inside = False
    for line in cell.source.split("\n"):
        if BEGIN_SOLUTION in line or BEGIN_HIDDEN in line:
            inside = True
        elif END_SOLUTION in line or END_HIDDEN in line:
            inside = False
        else:
            yield line.strip(), inside or whole


def _says_something(line: str) -> bool:
    return any(not keyword.iskeyword(word) for word in _WORD.findall(line))


def _strings(node: object) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _strings(value)
