"""What is collected, and what is not, when whoever hands in may lie. tests/hub drives the same with real accounts."""

import os
import pwd
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from course.grading import exchange, untrusted

TIME = "2026-01-02 12:00:00.000000 UTC"


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    folder = tmp_path / "inbound" / "ada+01+time+random"
    (folder / "data").mkdir(parents=True)
    (folder / "a.ipynb").write_text("{}")
    (folder / "data" / "b.csv").write_text("1")
    (folder / untrusted.TIMESTAMP).write_text(TIME)
    return folder


def copied(source: Path, target: Path) -> tuple[set[str], list[str]]:
    skipped = untrusted.copy_files(source, target)
    return {str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir()}, sorted(skipped)


def test_ordinary_files_are_copied(submission: Path, tmp_path: Path):
    assert copied(submission, tmp_path / "to") == ({"a.ipynb", "data/b.csv", "timestamp.txt"}, [])
    assert (tmp_path / "to" / "data" / "b.csv").read_text() == "1"


def test_nothing_is_copied_through_a_link_or_waited_for(submission: Path, tmp_path: Path):
    (tmp_path / "solutions").mkdir()
    (tmp_path / "solutions" / "secret").write_text("secret")
    (submission / "file").symlink_to(tmp_path / "solutions" / "secret")
    (submission / "folder").symlink_to(tmp_path / "solutions")
    os.mkfifo(submission / "pipe")
    files, skipped = copied(submission, tmp_path / "to")
    assert files == {"a.ipynb", "data/b.csv", "timestamp.txt"}
    assert skipped == ["file", "folder", "pipe"]
    assert not os.path.lexists(tmp_path / "to" / "folder")


@pytest.mark.parametrize(
    ("name", "most", "files"),
    [
        ("MOST_BYTES", 3, {"a.ipynb", "data/b.csv"}),
        ("MOST_FILES", 2, {"a.ipynb", "timestamp.txt"}),
        ("MOST_FOLDERS", 1, {"a.ipynb", "timestamp.txt"}),
        ("MOST_DEPTH", 0, {"a.ipynb", "timestamp.txt"}),
    ],
)
def test_a_flood_is_cut_off(submission: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name, most, files):
    monkeypatch.setattr(untrusted, name, most)
    found, skipped = copied(submission, tmp_path / "to")
    assert found == files and len(skipped) == 1


def test_folders_without_end_end(submission: Path, tmp_path: Path):
    """Neither Python's recursion nor the length of a path stops whoever collects."""
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(submission)
        for _ in range(1500):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
    finally:
        os.fchdir(before)
        os.close(before)
    assert untrusted.last_change(submission) > 0
    files, skipped = copied(submission, tmp_path / "to")
    assert files == {"a.ipynb", "data/b.csv", "timestamp.txt"} and skipped == ["d" * 200]
    subprocess.run(["rm", "-r", str(submission)], check=True)  # pytest could not clear it away


def test_the_same_files_are_the_same_submission(submission: Path, tmp_path: Path):
    copied(submission, tmp_path / "copy")
    assert untrusted.same_files(tmp_path / "copy", submission)
    (submission / untrusted.TIMESTAMP).write_text("at another time")
    assert untrusted.same_files(tmp_path / "copy", submission)
    (submission / "b.ipynb").write_text("one file more is another attempt")
    assert not untrusted.same_files(tmp_path / "copy", submission)
    (tmp_path / "empty").mkdir()
    assert not untrusted.same_files(tmp_path / "empty", tmp_path / "empty")


def test_whose_a_submission_is(submission: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(submission)
    assert untrusted.owner_of(submission) == pwd.getpwuid(os.getuid()).pw_name
    assert untrusted.owner_of(tmp_path / "link") is None
    assert untrusted.owner_of(submission / "a.ipynb") is None


def test_a_time_that_was_made_up_is_corrected_to_that_of_the_last_change(submission: Path):
    for path in (*submission.rglob("*"), submission):
        os.utime(path, (0, 0))
    changed = untrusted.last_change(submission)
    assert abs(changed - time.time()) < 60, "a file can be dated back, its change can't"
    assert "which is the time that counts" in untrusted.settle_time(submission, changed)
    assert untrusted.settle_time(submission, changed) == ""
    assert abs(noted(submission).timestamp() - changed) < 0.01


def noted(submission: Path) -> datetime:
    text = (submission / untrusted.TIMESTAMP).read_text()
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f %Z").replace(tzinfo=UTC)


@pytest.mark.parametrize("part", ["data", "data/b.csv", "."])
def test_a_change_of_whatever_is_there_is_the_last_change(submission: Path, part: str):
    before = untrusted.last_change(submission)
    time.sleep(0.02)
    (submission / part).chmod(0o700)
    assert untrusted.last_change(submission) > before


@pytest.mark.parametrize("seconds", [-61, 61, 10**6])
def test_neither_an_earlier_nor_a_later_time_is_believed(seconds: int):
    actual = datetime(2026, 1, 2, 12)
    changed = actual.replace(tzinfo=UTC).timestamp()
    assert untrusted.agreed_time(actual + timedelta(seconds=seconds), changed) == actual
    assert untrusted.agreed_time(actual + timedelta(seconds=seconds / abs(seconds) * 59), changed) != actual


@pytest.mark.parametrize("text", ["", "tomorrow", "\0", "2026-01-02 12:00:00 /tmp/zone", f"{TIME}{' ' * 200}nonsense"])
@pytest.mark.parametrize("changed", [1e9, None])
def test_what_the_next_reader_might_read_otherwise_is_not_kept(submission: Path, text: str, changed: float | None):
    """nbgrader would stop at some of these, for all; a time zone may be a file, which its owner can change."""
    (submission / untrusted.TIMESTAMP).write_text(text)
    untrusted.settle_time(submission, changed)
    path = submission / untrusted.TIMESTAMP
    if changed is None and not text.startswith(TIME):
        assert not path.exists()
    else:
        assert path.read_text() == (TIME if changed is None else "2001-09-09 01:46:40.000000 UTC")


def test_a_folder_in_the_place_of_the_time_is_taken_away(submission: Path, tmp_path: Path):
    (submission / untrusted.TIMESTAMP).unlink()
    (submission / untrusted.TIMESTAMP).mkdir()
    (submission / untrusted.TIMESTAMP / "x").write_text("x")
    untrusted.copy_files(submission, tmp_path / "to")
    untrusted.settle_time(tmp_path / "to", 1e9)
    assert noted(tmp_path / "to").timestamp() == 1e9


def configured(root: Path) -> tuple[Config, CourseDirectory]:
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = "attention"
    config.CourseDirectory.assignment_id = "01"
    config.Exchange.root = str(root / "exchange")
    (root / "exchange").mkdir(exist_ok=True)
    (root / "exchange").chmod(0o777)
    return config, CourseDirectory(config=config)


@pytest.mark.parametrize("distrust", [True, False])
def test_on_a_server_nothing_is_collected_in_another_s_name(
    tmp_path: Path, distrust: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)  # nbgrader calls alembic
    me = pwd.getpwuid(os.getuid()).pw_name
    inbound = tmp_path / "exchange" / "attention" / "inbound"
    for name in (f"{me}+01+{TIME}+a", f"ada+01+{TIME}+b", "ada+01+no time+c", f"{me}+02+{TIME}+d"):
        (inbound / name).mkdir(parents=True)
        (inbound / name / "a.ipynb").write_text(name)
        (inbound / name / untrusted.TIMESTAMP).write_text(TIME)
    (inbound / f"{me}+01+2099-01-01 00:00:00.000000 UTC+link").symlink_to(tmp_path)
    config, coursedir = configured(tmp_path)
    config.GenuineCollect.distrust = distrust
    exchange.GenuineCollect(coursedir=coursedir, config=config).start()
    submitted = tmp_path / "submitted"
    assert {path.name for path in submitted.iterdir()} == ({me} if distrust else {me, "ada"})
    assert (submitted / me / "01" / "a.ipynb").read_text() == f"{me}+01+{TIME}+a"
    assert ((submitted / me / "01" / untrusted.TIMESTAMP).read_text() == TIME) != distrust, "the kernel's time"


def released(root: Path) -> list[str]:
    config, coursedir = configured(root)
    exchange.ReleaseFeedback(coursedir=coursedir, config=config).start()
    return sorted(path.read_text() for path in (root / "exchange" / "attention" / "feedback").iterdir())


def test_feedback_finds_its_secret_and_one_without_stops_nobody(tmp_path: Path):
    for student in ("ada", "bob", "mallory"):
        feedback, submitted = (tmp_path / step / student / "01" for step in ("feedback", "submitted"))
        feedback.mkdir(parents=True)
        submitted.mkdir(parents=True)
        (feedback / "a.html").write_text(f"for {student}")
        (feedback / "timestamp.txt").write_text(TIME)
    (tmp_path / "submitted" / "ada" / "01" / untrusted.SECRET).write_text("s3cret")
    (tmp_path / "submitted" / "mallory" / "01" / untrusted.SECRET).write_bytes(b"\xff\xfe")
    assert released(tmp_path) == ["for ada"]
