"""A fence around the notebooks that `course ci` runs: as when they are graded, there is no network and no environment.

It is lighter than the grader's sandbox (sandbox.py): here people run their own code, on a machine that is theirs for
the moment. What it keeps apart is their code and the runner: files outside of their notebook's folder can be read and
not written, and nothing in here knows where a job's summary, outputs or tokens are.
"""

import functools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from course.errors import CourseError
from course.grading.doctor import Line
from course.grading.sandbox import bubblewrap, plain_environment, remedy

HOME = Path(__file__).parents[2]
SECONDS = 30
ELSEWHERE = "/var/tmp"  # a folder that everybody may write to, and that no fence has an own one of
# Variables that make a run faster or quieter, and tell nothing.
HARMLESS = ("OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "PIP_DISABLE_PIP_VERSION_CHECK")
# Tried inside before it is relied on: prints what it could do, a word each.
PROBE = """
import os, socket, sys
def could(action):
    try:
        action()
    except OSError:
        return False
    return True
try:
    loose = ["network"] if set(dict(socket.if_nameindex()).values()) - {"lo"} else []
    loose += ["environment"] if any(name.startswith(("GITHUB_", "ACTIONS_", "RUNNER_")) for name in os.environ) else []
    loose += ["files"] if could(lambda: open(sys.argv[1], "r+").close()) else []
    loose += ["services"] if os.listdir("/run") else []  # their sockets: a session's bus, docker's
    loose += ["rights"] if int(open("/proc/self/status").read().split("CapEff:")[1].split()[0], 16) else []
    loose += ["processes"] if sum(name.isdigit() for name in os.listdir("/proc")) > 2 else []  # bubblewrap and this
    print("tried", *loose)
except Exception as error:
    print("stopped:", error)
"""


def fence_environment() -> dict[str, str]:
    """What a notebook's process finds in its environment, fenced or not: no token, no path of the runner's files."""
    kept = {name: os.environ[name] for name in HARMLESS if name in os.environ}
    return plain_environment() | kept


def fenced(command: list[str], readable: Iterable[Path] = (), writable: Iterable[Path] = ()) -> list[str]:
    """The command behind the fence; CourseError without bubblewrap.

    readable: folders that it needs, though they may lie in /tmp, which it has its own of. writable: folders in which
    it may make files.
    """
    inside = fence_environment() | {"HOME": "/tmp", "TMPDIR": "/tmp"}
    needed = [Path(sys.prefix), Path(sys.base_prefix), HOME, *readable]
    return [
        bubblewrap(),
        "--unshare-net", "--unshare-pid", "--unshare-ipc", "--new-session", "--die-with-parent", "--cap-drop", "ALL",
        *(() if os.geteuid() == 0 else ("--unshare-user",)),
        "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/run",
        *(word for path in map(str, needed) for word in ("--ro-bind", path, path)),
        *(word for path in map(str, writable) for word in ("--bind", path, path)),
        "--clearenv", *(word for item in inside.items() for word in ("--setenv", *item)),
        "--", *command,
    ]  # fmt: skip


@functools.cache
def problem() -> str:
    """Why there can be no fence here, with what to do; "" where one was tried and holds."""
    try:
        with tempfile.NamedTemporaryFile(dir=ELSEWHERE, prefix="course-fence-") as file:
            tried = subprocess.run(
                fenced([sys.executable, "-c", PROBE, file.name]),
                capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL,
            )  # fmt: skip
    except CourseError as error:
        return str(error)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it could not be tried ({error})"
    word, *loose = tried.stdout.split() or ["refused"]
    if word != "tried":
        said = (tried.stderr or tried.stdout).strip().splitlines() or ["it said nothing"]
        return f"{said[-1][:120]}: {remedy()}"
    return f"it does not hold for {', '.join(loose)}" if loose else ""


def check_fence() -> Line:
    """The fence's line in `course doctor` of a student's copy."""
    if reason := problem():
        what, _, how = reason.partition(": ")
        return Line("fence", "warn", f"`course ci` runs notebooks without one: {what}", how)
    return Line("fence", "ok", "`course ci` runs notebooks without a network, and away from other files and processes")
