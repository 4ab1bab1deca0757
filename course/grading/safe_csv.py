"""CSV files that a spreadsheet can open: what it would run in somebody else's text is quoted."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable

from course.grading.output import plain

# Where spreadsheets of some country or other begin a new cell.
SEPARATORS = re.compile("([;,])")
# A plain number, as the tail of a list has it: `[1.0, -2.0]`.
NUMBER = re.compile(r" *[-+]?\d+(\.\d*)?(e[-+]?\d+)?[\])]* *")


def safe(text: str) -> str:
    """Text for one cell of a CSV file, on one line. What a spreadsheet would run gets an apostrophe first.

    That holds behind each separator in the text too, for a spreadsheet that splits there in spite of the quotes.
    """
    pieces = SEPARATORS.split(" ".join(plain(text).split()))
    return "".join(
        "'" + piece if _runs(piece) and not (index and NUMBER.fullmatch(piece)) else piece
        for index, piece in enumerate(pieces)
    )


def _runs(piece: str) -> bool:
    """Is it a formula? Looked at is the first character that is seen: neither invisible marks nor quotes hide it.

    Full-width signs (＝) count as the plain ones.
    """
    shown = next((c for c in piece if unicodedata.category(c)[0] not in "ZC" and c not in "\"'"), "")
    return unicodedata.normalize("NFKC", shown)[:1] in tuple("=+-−@")


def csv_text(header: tuple[str, ...], rows: Iterable[tuple]) -> str:
    """A header and rows as one CSV text; lines end as on Unix."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()
