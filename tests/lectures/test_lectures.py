"""Every lecture has the order, the rhythm and the size that a class needs."""

import re
from urllib.parse import unquote

import pytest

from tests.lectures.reading import PATHS, ROOT, Lecture, anchor, headings_of, lectures, slide_type

NAMES = [
    "01-sequences",
    "02-attention",
    "03-attention-layers",
    "04-self-attention",
    "05-multiple-heads",
    "06-transformer",
    "07-language",
    "08-vision-and-language",
    "09-beyond",
]
CLOSING = ["Key points", "Exercises", "Sources"]
SLIDE_TYPES = {"slide", "subslide", "fragment", "notes", "skip", "none"}  # "-" would be hidden in a live deck
LONGEST_CELL, WIDEST_LINE, LARGEST_FILE = 15, 76, 1_000_000


def test_the_lectures_are_there():
    assert [path.stem for path in PATHS] == NAMES


@pytest.fixture(params=NAMES)
def lecture(request: pytest.FixtureRequest) -> Lecture:
    return lectures()[request.param]


def test_a_lecture_opens_with_goals_time_and_agenda(lecture: Lecture):
    title = lecture.nb.cells[0]
    assert re.match(rf"# {lecture.path.stem[:2]} · \S", title.source) and slide_type(title) == "slide"
    setup = lecture.code[0]
    opening = "\n".join(cell.source for cell in lecture.nb.cells[1 : lecture.nb.cells.index(setup)])
    assert "When you leave you can" in opening
    assert re.search(r"\*\*Time in class:\*\* about \d+ minutes", opening)
    agenda = [unquote(link) for link in re.findall(r"\]\(#([^)]+)\)", opening)]
    assert agenda == [anchor(name) for name in lecture.sections][: len(agenda)]
    assert len(agenda) >= len(lecture.sections) - len(CLOSING)
    assert slide_type(setup) == "skip" and "setup" in setup.metadata.tags


def test_it_closes_with_key_points_exercises_and_sources(lecture: Lecture):
    assert list(lecture.sections)[-3:] == CLOSING
    exercises, sources = ("\n".join(c.source for c in lecture.sections[name]) for name in CLOSING[1:])
    assert re.search(r"\bA\d\.\d+\b", exercises) and "../assignments/" in exercises
    assert "Technion" in sources and "Liège" in sources and "arxiv.org" in sources


def test_every_section_has_code_a_question_with_a_folded_answer_and_speaker_notes(lecture: Lecture):
    for name, cells in lecture.sections.items():
        if name in CLOSING:
            continue
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        assert any(cell.cell_type == "code" for cell in cells), name
        assert "**Question" in text and "<details>" in text, name
        notes = [cell for cell in cells if slide_type(cell) == "notes"]
        assert notes and all(cell.source.startswith("**Speaker notes.**") for cell in notes), name
        assert slide_type(cells[0]) == "slide", name


def test_every_fold_is_closed_and_has_a_title(lecture: Lecture):
    for cell in lecture.markdown:
        counts = [cell.source.count(tag) for tag in ("<details>", "</details>", "<summary>", "</summary>")]
        assert len(set(counts)) == 1, cell.id


def test_code_fits_on_a_slide(lecture: Lecture):
    for cell in lecture.code:
        lines = cell.source.splitlines()
        assert len(lines) <= LONGEST_CELL or slide_type(cell) == "skip", cell.id
        assert max(map(len, lines)) <= WIDEST_LINE, cell.id


def test_every_cell_says_where_it_stands_on_the_slides(lecture: Lecture):
    assert {slide_type(cell) for cell in lecture.nb.cells} <= SLIDE_TYPES


def test_every_link_inside_the_course_leads_somewhere(lecture: Lecture):
    anchors = {anchor(heading) for heading in lecture.headings}
    for cell in lecture.markdown:
        for link in re.findall(r"\]\(([^)\s]+)\)", cell.source):
            if link.startswith("#"):
                assert unquote(link[1:]) in anchors, (cell.id, link)
            elif "://" not in link:
                path, _, part = link.partition("#")
                target = (lecture.path.parent / unquote(path)).resolve()
                assert target.is_relative_to(ROOT) and target.exists(), (cell.id, link)
                if part and target.suffix == ".ipynb":
                    there = {anchor(h) for c in Lecture(target).markdown for h in headings_of(c.source)}
                    assert unquote(part) in there, (cell.id, link)


def test_its_outputs_are_stored_whole_and_it_brings_no_picture_of_its_own(lecture: Lecture):
    assert lecture.path.stat().st_size <= LARGEST_FILE
    for cell in lecture.nb.cells:
        assert not cell.get("attachments") and "<img" not in cell.source and "](data:" not in cell.source
    for cell in lecture.code:
        assert cell.execution_count, f"{cell.id} was not run: make lectures"
        assert not [o for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"], cell.id
    counts = [cell.execution_count for cell in lecture.code]
    assert counts == list(range(1, len(counts) + 1)), "not run from top to bottom: make lectures"


def test_it_knows_nothing_of_graders_and_solutions(lecture: Lecture):
    source = "\n".join(cell.source for cell in lecture.code)
    assert not re.search(r"(from|import) +(course\.(check|grading|given)|solutions|tests|assignments)\b", source)


def test_its_metadata_is_that_of_a_tidy_notebook(lecture: Lecture):
    assert set(lecture.nb.metadata) <= {"kernelspec", "language_info"}
    assert lecture.nb.metadata.kernelspec.name == "python3"
    for cell in lecture.nb.cells:
        assert set(cell.metadata) <= {"slideshow", "tags"}, cell.id
