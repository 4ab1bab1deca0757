"""A control group (cgroup v2) around a student process, where the system lets the grader make one.

The kernel then holds memory and processes to their limits as a whole, and at once; elsewhere the limits of each process
and the watch (watch.py) do. Which it is, `course doctor` says.
"""

import contextlib
import itertools
import os
import time
from functools import lru_cache
from pathlib import Path

from course.grading.limits import MB, Limits

MOUNT = Path("/sys/fs/cgroup")
NEEDED = {"memory", "pids"}
_numbers = itertools.count()


def parent(mount: Path = MOUNT, own: Path = Path("/proc/self/cgroup")) -> Path | None:
    """A group in which this process may make groups with limits: the one that its own lies in, or the topmost."""
    try:
        place = next(line[3:].strip() for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    return next((group for group in ((mount / place.lstrip("/")).parent, mount) if _is_usable(group)), None)


def _is_usable(group: Path) -> bool:
    try:
        handed_down = set((group / "cgroup.subtree_control").read_text().split())
    except OSError:
        return False
    return handed_down >= NEEDED and os.access(group, os.W_OK) and os.access(group / "cgroup.procs", os.W_OK)


@lru_cache(maxsize=1)
def _parent() -> Path | None:
    return parent()


class Cgroup:
    """The group of one process and all that it starts. `close` ends them and removes it."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def around(cls, pid: int, limits: Limits, within: Path | None = None) -> "Cgroup | None":
        """Put a process into a new group with these limits; None where that can't be."""
        within = within or _parent()
        if within is None:
            return None
        group = cls(within / f"course-{os.getpid()}-{next(_numbers)}")
        try:
            group.path.mkdir()
            group._write("memory.max", limits.memory_mb * MB)
            group._write("pids.max", limits.processes)
            with contextlib.suppress(OSError):  # not there where swap is not counted
                group._write("memory.swap.max", 0)
            group._write("cgroup.procs", pid)
        except OSError:
            group.close()
            return None
        return group

    def close(self, seconds: float = 2.0) -> None:
        """End what is in it, and remove it once that is gone."""
        end = time.monotonic() + seconds
        with contextlib.suppress(OSError):
            self._write("cgroup.kill", 1)
        while time.monotonic() < end:
            try:
                self.path.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.002)

    def _write(self, name: str, value: int) -> None:
        (self.path / name).write_text(str(int(value)))
