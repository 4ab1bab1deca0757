"""Extensions: who may be given one, what is refused, and that nobody else ever sees it."""

import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from course import cli
from course.errors import CourseError
from course.grading.extensions import FILE, moment, read_extensions, write_extensions
from course.grading.gradebook import open_gradebook
from course.grading.notebook import read_source
from course.grading.record import register
from course.grading.student_release import ALLOWED
from tests.grading import small_notebook as small

COURSE = Path(__file__).parents[2]
BERLIN = timezone(timedelta(hours=2))
DUE = datetime(2026, 10, 19, 23, 59, tzinfo=BERLIN)
WEEK = "2026-10-26T23:59:00+02:00"


@pytest.fixture
def root(tmp_path, monkeypatch):
    small.course(tmp_path)
    (tmp_path / "course.toml").write_text(f'[due]\n"{small.ASSIGNMENT}" = {DUE.isoformat()}\n', encoding="utf-8")
    small.write(small.source(), tmp_path / "submitted" / "ada" / small.ASSIGNMENT / small.NOTEBOOK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def extend(*words: str) -> int:
    return cli.main(["extend", *words])


def test_given_shown_replaced_and_taken_back(root, capsys):
    assert extend("ada", small.ASSIGNMENT, "--until", WEEK) == 0
    assert read_extensions(root) == {(small.ASSIGNMENT, "ada"): DUE + timedelta(days=7)}
    assert extend("ada", small.ASSIGNMENT, "--days", "2") == 0
    capsys.readouterr()
    assert extend() == 0
    shown = capsys.readouterr().out
    assert extend("ada") == 0
    assert capsys.readouterr().out == shown == f"ada: {small.ASSIGNMENT} until 2026-10-21 23:59:00+02:00\n"
    assert extend("ada", small.ASSIGNMENT, "--remove") == 0
    capsys.readouterr()
    extend()
    assert capsys.readouterr().out == "no extensions\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("adda", small.ASSIGNMENT, "--days", "7"), "no student 'adda' has handed anything in"),
        (("ada", "08-nothing", "--days", "7"), "no assignment '08-nothing'; there is 09-small"),
        (("ada", small.ASSIGNMENT, "--until", "2026-10-26 23:59"), "has no offset from UTC"),
        (("ada", small.ASSIGNMENT, "--until", "next week"), "is no date and time"),
        (("ada", small.ASSIGNMENT, "--until", "2026-10-19T22:59:00+01:00"), "is no extension: 09-small is due"),
        (("ada", small.ASSIGNMENT, "--until", "2026-10-12T23:59:00+02:00"), "is no extension: 09-small is due"),
        (("ada", small.ASSIGNMENT, "--days", "-1"), "--days -1 is no extension"),
        (("ada", small.ASSIGNMENT, "--days", "0"), "--days 0 is no extension"),
        (("ada", small.ASSIGNMENT, "--days", "nan"), "--days nan is no extension"),
        (("ada", small.ASSIGNMENT, "--until", "9999-12-31T23:59-10:00"), "is not in this millennium"),
        (("ada", small.ASSIGNMENT, "--remove"), "ada has no extension of 09-small"),
        (("ada", "--days", "7"), "name a student and an assignment"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_changes_nothing(root, capsys, words, said):
    assert extend(*words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (root / FILE).exists()


def test_without_a_due_date_there_is_nothing_to_extend(root, capsys):
    (root / "course.toml").unlink()
    assert extend("ada", small.ASSIGNMENT, "--days", "7") == 2
    assert "has no due date to extend" in capsys.readouterr().err


def test_students_and_due_dates_of_the_gradebook_are_known(root, capsys):
    (root / "course.toml").unlink()
    with open_gradebook(root / "gradebook.db") as gradebook:
        register(gradebook, read_source(root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK))
        gradebook.update_or_create_assignment(small.ASSIGNMENT, duedate=datetime(2026, 10, 19, 21, 59))
        gradebook.update_or_create_student("zoe")
    assert extend("zoe", small.ASSIGNMENT, "--days", "7") == 0
    assert read_extensions(root) == {(small.ASSIGNMENT, "zoe"): DUE + timedelta(days=7)}


def test_the_file_is_read_as_it_was_written(tmp_path):
    extensions = {("01-a", 'o"neil, b'): DUE, ("01-a", "ada"): datetime.fromisoformat(WEEK), ("02-b", "ä"): DUE}
    write_extensions(tmp_path, extensions)
    first = (tmp_path / FILE).read_bytes()
    assert read_extensions(tmp_path) == extensions
    write_extensions(tmp_path, dict(reversed(extensions.items())))
    assert (tmp_path / FILE).read_bytes() == first
    assert b"2026-10-26T23:59:00+02:00" in first, "with the offset that it was given with"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "its first line is not student,assignment,until"),
        ("who,what,when\n", "its first line is not"),
        ("student,assignment,until\nada,01-a\n", "line 2: expected student,assignment,until"),
        ("student,assignment,until\n\nada,01-a,2026-10-26\n", "line 3: '2026-10-26' has no offset"),
        ("student,assignment,until\nada,01-a,soon\n", "line 2: 'soon' is no date and time"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path, text, said):
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=said) as caught:
        read_extensions(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_moment_may_be_written_in_several_ways():
    ways = ("2026-10-26T23:59+02:00", "2026-10-26 23:59:00+02:00", "2026-10-26T21:59Z", " 20261026T235900+0200 ")
    assert {moment(way, "") for way in ways} == {datetime.fromisoformat(WEEK)}


@pytest.mark.parametrize("path", [FILE, "attempts/ada/01-attention/2026/attention.ipynb"])
def test_git_and_students_never_get_it(path):
    done = subprocess.run(["git", "check-ignore", "-q", path], cwd=COURSE, timeout=60)
    assert done.returncode == 0
    assert not [name for name in ALLOWED if path == name or path.startswith(f"{name}/")]
