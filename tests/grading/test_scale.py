"""A thousand submissions: time in proportion, the memory of `course grade` flat, and nobody missing."""

import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from course.grading.gradebook import open_gradebook
from tests.grading import small_notebook as small

COURSE = Path(__file__).parents[2]
FEW, MANY = 100, 1000
EVERY_THIRD = 3  # is wrong


def write_class(root: Path, students: int) -> Path:
    """A small course; each submission has a text of its own, so that nothing can be taken from another's."""
    nb = small.source()
    small.find(nb, "setup").source = "from course import check"
    small.find(nb, "A9_2").metadata.course["needs"] = ["A9.1"]
    path = small.write(nb, root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    (root / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    for number in range(students):
        result = "number * number" if number % EVERY_THIRD == 0 else "2 * number"
        answers = {
            "A9_1-answer": f"def double(number):\n    submission = {number}\n    return {result}",
            "A9_2-answer": small.TOTAL,
            "A9_3-words": f"What I, number {number}, think of it.",
        }
        submitted = small.solved(nbformat.read(path, as_version=4), answers)
        small.write(submitted, root / "submitted" / f"student-{number:04}" / small.ASSIGNMENT / small.NOTEBOOK)
    return root


def grade(root: Path) -> tuple[float, float]:
    """Run the command. Returns its seconds and the peak of its own memory in MB, without its processes'."""
    environment = os.environ | {"PYTHONPATH": str(COURSE)}
    start = time.monotonic()
    command = [sys.executable, "-m", "course.cli", "grade", "--no-feedback", "--jobs", "2"]
    with (root / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _peak_mb(process.pid))
            time.sleep(0.2)
    assert process.returncode == 0, (root / "log").read_text()[-2000:]
    return time.monotonic() - start, peak


def _peak_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1000


def scores(root: Path) -> dict[str, float]:
    with open_gradebook(root / "gradebook.db") as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions(small.ASSIGNMENT)}


def expected(students: int) -> dict[str, float]:
    return {f"student-{number:04}": 10 if number % EVERY_THIRD == 0 else 90 for number in range(students)}


@pytest.mark.nightly
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_thousand_submissions(tmp_path):
    few, many = write_class(tmp_path / "few", FEW), write_class(tmp_path / "many", MANY)
    few_seconds, few_mb = grade(few)
    many_seconds, many_mb = grade(many)
    print(f"{FEW}: {few_seconds:.0f} s, {few_mb:.0f} MB; {MANY}: {many_seconds:.0f} s, {many_mb:.0f} MB")
    assert scores(few) == expected(FEW)
    assert scores(many) == expected(MANY)
    assert many_seconds <= 1.3 * MANY / FEW * few_seconds
    assert many_mb <= max(1.25 * few_mb, few_mb + 60)
    again, _ = grade(many)
    assert f"0 submissions to grade, {MANY} unchanged" in (many / "log").read_text()
    assert again < many_seconds / 2
