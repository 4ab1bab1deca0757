"""What a student process does to itself before it hears of the answer: namespaces, a private /tmp, limits, no rights.

It is the first process of its own process namespace, so when it ends, all that it started ends. The steps are in the
order in which the kernel allows them; one that is refused is an OSError that names it, and no answer is run.
"""

import contextlib
import ctypes
import os
import platform
import resource
import secrets
import signal
from pathlib import Path

from course.grading import seccomp
from course.grading.limits import MB, Limits

# <linux/sched.h>, <sys/mount.h>, <sys/prctl.h>, <linux/capability.h>
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 4, 24, 38
LAST_CAPABILITY = 63
CAPABILITY_VERSION_3 = 0x20080522
INSIDE_UID = 1000  # what the answer sees itself as

CLONE_CALLS = {"x86_64": 56, "aarch64": 220}  # <asm/unistd.h>

_libc = ctypes.CDLL(None, use_errno=True)
_python = ctypes.PyDLL(None, use_errno=True)  # does not let go of the interpreter's lock
_python.PyOS_BeforeFork.restype = _python.PyOS_AfterFork_Child.restype = _python.PyOS_AfterFork_Parent.restype = None
_python.syscall.restype = ctypes.c_long
_python.syscall.argtypes = [ctypes.c_long] * 6


def fork_into_new_pid_namespace() -> int:
    """os.fork, but the child is process 1 of a namespace of its own.

    unshare and fork would do it once: an ordinary user's process may not come back for the next child. So this is the
    system call itself, between the calls that os.fork makes around it. The C library keeps the number of its thread,
    which only its own fork renews: here both are number 1, since the zygote is process 1 of its namespace.

    Raises:
        OSError: it was refused.
    """
    _python.PyOS_BeforeFork()
    pid = _python.syscall(CLONE_CALLS[platform.machine()], CLONE_NEWPID | signal.SIGCHLD, 0, 0, 0, 0)
    number = ctypes.get_errno()
    if pid == 0:
        _python.PyOS_AfterFork_Child()
    else:
        _python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(number, f"a process namespace: {os.strerror(number)}")
    return pid


class Confinement:
    """Made once in the zygote, used once in each child; what is shared with the zygote doesn't count as the child's."""

    def __init__(self) -> None:
        self._baseline = private_bytes()
        self._uids = unused_uids(Path("/proc/self/uid_map").read_text()) if os.geteuid() == 0 else None

    def confine(self, limits: Limits, cpu_seconds: float) -> None:
        """Take away from this process everything that an answer does not need, for good.

        Raises:
            OSError: a step was refused.
        """
        _call("unshare", CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS, what="namespaces")
        _private_folders(limits)
        _set_limits(limits, cpu_seconds, self._baseline)
        _become_nobody(secrets.choice(self._uids) if self._uids else None)
        _drop_rights()


def unused_uids(uid_map: str) -> range | None:
    """User ids that no file should belong to, from the upper end of those that this namespace has; None if it has one.

    uid_map: the text of /proc/self/uid_map.
    """
    first, _, count = map(int, uid_map.splitlines()[-1].split())
    end = min(first + count, 2_000_000_000)
    return range(max(first + 1, end - 1_000_000), end) if end - first > 1 else None


def _private_folders(limits: Limits) -> None:
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    _mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    options = f"size={limits.tmp_mb * MB},nr_inodes={limits.tmp_files},mode=1777"
    _mount("tmp", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, options)
    for folder in ("/tmp/home", "/tmp/shm"):
        os.mkdir(folder)
        os.chmod(folder, 0o777)
    _mount("/tmp/shm", "/dev/shm", None, MS_BIND)
    Path("/proc/self/oom_score_adj").write_text("1000")  # where memory runs out, this goes and not the grader
    os.chdir("/tmp/home")
    os.umask(0o022)


def _set_limits(limits: Limits, cpu_seconds: float, baseline: int) -> None:
    limit_process(limits, cpu_seconds)
    for what, value in (
        (resource.RLIMIT_DATA, baseline + limits.memory_mb * MB),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_MEMLOCK, 64_000),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(what, (value, value))


def limit_process(limits: Limits, cpu_seconds: float) -> None:
    """The limits that any system has, for each process; what all use together is watched from outside (watch.py)."""
    for what, value in (
        (resource.RLIMIT_CPU, int(cpu_seconds) + 2),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, limits.file_mb * MB),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (value, value))


def _become_nobody(uid: int | None) -> None:
    """A user of its own: one that no file belongs to where the grader is root, in a user namespace in any case."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        _call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0, what="own files under /proc")
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER, what="a user namespace")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INSIDE_UID} {outside_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{INSIDE_UID} {outside_gid} 1")
    # With namespaces of its own it could mount folders without limits.
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def _drop_rights() -> None:
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, what="no new privileges")
    for capability in range(LAST_CAPABILITY + 1):
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # beyond the last that this kernel knows: EINVAL
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)(), what="no capabilities")
    seccomp.refuse()


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    words = [word.encode() if word else None for word in (source, target, kind)]
    _call("mount", *words, ctypes.c_ulong(flags), options.encode() if options else None, what=f"a mount at {target}")


def _call(function: str, *arguments: object, what: str) -> None:
    if getattr(_libc, function)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def private_bytes() -> int:
    """What this process has mapped for itself alone, in bytes: the measure of RLIMIT_DATA. 0 where nobody tells."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024
    return 0
