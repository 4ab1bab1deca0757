"""A pytest plugin for the nbval run of `course validate`: a line of JSON for each cell, and an end for a dead kernel.

Loaded with `-p course.grading.nbval_report` in a process of its own; the report's path is in COURSE_NBVAL_REPORT.
"""

import json
import os
import threading
from collections.abc import Iterator

import pytest

REPORT = "COURSE_NBVAL_REPORT"
WATCH_SECONDS = 0.5
DEAD_KERNEL_EXIT = 70


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if call.when == "call" or (call.when == "setup" and call.excinfo):
        outcome = _outcome(call)
        _write(item, outcome, getattr(item, "test_outputs", None) or [])
        if outcome == "timeout":
            item.session.shouldstop = "a cell took too long: each that follows may too"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """nbval does not notice that a kernel died and waits for its whole time limit: look for it."""
    over = threading.Event()
    threading.Thread(target=_watch, args=(item, over), daemon=True).start()
    try:
        return (yield)
    finally:
        over.set()


def _watch(item: pytest.Item, over: threading.Event) -> None:
    while not over.wait(WATCH_SECONDS):
        kernel = item.parent.kernel
        if kernel is not None and hasattr(kernel, "km") and not kernel.km.has_kernel:
            return
        if kernel is not None and not _alive(kernel) and not over.wait(WATCH_SECONDS):
            _write(item, "died", getattr(item, "test_outputs", None) or [])
            os._exit(DEAD_KERNEL_EXIT)


def _alive(kernel: object) -> bool:
    """Ask the process itself: the manager belongs to the main thread."""
    process = kernel.km.provisioner.process
    return process is None or process.poll() is None


def _outcome(call: pytest.CallInfo) -> str:
    if call.excinfo is None:
        return "ran"
    text = str(call.excinfo.value)
    if text.startswith("Cell outputs differ"):
        return "differs"
    return "timeout" if text.startswith("Timeout") else "raised"


def _write(item: pytest.Item, outcome: str, outputs: list) -> None:
    line = json.dumps({"cell": getattr(item, "cell_num", -1), "outcome": outcome, "outputs": outputs})
    with open(os.environ[REPORT], "a", encoding="utf-8") as report:
        report.write(line + "\n")
