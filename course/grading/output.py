"""Text on its way out of the grader: safe to print, written as a whole or not at all."""

import os
import re
import unicodedata
from pathlib import Path

from course.errors import CourseError

MAX_TEXT = 4_000
DIRECTION_MARKS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
TERMINAL_CODES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)?")


def plain(text: str, limit: int = MAX_TEXT) -> str:
    """A student's text without terminal codes, control characters or direction marks, and not too long."""
    text = TERMINAL_CODES.sub("", text[: 4 * limit])
    text = "".join(character for character in text if _is_plain(character))
    return text if len(text) <= limit else text[:limit].rstrip() + " …"


def line(text: str, limit: int = 200) -> str:
    """Somebody else's name or message for a terminal: plain, on one line. What has no bytes becomes a question mark."""
    return " ".join(plain(text.encode(errors="replace").decode(), limit).split())


def number(value: float) -> str:
    """Points as people write them: `3`, `2.5`, never `3.0000001`."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def write_atomically(path: Path, text: str) -> None:
    """Write a text file as a whole or not at all. CourseError (exit code 1) if it cannot be written."""
    temporary = path.parent / f".{os.getpid()}.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # "replace": a student's text may hold half a character (a lone surrogate), which has no bytes.
            temporary.write_text(text, encoding="utf-8", errors="replace", newline="\n")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise CourseError(f"{path}: cannot be written ({error.strerror or error})", 1) from None


def _is_plain(character: str) -> bool:
    if character in "\n\t":
        return True
    return unicodedata.category(character) not in ("Cc", "Cs") and character not in DIRECTION_MARKS
