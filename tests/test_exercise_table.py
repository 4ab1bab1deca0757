"""docs/exercises.md says what the notebooks say."""

from tests.exercise_table import PAGE, page, sections
from tests.lectures.reading import lectures


def test_the_page_is_what_the_notebooks_say():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.exercise_table"


def test_every_exercise_names_a_section_of_a_lecture():
    for exercise, section in sections().items():
        lecture, _, title = section.partition("#")
        assert title in lectures()[lecture].sections, exercise
