"""The sandbox's self-test: a harmless answer tries what a hostile one would, and the judge looks from outside.

It goes the way of any answer, through the zygote and the border, and runs before the first submission is judged.
"""

import os
from pathlib import Path

from course.grading.border import Border
from course.grading.layers import Layer
from course.grading.limits import Limits
from course.grading.proxies import NotConfined, StudentError, StudentGone, StudentTimeout
from course.grading.sandbox import ENVIRONMENT, PACKAGE
from course.grading.warm import connect, environment

NAMESPACES = ("user", "mnt", "pid", "net", "ipc", "uts")
# Small ones, so that reaching them takes no time.
TRIED_LIMITS = Limits(memory_mb=64, processes=8, open_files=32, file_mb=1, tmp_mb=2, tmp_files=16)
SECONDS = 10


def self_test(zygote: Path) -> list[Layer]:
    """Every layer, tried in one student process of this zygote."""
    try:
        border = Border(connect(zygote), SECONDS, limits=TRIED_LIMITS, without_gpu=True)
    except (NotConfined, OSError) as error:
        return [Layer("namespaces", "", str(error))]
    try:
        namespaces = _namespaces(border.pid)
        border.run([("<probe>", PROBE)])
        found = border.proxy("probe", "function")(_hidden_paths(), str(PACKAGE.parent), KNOWN_VARIABLES)
    except (StudentError, StudentGone, StudentTimeout) as error:
        return [Layer("self-test", "", f"the probe stopped: {error}")]
    finally:
        border.close()
    return [namespaces, *(Layer(name, holds, str(found.get(name, "not tried"))) for name, holds in HOLDS.items())]


# Ours, and those that the shell's absence and torch add.
KNOWN_VARIABLES = [*ENVIRONMENT, *environment(), "PWD", "LC_CTYPE", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"]
HOLDS = {
    "files": "read-only root without solutions, tests, stand-ins or submissions; private /tmp and home",
    "processes": "sees no other process",
    "network": "none, not even loopback",
    "rights": "a user of its own without capabilities, no new privileges, no namespaces of its own",
    "system calls": "none that give memory beyond the limits or look into other processes",
    "environment": "none of the grader's variables",
    "limits": "on memory, processes, open files, file size, the size and number of files in /tmp",
}


def _namespaces(pid: int | None) -> Layer:
    """From outside: is the student process in none of our namespaces?"""
    holds = f"{', '.join(NAMESPACES)}: each its own"
    try:
        shared = [
            name for name in NAMESPACES if os.readlink(f"/proc/{pid}/ns/{name}") == os.readlink(f"/proc/self/ns/{name}")
        ]
    except OSError as error:
        return Layer("namespaces", holds, f"can't be looked at ({error.strerror})")
    return Layer("namespaces", holds, f"shared with the grader: {', '.join(shared)}" if shared else "")


def _hidden_paths() -> list[str]:
    """What no student process may find: the course's folders, wherever they lie in the grader's own view."""
    root = PACKAGE.parent
    paths = [root / name for name in ("solutions", "tests", "submitted", "gradebook.db", ".grading", ".git")]
    rooms = [PACKAGE / name for name in ("given", "models", "grading/judge.py", "cli.py")]
    inside = [Path("/opt/source/course", *path.relative_to(PACKAGE).parts) for path in rooms]
    return [str(path) for path in (*paths, *rooms, *inside)]


PROBE = '''
def probe(hidden, root, known):
    """Tries what it must not be able to do; a finding is "" where it could not."""
    import ctypes, errno, os, socket, subprocess, sys, time

    found = {}

    def status(name):
        return next(line.split()[1] for line in open("/proc/self/status") if line.startswith(name + ":"))

    def writable(folder):
        try:
            with open(folder + "/probe", "w"):
                pass
            os.remove(folder + "/probe")
            return True
        except OSError:
            return False

    seen = [path for path in hidden if os.path.exists(path)]
    open_to_writing = [folder for folder in ("/", "/usr", "/dev", "/opt/source", sys.prefix, root) if writable(folder)]
    found["files"] = (
        f"{seen[0]} is visible" if seen
        else f"{open_to_writing[0]} is writable" if open_to_writing
        else "" if writable("/tmp") and writable(os.path.expanduser("~")) and writable("/dev/shm")
        else "/tmp, home or /dev/shm is not writable"
    )

    others = [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]
    found["processes"] = f"{len(others)} others are visible" if others or os.getpid() != 1 else ""

    interfaces = [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line]
    with socket.socket() as sock:
        answer = sock.connect_ex(("127.0.0.1", 9))
    found["network"] = (
        f"interfaces: {', '.join(interfaces)}" if interfaces != ["lo"]
        else "" if answer == errno.ENETUNREACH else "loopback is up"
    )

    libc = ctypes.CDLL(None, use_errno=True)
    found["rights"] = (
        "it has capabilities" if int(status("CapEff"), 16) or int(status("CapBnd"), 16)
        else "privileges may be gained" if status("NoNewPrivs") != "1"
        else "it is root" if os.getuid() == 0 or open("/proc/self/uid_map").read().split()[1] == "0"
        else "it can make a user namespace" if libc.unshare(0x10000000) == 0
        else ""
    )

    def refused(action):
        try:
            return action() == -1
        except OSError as error:
            return error.errno == errno.EPERM

    calls = {
        "memfd_create": lambda: os.memfd_create("probe"),
        "shmget": lambda: libc.shmget(0, 4096, 0o1600),
        "ptrace": lambda: libc.ptrace(0, 0, 0, 0),
    }
    allowed = [name for name, action in calls.items() if not refused(action)]
    found["system calls"] = f"{', '.join(allowed)} is allowed" if allowed else ""

    strange = sorted(set(os.environ) - set(known))
    found["environment"] = f"{strange[0]} is set" if strange else ""

    def stopped(action):
        try:
            action()
        except (OSError, MemoryError):
            return True
        return False

    def files():
        for number in range(64):
            open(f"/tmp/{number}", "w").close()

    def many_open():
        kept = [open("/dev/null") for _ in range(64)]

    def space():
        for number in range(4):
            with open(f"/tmp/home/{number}", "wb") as file:
                file.write(bytes(900_000))

    def large_file():
        with open("/tmp/large", "wb") as file:
            file.write(bytes(1_500_000))
            file.flush()

    def children():
        pids = []
        try:
            for _ in range(16):
                pid = os.fork()
                if pid == 0:
                    time.sleep(60)
                    os._exit(0)
                pids.append(pid)
        finally:
            for pid in pids:
                os.kill(pid, 9)
                os.waitpid(pid, 0)

    tries = {
        "a file's size": large_file,
        "the size of /tmp": space,
        "the number of files in /tmp": files,
        "open files": many_open,
        "memory": lambda: bytearray(200_000_000),
        "processes": children,
    }
    missing = [name for name, action in tries.items() if not stopped(action)]
    found["limits"] = f"none on {', '.join(missing)}" if missing else ""
    return found
'''
