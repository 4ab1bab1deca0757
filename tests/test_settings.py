"""`course.toml`: defaults, what it may say, and the one line about what makes no sense."""

from pathlib import Path

import pytest

from course.errors import CourseError
from course.settings import FILE, Settings, read_settings


def written(root: Path, text: str) -> Settings:
    (root / FILE).write_text(text, encoding="utf-8")
    return read_settings(root)


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_file_means_the_defaults(tmp_path: Path, text: str):
    assert read_settings(tmp_path) == Settings()
    assert written(tmp_path, text) == Settings()


def test_the_address(tmp_path: Path):
    assert written(tmp_path, 'address = "https://host.example/owner/name"').address == "https://host.example/owner/name"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('addres = ""', "nothing is called 'addres'"),
        ("address = 3", "address is 3"),
        ('address = "git@host:owner/name"', "address is 'git@host"),
        ('address = "https://host.example/a\' b"', "it is"),
        ("address =", "can't be read"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path: Path, text: str, said: str):
    with pytest.raises(CourseError, match=said) as error:
        written(tmp_path, text)
    assert "\n" not in str(error.value)
    assert FILE in str(error.value)


def test_the_courses_own_file_is_read():
    assert read_settings(Path(__file__).parents[1]) is not None
