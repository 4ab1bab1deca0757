"""A run that is killed at any moment, and run again, ends as one that was never disturbed."""

import hashlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from copy import deepcopy
from pathlib import Path

import pytest

from course import cli
from tests.grading import small_notebook as small

ANSWERS = {
    "ada": None,
    "bob": "def double(number): return number * number",
    "cy": "def double(number):\n    return 2 * number\nwhile True: pass",
    "dee": "def double(number): raise ValueError(number)",
    "eve": "import os\ndef double(number): os._exit(0)",
    "flo": "def double(number):\n    return number + number  # right",
}
ROWS = """
SELECT assignment.name, submitted_assignment.student_id, submitted_assignment.timestamp, base_cell.name,
       grade.auto_score, grade.manual_score, grade.needs_manual_grade, grade.extra_credit
FROM grade JOIN base_cell ON grade.cell_id = base_cell.id
JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
JOIN assignment ON submitted_assignment.assignment_id = assignment.id
"""


@pytest.fixture
def undisturbed(tmp_path) -> Path:
    """A class that was graded in one go."""
    root = make_class(tmp_path / "undisturbed")
    done = start(root).wait(120)
    assert done == 0
    return root


def make_class(root: Path) -> Path:
    nb = small.source()
    small.find(nb, "setup").source = "from course import check"
    small.find(nb, "A9_1").metadata.course["seconds"] = 1
    small.write(nb, root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    (root / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    for student, answer in ANSWERS.items():
        submitted = deepcopy(nb)
        if answer:
            small.find(submitted, "A9_1-answer").source = answer
        small.write(submitted, root / "submitted" / student / small.ASSIGNMENT / small.NOTEBOOK)
    return root


def start(root: Path) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[1]), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "course.cli", "grade", "--jobs", "2"]
    log = (root / "log.txt").open("a")
    return subprocess.Popen(command, cwd=root, stdout=log, stderr=log, env=environment)


def descendants(pid: int) -> list[int]:
    found, waiting = [], [pid]
    while waiting:
        for path in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            with suppress(OSError):
                children = list(map(int, path.read_text().split()))
                found += children
                waiting += children
    return found


def files(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("reports", "feedback", "autograded", ".grading/verdicts")
        for path in sorted((root / folder).rglob("*"))
        if path.is_file()
    }


def rows(root: Path) -> list[tuple]:
    with closing(sqlite3.connect(root / "gradebook.db")) as connection:
        return sorted(connection.execute(ROWS))


def kill_and_go_on(undisturbed: Path, root: Path, moments: list[float]) -> None:
    """Grade a copy of the class, killed after each of these seconds, then to the end; hold all that is left."""
    make_class(root)
    (root / ".grading").mkdir()
    shutil.copy(undisturbed / ".grading" / "secret", root / ".grading" / "secret")  # the same inputs for the tests
    for seconds in moments:
        process = start(root)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        family = descendants(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until_gone(family)
    assert start(root).wait(120) == 0
    log = (root / "log.txt").read_text(encoding="utf-8")
    graded = re.findall(r"^\d+ of \d+: (\w+)", log, flags=re.MULTILINE)
    assert len(graded) == len(set(graded)), "a submission was graded twice"
    assert "Traceback" not in log
    assert files(root) == files(undisturbed)
    assert rows(root) == rows(undisturbed)


def wait_until_gone(pids: list[int]) -> None:
    end = time.monotonic() + 10
    while alive := [pid for pid in pids if is_alive(pid)]:
        assert time.monotonic() < end, f"processes outlive a grader that was killed: {alive}"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_run_that_is_killed_twice_goes_on_where_it_was(undisturbed, tmp_path):
    kill_and_go_on(undisturbed, tmp_path / "killed", [5.0, 6.5])


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(6))
def test_killed_at_random_moments(undisturbed, tmp_path, seed):
    moments = [random.Random(seed * 10 + i).uniform(0.2, 9.0) for i in range(5)]
    kill_and_go_on(undisturbed, tmp_path / "killed", moments)
