"""One submission after the other: none is left out, whatever the ones before it were and whoever judges."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from course.grading.desk import Desk, Options
from course.grading.journal import Journal
from course.grading.judges import Judged, JudgeFailed
from course.grading.notebook import read_source
from tests.grading import small_notebook as small

BROKEN = {"a", "b", "d", "f"}


class Judging:
    """Stands in for judges, who take their time one after the other. Has its widths in turn, the last for good."""

    def __init__(self, pool: ThreadPoolExecutor, widths: tuple[int, ...]):
        self._pool = pool
        self._widths = list(widths)

    @property
    def width(self) -> int:
        return self._widths.pop(0) if len(self._widths) > 1 else self._widths[0]

    def submit(self, source, job) -> Future:
        return self._pool.submit(self._judge, job.student)

    def _judge(self, student: str) -> Judged:
        time.sleep(0.02)
        if student == "g":
            raise JudgeFailed("its judge ended")
        return Judged([], [])

    def stop(self) -> None:
        raise AssertionError("nothing was to be stopped")


@pytest.fixture
def folders(tmp_path) -> list[Path]:
    for student in "abcdefgh":
        path = small.write(small.source(), tmp_path / "submitted" / student / small.ASSIGNMENT / small.NOTEBOOK)
        if student in BROKEN:
            path.write_text("{ oops", encoding="utf-8")
    return sorted((tmp_path / "submitted").glob("*/*"))


@pytest.mark.parametrize("widths", [(1,), (2,), (8,), (4, 1), (1, 0, 1)])
def test_every_submission_comes_back_once(tmp_path, folders, widths):
    source = read_source(small.write(small.source(), tmp_path / "solutions" / small.ASSIGNMENT / small.NOTEBOOK))
    desk = Desk(Options(tmp_path, tmp_path / "submitted", tmp_path), Journal(tmp_path))
    with ThreadPoolExecutor(1) as pool:
        tasks = list(desk.judged([(source, folder) for folder in folders], Judging(pool, widths)))
    assert sorted(task.submission.student for task in tasks) == list("abcdefgh")
    assert {task.submission.student for task in tasks if task.rebuilt is None} == BROKEN
    assert {task.submission.student: task.ungraded for task in tasks if task.ungraded} == {"g": "its judge ended"}
