"""The memory of each student, all processes together: looked at every second, and above the limit a process is ended.

It is the largest one, the student's server last. `python -m course.hub.watch` is a service of the hub, and runs as
root. A control group would hold the same limit without a second's delay; this works where there is none.
"""

import contextlib
import os
import pwd
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Set

from course.hub.accounts import ours, owner, parent
from course.hub.limits import MB
from course.hub.place import Place
from course.memory import mapped, proportional

SECONDS = 1.0


def processes(uids: Set[int]) -> dict[int, list[int]]:
    """The processes of each of these users."""
    found = defaultdict(list)
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if (uid := owner(pid)) in uids:
            found[uid].append(pid)
    return found


def total(pids: list[int], limit: int) -> dict[int, int]:
    """The memory of each process, looked at closely only where they might be above the limit together."""
    quick = {pid: mapped(pid) for pid in pids}
    return {pid: proportional(pid) for pid in pids} if sum(quick.values()) > limit else quick


def to_end(held: dict[int, int], limit: int, servers: Set[int]) -> int | None:
    """Of one user's processes the one that is ended, if they are above the limit: the largest, a server last."""
    if sum(held.values()) <= limit:
        return None
    return max(held, key=lambda pid: (pid not in servers, held[pid]))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # how the hub ends its services
    place, hub = Place.from_environment(), os.getppid()
    limit = place.memory_mb * MB
    while True:
        names = {pwd.getpwnam(name).pw_uid: name for name in ours(place) if name != place.teacher}
        for uid, pids in processes(set(names)).items():
            held = total(pids, limit)
            pid = to_end(held, limit, {pid for pid in pids if parent(pid) == hub})
            if pid is None:
                continue
            print(
                f"{names[uid]} holds {sum(held.values()) // MB} MB of {place.memory_mb}: process {pid} is ended",
                flush=True,
            )
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(SECONDS)


if __name__ == "__main__":
    sys.exit(main())
