"""What is collected, and what is not, when whoever hands in may lie. tests/hub drives the same with real accounts."""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from course.grading import exchange

TIME = "2026-01-02 12:00:00.000000 UTC"


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    folder = tmp_path / "inbound" / "ada+01+time+random"
    (folder / "data").mkdir(parents=True)
    (folder / "a.ipynb").write_text("{}")
    (folder / "data" / "b.csv").write_text("1")
    (folder / exchange.TIMESTAMP).write_text(TIME)
    return folder


def copied(source: Path, target: Path) -> tuple[set[str], list[str]]:
    skipped = exchange.copy_files(source, target)
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


def test_a_flood_is_cut_off(submission: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exchange, "MOST_BYTES", 3)
    files, skipped = copied(submission, tmp_path / "to")
    assert files == {"a.ipynb", "data/b.csv"} and skipped == ["timestamp.txt"]


def test_whose_a_submission_is(submission: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(submission)
    assert exchange.owner_of(submission) == exchange.pwd.getpwuid(os.getuid()).pw_name
    assert exchange.owner_of(tmp_path / "link") is None
    assert exchange.owner_of(submission / "a.ipynb") is None


def test_a_time_that_was_made_up_is_corrected_to_that_of_the_last_change(submission: Path):
    for path in (*submission.rglob("*"), submission):
        os.utime(path, (0, 0))
    changed = exchange.last_change(submission)
    assert abs(changed - time.time()) < 60, "a file can be dated back, its change can't"
    assert exchange.correct_time(submission, changed) is not None
    assert exchange.correct_time(submission, changed) is None
    noted = datetime.strptime((submission / exchange.TIMESTAMP).read_text(), "%Y-%m-%d %H:%M:%S.%f %Z")
    assert abs(noted.replace(tzinfo=UTC).timestamp() - changed) < 0.01


@pytest.mark.parametrize("text", ["", "tomorrow", "\0"])
def test_a_time_that_is_none_is_corrected(submission: Path, text: str):
    (submission / exchange.TIMESTAMP).write_text(text)
    assert exchange.correct_time(submission, 1e9) == "2001-09-09 01:46:40.000000 UTC"


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
    me = exchange.pwd.getpwuid(os.getuid()).pw_name
    inbound = tmp_path / "exchange" / "attention" / "inbound"
    for name in (f"{me}+01+{TIME}+a", f"ada+01+{TIME}+b", "ada+01+no time+c", f"{me}+02+{TIME}+d"):
        (inbound / name).mkdir(parents=True)
        (inbound / name / "a.ipynb").write_text(name)
        (inbound / name / exchange.TIMESTAMP).write_text(TIME)
    (inbound / f"{me}+01+2099-01-01 00:00:00.000000 UTC+link").symlink_to(tmp_path)
    config, coursedir = configured(tmp_path)
    config.GenuineCollect.distrust = distrust
    exchange.GenuineCollect(coursedir=coursedir, config=config).start()
    submitted = tmp_path / "submitted"
    assert {path.name for path in submitted.iterdir()} == ({me} if distrust else {me, "ada"})
    assert (submitted / me / "01" / "a.ipynb").read_text() == f"{me}+01+{TIME}+a"
    assert ((submitted / me / "01" / exchange.TIMESTAMP).read_text() == TIME) != distrust, "the kernel's time"


def released(root: Path) -> list[str]:
    config, coursedir = configured(root)
    exchange.ReleaseFeedback(coursedir=coursedir, config=config).start()
    return sorted(path.read_text() for path in (root / "exchange" / "attention" / "feedback").iterdir())


def test_feedback_finds_its_secret_and_one_without_stops_nobody(tmp_path: Path):
    for student in ("ada", "bob"):
        feedback, submitted = (tmp_path / step / student / "01" for step in ("feedback", "submitted"))
        feedback.mkdir(parents=True)
        submitted.mkdir(parents=True)
        (feedback / "a.html").write_text(f"for {student}")
        (feedback / "timestamp.txt").write_text(TIME)
    (tmp_path / "submitted" / "ada" / "01" / exchange.SECRET).write_text("s3cret")
    assert released(tmp_path) == ["for ada"]
