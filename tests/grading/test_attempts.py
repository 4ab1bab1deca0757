"""Several attempts: which of them counts, and that collecting loses none."""

import os
import pwd
import shutil
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course import cli
from course.grading.attempts import attempt_name, attempts_beyond, attempts_of, best, earlier_folder
from course.grading.nbgrader_plugins import collect
from course.settings import Attempts
from tests.grading import small_notebook as small

COURSE = Path(__file__).parents[2]
BEST = Attempts("best")
TIMES = [f"2026-01-{day:02} 12:00:00.250000 UTC" for day in (3, 9, 10, 12)]


@given(st.lists(st.floats(0, 100), min_size=1))
def test_best_is_the_highest_and_of_equals_the_earlier(points):
    place = best(points)
    assert points[place] == max(points)
    assert points[place] not in points[:place]


# ---- where attempts lie -----------------------------------------------------------------------------------------


def hand_in(folder: Path, time: str = "") -> Path:
    folder.mkdir(parents=True)
    if time:
        (folder / "timestamp.txt").write_text(time, encoding="utf-8")
    return folder


@pytest.fixture
def current(tmp_path) -> Path:
    """The current attempt of four, of the 10th; one is younger, one bears no time."""
    current = hand_in(tmp_path / "submitted" / "ada" / small.ASSIGNMENT, TIMES[2])
    place = earlier_folder(tmp_path / "submitted" / "ada" / small.ASSIGNMENT)
    hand_in(place / "b", TIMES[1])
    hand_in(place / "a", TIMES[3])
    hand_in(place / "c")
    (place / "a file").write_text("no attempt", encoding="utf-8")
    hand_in(place / ".hidden", TIMES[0])
    (place / "link").symlink_to(current)
    return current


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_attempts_are_in_the_order_of_their_times(current):
    assert names(attempts_of(current, BEST)) == ["c", "b", small.ASSIGNMENT, "a"]
    (current / "timestamp.txt").unlink()
    assert names(attempts_of(current, BEST)) == ["c", "b", "a", small.ASSIGNMENT]


def test_the_first_so_many_may_count_and_the_others_are_known(current):
    assert names(attempts_of(current, Attempts("best", 2))) == ["c", "b"]
    assert names(attempts_beyond(current, Attempts("best", 2))) == [small.ASSIGNMENT, "a"]
    assert attempts_beyond(current, BEST) == attempts_beyond(current, Attempts("last", 2)) == []


def test_where_the_last_counts_nothing_else_is_looked_at(current):
    assert attempts_of(current, Attempts()) == [current]


def test_a_student_without_earlier_attempts_has_one(tmp_path):
    folder = tmp_path / "submitted" / "bob" / small.ASSIGNMENT
    assert attempts_of(folder, BEST) == [folder]


# ---- collecting, with nbgrader's exchange -----------------------------------------------------------------------


@pytest.fixture
def root(tmp_path, monkeypatch):
    root = small.course(tmp_path / "course")
    exchange = tmp_path / "exchange"
    (exchange / "attention" / "inbound").mkdir(parents=True)
    exchange.chmod(0o777)
    config = (COURSE / "nbgrader_config.py").read_text(encoding="utf-8")
    (root / "nbgrader_config.py").write_text(
        f"{config}\nc.Exchange.root = {str(exchange)!r}\nc.ExchangeCollect.check_owner = False\n", encoding="utf-8"
    )
    monkeypatch.chdir(root)
    return root


def submit(root: Path, student: str, time: str, text: str) -> Path:
    """What `nbgrader submit` leaves in the exchange."""
    folder = root.parent / "exchange" / "attention" / "inbound" / f"{student}+{small.ASSIGNMENT}+{time}+x{text}"
    hand_in(folder, time)
    (folder / small.NOTEBOOK).write_text(text, encoding="utf-8")
    return folder


def collected(root: Path) -> dict[str, str]:
    """Where which text lies."""
    paths = [path for name in ("submitted", "attempts") for path in (root / name).rglob(small.NOTEBOOK)]
    return {str(path.parent.relative_to(root)): path.read_text(encoding="utf-8") for path in paths}


def place(student: str, time: str) -> str:
    return f"attempts/{student}/{small.ASSIGNMENT}/{attempt_name(datetime.fromisoformat(time.removesuffix(' UTC')))}"


def test_every_attempt_is_collected_once_and_the_last_is_the_current_one(root):
    submit(root, "ada", TIMES[1], "second")
    submit(root, "ada", TIMES[0], "first")
    submit(root, "a+b", TIMES[0], "only")
    collect(root, small.ASSIGNMENT)
    first = {
        f"submitted/ada/{small.ASSIGNMENT}": "second",
        place("ada", TIMES[0]): "first",
        f"submitted/a+b/{small.ASSIGNMENT}": "only",
    }
    assert collected(root) == first
    collect(root, small.ASSIGNMENT)
    assert collected(root) == first
    submit(root, "ada", TIMES[2], "third")
    collect(root, small.ASSIGNMENT)
    assert collected(root) == first | {
        f"submitted/ada/{small.ASSIGNMENT}": "third",
        place("ada", TIMES[1]): "second",
    }
    assert not list(root.rglob(".[0-9]*")), "nothing is left of copying"


def test_what_the_exchange_has_no_more_is_kept_when_a_newer_one_comes(root):
    current = hand_in(root / "submitted" / "ada" / small.ASSIGNMENT, TIMES[0])
    (current / small.NOTEBOOK).write_text("marked by hand", encoding="utf-8")
    submit(root, "ada", TIMES[1], "second")
    collect(root, small.ASSIGNMENT)
    assert collected(root) == {
        f"submitted/ada/{small.ASSIGNMENT}": "second",
        place("ada", TIMES[0]): "marked by hand",
    }


def test_what_bears_no_time_is_kept_too(root):
    for text, time in (("one", TIMES[0]), ("two", TIMES[1])):
        current = root / "submitted" / "ada" / small.ASSIGNMENT
        if current.exists():
            (current / "timestamp.txt").unlink()
        else:
            hand_in(current)
            (current / small.NOTEBOOK).write_text("by mail", encoding="utf-8")
        submit(root, "ada", time, text)
        collect(root, small.ASSIGNMENT)
    found = collected(root)
    assert found.pop(f"submitted/ada/{small.ASSIGNMENT}") == "two"
    assert set(found.values()) == {"by mail", "one"}
    assert f"attempts/ada/{small.ASSIGNMENT}/no-time-2" in found


def test_a_copy_under_another_time_is_no_attempt_more(root):
    submit(root, "ada", TIMES[1], "one")
    for _ in range(3):
        collect(root, small.ASSIGNMENT)
        (root / "submitted" / "ada" / small.ASSIGNMENT / "timestamp.txt").write_text(TIMES[0], encoding="utf-8")
    assert collected(root) == {f"submitted/ada/{small.ASSIGNMENT}": "one"}


def test_links_that_a_student_submits_are_not_followed(root, tmp_path):
    (tmp_path / "of another").write_text("not for ada", encoding="utf-8")
    for time in TIMES[:2]:
        folder = submit(root, "ada", time, "own")
        (folder / "notes.txt").symlink_to(tmp_path / "of another")
    collect(root, small.ASSIGNMENT)
    collected = [path for name in ("submitted", "attempts") for path in (root / name).rglob("*.ipynb")]
    assert len(collected) == 2
    assert not any(os.path.lexists(path.with_name("notes.txt")) for path in collected)


def test_whose_an_attempt_is_is_held_to_its_owner_by_nbgrader(root):
    with (root / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write("c.ExchangeCollect.check_owner = True\n")
    for time in TIMES[:2]:
        submit(root, "nobody-of-this-name", time, time[:10])
    assert collect(root, small.ASSIGNMENT).count("cheating attempt?") == 2, "of the earlier attempt, too"


def test_without_an_exchange_one_line_says_so(root, capsys):
    (root.parent / "exchange" / "attention" / "inbound").rmdir()
    assert cli.main(["collect"]) == 1
    error = capsys.readouterr().err
    assert "09-small could not be collected: " in error and "Course not found" in error
    assert error.count("\n") == 1


def test_the_rules_of_a_classroom_server_hold_for_the_command_too(root, tmp_path, monkeypatch):
    """There a submission must belong to the account that it is named after; here all belong to one."""
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.GenuineCollect.distrust = True\n")
    submit(root, "ada", TIMES[0], "by somebody else")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path))
    collect(root, small.ASSIGNMENT)
    assert collected(root) == {}
    monkeypatch.delenv("JUPYTER_CONFIG_PATH")
    collect(root, small.ASSIGNMENT)
    assert collected(root) == {f"submitted/ada/{small.ASSIGNMENT}": "by somebody else"}


def test_what_is_wrong_with_one_submission_costs_nobody_else_anything(root, monkeypatch, capfd):
    from course.grading import exchange

    for student in ("ada", "mallory", "zoe"):
        current = hand_in(root / "submitted" / student / small.ASSIGNMENT, TIMES[0])
        (current / small.NOTEBOOK).write_text("before", encoding="utf-8")
        submit(root, student, TIMES[1], "after")
    submit(root, "mallory", "099999999999999999999999999999999999999991.5h", "no time")

    def copy(source: Path, target: Path) -> list[str]:
        if "mallory" in source.name:
            target.mkdir()
            raise OSError(36, "File name too long")
        return copy_files(source, target)

    copy_files = exchange.copy_files
    monkeypatch.setattr(exchange, "copy_files", copy)
    log = collect(root, small.ASSIGNMENT)
    assert "not collected" in log and "File name too long" in log and "is no submission" in log
    here = {f"submitted/{student}/{small.ASSIGNMENT}": "after" for student in ("ada", "zoe")}
    here |= {place(student, TIMES[0]): "before" for student in ("ada", "zoe")}
    assert collected(root) == here | {f"submitted/mallory/{small.ASSIGNMENT}": "before"}


def test_one_file_more_is_another_attempt(root):
    """Otherwise whoever may hand in three times adds a file each time and removes the folder before."""
    for number, time in enumerate(TIMES[:3]):
        folder = submit(root, "ada", time, "the same")
        for name in range(number):
            (folder / f"{name}.ipynb").write_text("{}", encoding="utf-8")
        collect(root, small.ASSIGNMENT)
        shutil.rmtree(folder)
    assert set(collected(root)) == {
        f"submitted/ada/{small.ASSIGNMENT}", place("ada", TIMES[0]), place("ada", TIMES[1]),
    }  # fmt: skip


def test_where_the_server_corrects_a_time_each_attempt_is_kept_once(root, tmp_path, monkeypatch):
    """The record's time is the folder's: an attempt under two times would use up two of those that may count."""
    me = pwd.getpwuid(os.getuid()).pw_name
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.GenuineCollect.distrust = True\n")
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path))
    for time, text in ((TIMES[2], "first"), (TIMES[0], "second")):  # the second claims to be older
        submit(root, me, time, text)
        for _ in range(2):
            collect(root, small.ASSIGNMENT)
    found = collected(root)
    assert found.pop(f"submitted/{me}/{small.ASSIGNMENT}") == "second"
    assert list(found.values()) == ["first"]
