"""/proc read from outside: no name that a process gives itself makes the reader stumble."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from course import proc
from course.grading.limits import Limits
from course.grading.watch import Watch
from course.hub import accounts, watch

HOLDS = """
import multiprocessing.shared_memory, sys
open("/proc/self/comm", "wb").write(bytes.fromhex(sys.argv[1]))
own = bytearray(30 * 2**20)
shared = multiprocessing.shared_memory.SharedMemory(create=True, size=50 * 2**20)
shared.buf[:] = bytes(50 * 2**20)
print(flush=True)
input()
shared.unlink()
"""
MB = 2**20

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="this system has no /proc")


@contextmanager
def called(name: bytes) -> Iterator[int]:
    """A process of this name that holds 30 MB for itself and 50 MB of shared memory."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLDS, name.hex()], **pipes) as process:
        process.stdout.readline()
        yield process.pid
        process.communicate(b"\n")


@pytest.mark.parametrize(
    "name", [b"python", b"\xff\xfe", b"\rRssAnon:", b"\rRssAnon: x", b"\rPss_Anon: 0 kB", b") Z 1 (", b"\nUid: 0"]
)
def test_a_process_is_measured_whatever_it_calls_itself(name: bytes):
    with called(name) as pid:
        assert 80 * MB < proc.mapped(pid) < 200 * MB
        assert 80 * MB < proc.proportional(pid) <= proc.mapped(pid)
        assert accounts.owner(pid) == os.getuid() and accounts.parent(pid) == os.getpid()
        assert pid in watch.processes({os.getuid()})[os.getuid()]
        assert Watch(pid, Limits()).cpu_seconds() > 0
    assert proc.mapped(pid) == proc.proportional(pid) == 0


def test_what_is_no_memory_of_a_process_is_none():
    assert proc.mapped(2) == proc.proportional(2) == 0, "a thread of the kernel's own, or nobody"
    assert proc.read("no-such-file") == ""
