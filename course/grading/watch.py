"""Watches a student process from outside: the processor time, memory and processes of its whole process namespace.

The kernel's limits hold for each process alone; an answer may start many. All that it starts descends from the first
process of its namespace and can't leave it, so the sum over the descendants misses nobody.
"""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from course import proc
from course.grading.limits import MB, Limits

CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: struct ucred of <sys/socket.h>


def ask_for_credentials(sock: socket.socket) -> Callable[[float], int | None]:
    """Have the kernel say who sends on a socket. Returns a function that waits for the first byte, until a time of
    the monotonic clock, and gives the sender's pid as this process sees it; None on systems without this.

    Raises, when waiting: OSError, EOFError if nothing comes.
    """
    passes = getattr(socket, "SO_PASSCRED", None)
    if passes is None:
        return lambda deadline: None
    sock.setsockopt(socket.SOL_SOCKET, passes, 1)

    def wait(deadline: float) -> int | None:
        sock.settimeout(max(0.1, deadline - time.monotonic()))
        try:
            data, ancillary, _, _ = sock.recvmsg(1, socket.CMSG_SPACE(CREDENTIALS.size), socket.MSG_PEEK)
        finally:
            sock.settimeout(None)
        if not data:
            raise EOFError
        for level, kind, body in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                return CREDENTIALS.unpack(body[: CREDENTIALS.size])[0] or None
        return None

    return wait


def set_send_deadline(sock: socket.socket, seconds: float) -> None:
    """Have sending on a blocking socket end with an OSError once nobody has read for so long."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", max(1, int(seconds)), 0))


class Watch:
    """What the process `pid` and its descendants use, against their limits."""

    def __init__(self, pid: int, limits: Limits):
        self._pid = pid
        self._limits = limits
        self._shared = proc.mapped(pid)  # what it shares with the zygote it was forked from

    def cpu_seconds(self) -> float:
        """Processor time of all of them, and of those that they have waited for."""
        ticks = sum(map(_ticks, self._processes()))
        return ticks / os.sysconf("SC_CLK_TCK")

    def excess(self) -> str | None:
        """What is beyond its limit, in words, or None."""
        pids = list(self._processes())
        if len(pids) > self._limits.processes:
            return f"the answer started more than {self._limits.processes} processes"
        limit = self._limits.memory_mb * MB
        # Pages that are shared count for each process here: only a sum that looks too large is worth a closer look.
        if self._beyond(proc.mapped, pids) > limit and self._beyond(proc.proportional, pids) > limit:
            return f"the answer used more than {self._limits.memory_mb:g} MB of memory"
        return None

    def _beyond(self, measure: Callable[[int], int], pids: list[int]) -> int:
        return sum(map(measure, pids)) - self._shared

    def _processes(self) -> Iterator[int]:
        """The process and its descendants."""
        waiting = [self._pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting.extend(map(int, proc.read(path).split()))


def _ticks(pid: int) -> int:
    fields = proc.read(f"{pid}/stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))
