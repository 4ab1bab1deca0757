"""The memory of each student, all processes together: looked at every second, and the largest process is ended above.

`python -m course.hub.watch` is a service of the hub, and runs as root. A control group would hold the same limit
without a second's delay; this works where there is none.
"""

import contextlib
import os
import pwd
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

from course.hub.accounts import ours, owner
from course.hub.limits import MB
from course.hub.place import Place

SECONDS = 1.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


def private_memory(pid: int) -> int:
    """Bytes that a process has for itself: resident, without files and shared memory; 0 if it is gone."""
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * _PAGE


def usage(uids: set[int]) -> dict[int, dict[int, int]]:
    """For each of these users, the private memory of each process."""
    found = defaultdict(dict)
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        uid = owner(pid)
        if uid in uids:
            found[uid][pid] = private_memory(pid)
    return found


def too_large(usage: dict[int, dict[int, int]], limit: int) -> list[tuple[int, int, int]]:
    """For each user above the limit: user, the largest process, and what all of them hold."""
    sums = {uid: sum(processes.values()) for uid, processes in usage.items()}
    return [(uid, max(usage[uid], key=usage[uid].get), total) for uid, total in sums.items() if total > limit]


def main() -> None:
    place = Place.from_environment()
    limit = place.memory_mb * MB
    while True:
        names = {pwd.getpwnam(name).pw_uid: name for name in ours(place) if name != place.teacher}
        for uid, pid, total in too_large(usage(set(names)), limit):
            print(f"{names[uid]} holds {total // MB} MB of {place.memory_mb}: its process {pid} is ended", flush=True)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(SECONDS)


if __name__ == "__main__":
    sys.exit(main())
