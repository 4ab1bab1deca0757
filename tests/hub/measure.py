"""`python -m tests.hub.measure`: what a class takes of a machine, as docs/classroom.md reckons with it; as root.

Memory is PSS, in which a page that several processes share is counted once; of a kernel the peak of what is resident.
"""

import json
import os
import pwd
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from course.hub import accounts
from tests.hub.classroom import ROOT, Classroom, classroom
from tests.hub.pages import person

RUN = """
import json, resource, sys, nbformat
from nbclient import NotebookClient
nb = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(nb, timeout=900, kernel_name="python3", allow_errors=True).execute()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""


def pss(pid: int) -> float:
    """Megabytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024


def cpu(pid: int) -> float:
    """Seconds of processor time since it started."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def show(name: str, megabytes: float, seconds: float | None = None) -> None:
    print(f"{name:<44} {megabytes:7.0f} MB" + (f" {seconds:8.1f} CPU-s" if seconds is not None else ""), flush=True)


def servers(room: Classroom) -> None:
    """The hub's own processes, and a server each for two students, with Lab open."""
    with sync_playwright() as playwright, person(playwright, room, "ada") as ada, person(playwright, room, "bob"):
        ada.page.wait_for_timeout(5000)
        start = room.process.pid
        (hub,) = (pid for pid in accounts.running({0}) if accounts.parent(pid) == start)
        for pid in (hub, *(pid for pid in accounts.running({0}) if accounts.parent(pid) == hub)):
            show(command_of(pid)[-40:], pss(pid))
        uids = {pwd.getpwnam(room.account(name)).pw_uid for name in ("ada", "bob")}
        for pid in accounts.running(uids):
            show("a student's server: " + command_of(pid)[-20:], pss(pid), cpu(pid))


def notebooks(paths: list[Path]) -> None:
    for path in paths:
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-c", RUN, str(path)], cwd=path.parent, capture_output=True, text=True)
        seconds, megabytes = json.loads(done.stdout)
        show(f"{path.parent.name}/{path.stem}", megabytes, seconds)
        print(f"{'':<44} {time.monotonic() - start:7.0f} s by the clock", flush=True)


if __name__ == "__main__":
    if "--notebooks" not in sys.argv:
        with classroom("ada", "bob") as room:
            servers(room)
    if "--servers" in sys.argv:
        sys.exit()
    notebooks([*sorted((ROOT / "lectures").glob("*.ipynb")), *sorted((ROOT / "solutions").glob("*/*.ipynb"))])
