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
from collections.abc import Set

from course.hub.accounts import ours, parent, processes
from course.hub.limits import MB
from course.hub.place import Place
from course.proc import mapped, proportional

SECONDS = 1.0


def total(pids: list[int], limit: int) -> dict[int, int]:
    """The memory of each process, looked at closely only where they might be above the limit together."""
    quick = {pid: mapped(pid) for pid in pids}
    return {pid: proportional(pid) for pid in pids} if sum(quick.values()) > limit else quick


def to_end(held: dict[int, int], limit: int, servers: Set[int]) -> int | None:
    """Of one user's processes the one that is ended, if they are above the limit: the largest, a server last."""
    if sum(held.values()) <= limit:
        return None
    return max(held, key=lambda pid: (pid not in servers, held[pid]))


def look(name: str, pids: list[int], memory_mb: int, hub: int) -> None:
    """End one of a user's processes if they are above the limit, and say so."""
    held = total(pids, memory_mb * MB)
    pid = to_end(held, memory_mb * MB, {pid for pid in pids if parent(pid) == hub})
    if pid is not None:
        print(f"{name} holds {sum(held.values()) // MB} MB of {memory_mb}: process {pid} is ended", flush=True)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def look_at_all(place: Place, hub: int) -> None:
    """Look at each student; what goes wrong with one, by a trick of theirs even, leaves the others watched."""
    names = {pwd.getpwnam(name).pw_uid: name for name in ours(place) if name != place.teacher}
    for uid, pids in processes(set(names)).items():
        try:
            look(names[uid], pids, place.memory_mb, hub)
        except Exception as error:
            print(f"{names[uid]} could not be watched this time: {error!r}", flush=True)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # how the hub ends its services
    place, hub = Place.from_environment(), os.getppid()
    while True:
        look_at_all(place, hub)
        time.sleep(SECONDS)


if __name__ == "__main__":
    sys.exit(main())
