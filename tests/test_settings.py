"""`course.toml`: defaults, what it may say, and the one line about what makes no sense."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from course.errors import CourseError
from course.settings import FILE, Attempts, Late, Settings, read_settings


def written(root: Path, text: str) -> Settings:
    (root / FILE).write_text(text, encoding="utf-8")
    return read_settings(root)


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_an_empty_file_means_the_defaults(tmp_path: Path, text: str):
    assert read_settings(tmp_path) == Settings()
    assert written(tmp_path, text) == Settings()


def test_the_address(tmp_path: Path):
    assert written(tmp_path, 'address = "https://host.example/owner/name"').address == "https://host.example/owner/name"


def test_due_dates_are_kept_in_utc_and_the_rest_as_it_stands(tmp_path: Path):
    settings = written(
        tmp_path,
        """
        [due]
        "01-a" = 2026-10-19T23:59:00+02:00
        "02-b" = 2026-11-02T23:59:00Z

        [late]
        grace_minutes = 15
        percent_a_day = 12.5
        at_most_percent = 50
        days = 7

        [attempts]
        count = "best"
        at_most = 3
        """,
    )
    assert settings.due == {
        "01-a": datetime(2026, 10, 19, 21, 59, tzinfo=UTC),
        "02-b": datetime(2026, 11, 2, 23, 59, tzinfo=UTC),
    }
    assert settings.late == Late(15, 12.5, 50, 7)
    assert settings.attempts == Attempts("best", 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('addres = ""', "nothing is called 'addres'"),
        ("address = 3", "address is 3"),
        ('address = "git@host:owner/name"', "address is 'git@host"),
        ('address = "https://host.example/a\' b"', "it is"),
        ("address =", "can't be read"),
        ('[due]\n"01-a" = 2026-10-19T23:59:00', "01-a is 2026-10-19T23:59:00; it is a date, a time and an offset"),
        ('[due]\n"01-a" = 2026-10-19', "01-a is 2026-10-19; it is"),
        ('[due]\n"01-a" = "2026-10-19T23:59:00+02:00"', "without quotes"),
        ('[due]\n"01-a" = 9999-12-31T23:59:00-10:00', "01-a is 9999"),
        ("due = 3", "due is 3; it is a table"),
        ("[late]\ngrace = 3", "has nothing called 'grace'; there is grace_minutes, percent_a_day"),
        ("[late]\ngrace_minutes = -1", "grace_minutes is -1; it is a number from 0 to"),
        ("[late]\npercent_a_day = 101", "percent_a_day is 101"),
        ("[late]\npercent_a_day = true", "percent_a_day is True"),
        ("[late]\nat_most_percent = nan", "at_most_percent is nan"),
        ('[late]\npercent_a_day = "10"', "percent_a_day is '10'"),
        ("[late]\ndays = 1.5", "days is 1.5; it is a whole number"),
        ('[attempts]\ncount = "all"', "count is 'all'"),
        ("[attempts]\nat_most = -1", "at_most is -1"),
        ("[attempts]\nat_most = 3", 'write count = "best", too'),
        ("[late]\npercent_a_day = 1" + "0" * 400, "it is a number from 0 to 100"),
        ('[due]\n"01-a" = 2026-10-19T23:59+02:00', "a due date is written 2026-10-19T23:59:00"),
    ],
)
def test_what_makes_no_sense_is_one_line(tmp_path: Path, text: str, said: str):
    with pytest.raises(CourseError, match=said) as error:
        written(tmp_path, text)
    assert "\n" not in str(error.value)
    assert FILE in str(error.value)


def test_the_courses_own_file_is_read():
    assert read_settings(Path(__file__).parents[1]) is not None
