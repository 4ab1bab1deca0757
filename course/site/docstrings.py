"""The library's docstrings are plain text with a little Markdown; Sphinx's autodoc reads reStructuredText.

Google's sections (Args, Raises, …) are left for napoleon, which comes after.
"""

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import groupby
from typing import Any

CODE = r"(?P<ticks>`+)(?P<code>.+?)(?P=ticks)"
EMPHASIS = r"(?<![\w*])(?P<stars>\*\*?)(?=[^\s*]).*?(?<=[^\s*])(?P=stars)(?![\w*])"
MARKUP = re.compile(f"{CODE}|{EMPHASIS}")
STRAY = re.compile(r"[\\|*]|(?<=\w)_(?!\w)")
ROW = re.compile(r"\s*\|.*\|\s*")
RULE = re.compile(r"[\s|:-]+")
ENTRY = re.compile(r"^(\w[\w ]*): ")
# What napoleon doesn't know: below stands a list of facts, or code.
HEADING = re.compile(r"(?P<datasheet>Datasheet.*)|Example:")
DESCRIPTORS = (property, cached_property, classmethod, staticmethod)


def process(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Sphinx's event: rewrite a docstring's lines in place."""
    lines[:] = restructured(lines)


def skip(app: object, what: str, name: str, obj: Any, skipped: bool, options: object) -> bool | None:
    """Sphinx's event: leave out what isn't said anything about, but for methods, whose signatures say shapes."""
    if what == "class":
        return None if callable(obj) or isinstance(obj, DESCRIPTORS) else True
    return None if callable(obj) and obj.__doc__ else True


def restructured(lines: list[str]) -> list[str]:
    """The lines in reStructuredText: tables, code, datasheets, `names`, and signs that would mean something there."""
    result: list[str] = []
    inside: Callable[[str], str] | None = None  # what shows the indented lines below a heading or a paragraph
    for block in blocks(lines):
        if not block[0].startswith(" "):
            inside = None
        if ROW.fullmatch(block[0]):
            result += table(block)
        elif heading := HEADING.fullmatch(block[0]):
            inside = entry if heading["datasheet"] else str
            result += [f".. rubric:: {block[0].removesuffix(':')}", "", *(["::", ""] if inside is str else [])]
            result += map(inside, block[1:])
        elif block[0].startswith("    ") and (inside or is_paragraph(result)):
            result += [] if inside else ["::", ""]
            inside = inside or str
            result += map(inside, block)
        else:
            result += map(inline, block)
        result.append("")
    return result


def blocks(lines: list[str]) -> Iterator[list[str]]:
    """What stands between empty lines."""
    return (list(group) for filled, group in groupby(lines, lambda line: bool(line.strip())) if filled)


def is_paragraph(above: list[str]) -> bool:
    """Whether the last line belongs to a paragraph: what is indented below it is code."""
    last = next((line for line in reversed(above) if line), "")
    return not last.startswith(" ")


def entry(line: str) -> str:
    """A line of a datasheet, `    Size: 12 pictures`, as one of a list of fields."""
    return ENTRY.sub(r":\1: ", inline(line.removeprefix("    ")))


def inline(text: str) -> str:
    """A line's `code` as ``code``; what else means something in reStructuredText is escaped."""
    parts, end = [], 0
    for match in MARKUP.finditer(text):
        parts.append(escape(text[end : match.start()]))
        parts.append(f"``{match['code']}``" if match["code"] else match[0])
        parts.append(r"\ " if text[match.end() :][:1].isalnum() else "")
        end = match.end()
    return "".join([*parts, escape(text[end:])])


def escape(text: str) -> str:
    return STRAY.sub(r"\\\g<0>", text)


def table(lines: list[str]) -> Iterator[str]:
    """A Markdown table as a list-table."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines if not RULE.fullmatch(line)]
    yield from (".. list-table::", "   :header-rows: 1", "")
    for first, *others in rows:
        yield f"   * - {inline(first)}"
        yield from (f"     - {inline(cell)}" for cell in others)
