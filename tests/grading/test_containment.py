"""What an answer can do to the grader: nothing. Each of these costs its own exercise, and a sibling answers on."""

import contextlib
import os
import time
from pathlib import Path

import pytest
import torch

from course.grading.border import Border
from course.grading.limits import Limits
from course.grading.proxies import StudentError, StudentGone, StudentTimeout
from course.grading.warm import connect

# Small limits, so that reaching them takes no time and a hole in them does no harm.
LIMITS = Limits(memory_mb=300, processes=20, open_files=64, file_mb=8, tmp_mb=16, tmp_files=64, reply_mb=8)
HOSTILE = '''
import ctypes, os, signal, socket, sys, threading, time
import torch

def endless():
    while True:
        pass

def endless_without_signals():
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        try:
            endless()
        except BaseException:
            pass

def sleeps():
    time.sleep(1000)

def leaves():
    os._exit(0)

def segfaults():
    ctypes.string_at(8)

def aborts():
    ctypes.CDLL(None).abort()

def kills_everybody():
    for pid in (-1, 0, 1, os.getppid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    os._exit(1)

def fork_bomb():
    begun = time.time()
    while time.time() - begun < 20:
        try:
            os.fork()
        except OSError:
            pass

def thread_bomb():
    for _ in range(1000):
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    return "a thousand threads"

def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
    os.wait()
    return "a daemon is at work"

def memory_bomb():
    kept = []
    while len(kept) < 60:
        kept.append(torch.ones(12_500_000))

def memory_of_many():
    """Each child stays below the limit of a process; together they are over the limit of the answer."""
    for _ in range(5):
        if os.fork() == 0:
            kept = bytearray(os.urandom(1000) * 100_000)
            time.sleep(1000)
    time.sleep(1000)

def full_disk():
    written = 0
    try:
        for number in range(100):
            with open(f"/tmp/{number}", "wb") as file:
                file.write(bytes(4_000_000))
            written += 4
    except OSError:
        return written

def many_files():
    try:
        for number in range(10_000):
            open(f"/tmp/home/{number}", "w").close()
    except OSError:
        return number

def talks():
    print("x" * 30_000_000)
    sys.stderr.write("y" * 30_000_000)
    os.write(1, b"z" * 30_000_000)
    return 1

def long_words():
    raise ValueError("w" * 50_000_000)

def drips():
    """A reply, a byte a second."""
    channel = next(fd for fd in range(3, 64) if is_socket(fd))
    for _ in range(1000):
        os.write(channel, bytes(1))
        time.sleep(0.2)

def is_socket(number):
    try:
        socket.socket(fileno=os.dup(number)).close()
        return True
    except OSError:
        return False

def large():
    return torch.ones(10_000_000)

def huge():
    return torch.ones(1).expand(1_000_000, 1_000_000)

def fine():
    return torch.ones(3)
'''


@contextlib.contextmanager
def student(zygote, seconds=1.0):
    border = Border(connect(zygote), seconds, limits=LIMITS)
    try:
        assert border.run([("<A1_1-answer>", HOSTILE)]) == []
        yield border
    finally:
        border.close()


def call(border: Border, name: str):
    return border.proxy(name, "function")()


@pytest.fixture
def sibling(student_zygote):
    """An honest answer that is at work beside each hostile one, and must not notice."""
    with student(student_zygote, seconds=20) as border:
        yield border
        assert torch.equal(call(border, "fine"), torch.ones(3))


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("endless", StudentTimeout),
        ("endless_without_signals", StudentTimeout),
        ("sleeps", StudentTimeout),
        ("leaves", StudentGone),
        ("segfaults", StudentGone),
        ("aborts", StudentGone),
        ("kills_everybody", StudentGone),
        ("fork_bomb", (StudentTimeout, StudentGone)),
        ("memory_bomb", (StudentError, StudentGone)),
        ("memory_of_many", StudentGone),
        ("long_words", StudentError),
        ("drips", (StudentTimeout, StudentGone)),
        ("large", StudentGone),
        ("huge", StudentGone),
    ],
)
def test_it_ends_the_exercise_in_time(student_zygote, sibling, name, ends):
    begun = time.monotonic()
    with student(student_zygote) as border, pytest.raises(ends):
        call(border, name)
    assert time.monotonic() - begun < 15


def test_what_it_is_told_of_memory_names_the_limit(student_zygote, sibling):
    with student(student_zygote, seconds=5) as border, pytest.raises(StudentGone, match="more than 300 MB of memory"):
        call(border, "memory_of_many")


@pytest.mark.parametrize(("name", "most"), [("full_disk", 16), ("many_files", 64)])
def test_the_disk_is_small(student_zygote, sibling, name, most):
    with student(student_zygote) as border:
        assert 0 < call(border, name) <= most


def test_what_it_says_is_dropped(student_zygote, sibling):
    with student(student_zygote) as border:
        assert call(border, "talks") == 1


def test_an_error_message_is_cut(student_zygote, sibling):
    with student(student_zygote) as border, pytest.raises(StudentError) as caught:
        call(border, "long_words")
    assert len(str(caught.value)) < 2200


@pytest.mark.parametrize("name", ["daemon", "thread_bomb", "fork_bomb"])
def test_nothing_that_it_started_outlives_it(student_zygote, sibling, name):
    with student(student_zygote) as border:
        with contextlib.suppress(StudentError, StudentTimeout, StudentGone):
            call(border, name)
        namespace = os.readlink(f"/proc/{border.pid}/ns/pid")
        assert in_namespace(namespace)
    for _ in range(250):
        if not in_namespace(namespace):
            return
        time.sleep(0.02)
    pytest.fail(f"still there: {in_namespace(namespace)}")


def in_namespace(name: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "ns" / "pid") == name:
                found.append(process.name)
    return found
