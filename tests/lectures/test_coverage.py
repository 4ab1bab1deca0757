"""docs/coverage.md has a row for everything in both documents, and every row leads somewhere."""

import re
from collections import Counter
from typing import NamedTuple

import pytest

from tests.lectures.reading import ROOT, lectures

PAGE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
# What the documents have. Tutorial 12: 18 headings, the figures and long headings' parts by letter.
TUTORIAL = """T1 T2 T3 T4 T5 T5f T5g T6 T7 T7a T7b T7c T7d T7e T7f T8 T8f T8g T9 T9f T9g T10 T10f T10g T11 T11f T11g T12
T13 T13f T14 T14f T15 T15f T15g T15h T15i T16 T16f T16g T16h T16i T17 T18""".split()
# Lecture 7: 61 slides, of which these have a figure, these are nothing else, and these have a speaker note.
SLIDES = range(1, 62)
FIGURES = {6, 7, 8, 10, 11, 12, 13, 14, 15, 19, 22, 26, 27, 29, 30, 31, 32, 33, 34, 36, 40, 42, 43, 44, 47, 49, 50}
FIGURES |= {52, 53, 55, 56, 57, 58, 59, 60}
ONLY_A_FIGURE = {10, 13, 19, 22, 27, 33, 42, 47, 49, 50, 52, 55, 56, 57, 58, 59, 60}
NOTES = {2, 4, 7, 8, 14, 17, 18, 30, 31, 46}


class Row(NamedTuple):
    id: str
    what: str
    lecture: str
    section: str
    exercise: str
    test: str


ROWS = [Row(*(part.strip() for part in line.split("|")[1:-1])) for line in re.findall(r"^\| [TL]\d.*", PAGE, re.M)]


def test_every_item_of_both_documents_has_one_row():
    slides = {f"L{n}" for n in SLIDES if n not in ONLY_A_FIGURE}
    expected = {*TUTORIAL, *slides, *(f"L{n}f" for n in FIGURES), *(f"L{n}n" for n in NOTES)}
    counts = Counter(row.id for row in ROWS)
    assert counts == dict.fromkeys(expected, 1)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_leads_to_a_section_an_exercise_and_a_test(row: Row):
    assert row.what
    sections = lectures()[row.lecture.replace(" ", "-")].sections
    assert row.section == "*opening*" or row.section in sections
    path = row.test.strip("`")
    assert (ROOT / path).is_file() and "def test_" in (ROOT / path).read_text(encoding="utf-8")
    if re.match(r"A\d", row.exercise):
        sources = (ROOT / "assignments").glob(f"0{row.exercise[1]}-*/*.ipynb")
        assert any(f"## {row.exercise} " in path.read_text(encoding="utf-8") for path in sources)
    else:
        assert row.exercise == "–"


def test_every_section_of_every_lecture_is_in_the_table_or_is_our_own_addition():
    """What the documents don't have is listed here, so that a section can't stand outside unnoticed."""
    additions = {
        "02-attention": {"Soft weights", "What a map does not say"},
        "03-attention-layers": {"Masks"},
        "05-multiple-heads": {"What heads cost"},
        "07-language": {"Choosing the next token", "The cache and what it costs"},
        "08-vision-and-language": {
            "Images as sequences",
            "What it looks at",
            "Zero-shot classification",
            "Captioning: which word looks where",
        },
        "09-beyond": {"What an alignment knows", "Why triangles", "Distances, measured", "Return asked, return got"},
    }
    for name, lecture in lectures().items():
        named = {row.section for row in ROWS if row.lecture.replace(" ", "-") == name}
        closing = {"Key points", "Exercises", "Sources"}
        assert set(lecture.sections) - named - closing == additions.get(name, set()), name
