"""`course doctor`: what this computer has, a line each, with what to do about it.

Every check looks for itself: a sandbox layer is tried in a child process, a file is made in the course root.
Nothing here changes the computer or needs the network. It takes a few seconds, most of them to import torch.
"""

import ctypes
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

DISTRIBUTION = "attention-course"
OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 2_000_000_000
TRY_SECONDS = 5.0
HOME = Path(__file__).parents[2]  # the clone, or the folder that students got
INSTALL = "make setup" if (HOME / "Makefile").is_file() else "pip install -c constraints.txt -e ."

CLONE_NEWUSER = 0x10000000  # <linux/sched.h>
CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Line:
    """One finding. `remedy` says what to do; it is empty where there is nothing to do."""

    name: str
    state: Literal["ok", "warn", "fail"]
    value: str
    remedy: str = ""


def doctor(root: Path | None = None) -> list[Line]:
    """Look at Python, packages, device, sandbox layers and a course root (default: the one around this folder).

    The sandbox is the grader's affair: where the grader is not installed, as with students, it is left out.
    """
    root = course_root(Path.cwd()) if root is None else root
    grader_is_here = importlib.util.find_spec("course.grading.run") is not None
    return [
        check_python(),
        *check_packages(declared_packages(), read_pins(find_constraints(root)), installed_version),
        *check_torch(),
        *(check_sandbox() if grader_is_here else []),
        check_disk(root),
        check_writable(root),
    ]


def course_root(here: Path) -> Path:
    """The folder at or above `here` that holds nbgrader_config.py; students have none, and stay where they are."""
    return next((folder for folder in (here, *here.parents) if (folder / "nbgrader_config.py").is_file()), here)


def format_lines(lines: Iterable[Line]) -> str:
    """The findings as text, one line each, in three columns and an arrow before the remedy."""
    lines = list(lines)
    width = max((len(line.name) for line in lines), default=0)
    return "\n".join(
        f"{line.state:<4}  {line.name:<{width}}  {line.value}" + (f"  → {line.remedy}" if line.remedy else "")
        for line in lines
    )


def exit_code(lines: Iterable[Line]) -> int:
    """1 if anything fails, else 0: a warning is no failure."""
    return int(any(line.state == "fail" for line in lines))


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Line:
    """Is this Python new enough?"""
    value = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return Line("python", "fail", value, f"make a new environment with Python {oldest} or newer")
    return Line("python", "ok", value)


def declared_packages() -> list[str] | None:
    """The names that the installed course depends on, without extras; None where it is not installed."""
    try:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return [normalised(re.split(r"[^\w.-]", text, maxsplit=1)[0]) for text in requirements if "extra ==" not in text]


def installed_version(name: str) -> str | None:
    """The version without a local suffix such as `+cpu`; None where the package is missing."""
    try:
        return importlib.metadata.version(name).split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None


def find_constraints(root: Path) -> Path | None:
    """constraints.txt of the course root, or of the folder that holds this package."""
    candidates = [root / "constraints.txt", HOME / "constraints.txt"]
    return next((path for path in candidates if path.is_file()), None)


def read_pins(constraints: Path | None) -> dict[str, str]:
    """`name==version` lines as a dictionary; empty where there is no file."""
    if constraints is None:
        return {}
    pairs = re.findall(r"^([\w.-]+)==([^\s;#]+)", constraints.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {normalised(name): version for name, version in pairs}


def normalised(name: str) -> str:
    """A package name as indexes compare them: `Jinja2` and `jinja2`, `a_b` and `a-b` are one."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check_packages(
    declared: list[str] | None, pins: Mapping[str, str], version_of: Callable[[str], str | None]
) -> list[Line]:
    """A line for each package that is missing or not the tested version, and one for all the others."""
    if declared is None:
        return [Line("packages", "fail", "the course is not installed in this Python", INSTALL)]
    lines, as_tested = [], []
    for name in declared:
        found, pinned = version_of(name), pins.get(name)
        if found is None:
            lines.append(Line(name, "fail", "missing", INSTALL))
        elif pinned is None:
            lines.append(Line(name, "warn", f"{found}, no tested version is known", "compare with constraints.txt"))
        elif found != pinned:
            remedy = f"pip install {name}=={pinned}"
            lines.append(Line(name, "warn", f"{found}, tested with {pinned}", remedy))
        else:
            as_tested.append(f"{name} {found}")
    if as_tested:
        lines.insert(0, Line("packages", "ok", f"{len(as_tested)} as tested: {', '.join(as_tested)}"))
    return lines


def check_torch() -> list[Line]:
    """The device that tensors will live on, and the threads of one process."""
    try:
        import torch
    except Exception as error:  # a broken wheel raises OSError as readily as ImportError
        return [Line("device", "fail", f"torch does not import: {error}", INSTALL)]
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        device = f"cuda: {properties.name}, {properties.total_memory / 1e9:.0f} GB"
    elif torch.backends.mps.is_available():
        device = "mps: the GPU of this Mac"
    else:
        device = "cpu: no GPU was found, and the course needs none"
    threads = f"{torch.get_num_threads()} in torch, {usable_cores()} cores usable"
    return [Line("device", "ok", device), Line("threads", "ok", threads)]


def usable_cores() -> int:
    """Cores that this process may run on: a container or a batch system may allow fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_sandbox() -> list[Line]:
    """The layers that a sandbox could be built from, and whether one is in force."""
    honest = Line(
        "sandbox",
        "warn",
        "not in force yet: submitted code runs in a process of its own, under this account",
        "grade submissions from strangers on a machine that may be thrown away",
    )
    return [honest, check_namespaces(), check_bubblewrap(), check_cgroup()]


def check_namespaces() -> Line:
    """Can an ordinary process make a user namespace, and a network namespace inside it?"""
    name = "namespaces"
    if platform.system() != "Linux":
        return Line(name, "warn", f"{platform.system()} has none", "a sandbox will need Linux")
    code = "from course.grading.doctor import try_namespaces; try_namespaces()"
    problem = try_command([sys.executable, "-c", code])
    if problem is None:
        return Line(name, "ok", "user and network namespaces can be made")
    return Line(name, "warn", f"refused: {problem}", namespace_remedy())


def try_namespaces() -> None:
    """Make both namespaces in this process, for good; raises OSError where that is refused.

    The second call needs rights that the first one gives: some systems allow a user namespace without rights.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for flag, what in ((CLONE_NEWUSER, "a user namespace"), (CLONE_NEWNET, "a network namespace")):
        if libc.unshare(flag):
            raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def namespace_remedy(proc: Path = Path("/proc/sys")) -> str:
    """The switch that stands in the way, as far as the kernel tells."""
    switches = {
        "kernel/unprivileged_userns_clone": ("0", "sudo sysctl kernel.unprivileged_userns_clone=1"),
        "user/max_user_namespaces": ("0", "sudo sysctl user.max_user_namespaces=10000"),
        "kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    }
    for path, (blocking, remedy) in switches.items():
        switch = proc / path
        if switch.is_file() and switch.read_text().strip() == blocking:
            return remedy
    return "a container often forbids them: allow them there, or grade outside it"


def check_bubblewrap() -> Line:
    """Is bubblewrap here, and does it run?"""
    name = "bubblewrap"
    program = shutil.which("bwrap")
    if program is None:
        return Line(name, "warn", "not installed", "Debian and Ubuntu: sudo apt-get install bubblewrap")
    problem = try_command([program, "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", "true"])
    if problem is not None:
        return Line(name, "warn", f"{program} does not run: {problem}", "see the line on namespaces")
    return Line(name, "ok", f"{program} runs")


def check_cgroup(mount: Path = Path("/sys/fs/cgroup")) -> Line:
    """Is the unified hierarchy (cgroup v2) mounted, with the controllers that limit memory and processes?"""
    controllers = mount / "cgroup.controllers"
    name, needed = "cgroup v2", {"memory", "pids"}
    remedy = "limits per process will do; a kernel started with systemd.unified_cgroup_hierarchy=1 has it"
    if not controllers.is_file():
        return Line(name, "warn", f"the unified hierarchy is not mounted at {mount}", remedy)
    missing = needed - set(controllers.read_text().split())
    if missing:
        return Line(name, "warn", f"mounted, without {' and '.join(sorted(missing))}", remedy)
    return Line(name, "ok", "mounted, with memory and pids")


def try_command(command: list[str]) -> str | None:
    """Run a command for its exit status: None if it succeeds, else why not, in one line."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TRY_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {TRY_SECONDS:.0f} s"
    except OSError as error:
        return error.strerror or str(error)
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]


def check_disk(root: Path) -> Line:
    """Room for environments, submissions and reports."""
    free = shutil.disk_usage(root).free
    value = f"{free / 1e9:.1f} GB free under {root}"
    if free < LEAST_FREE_BYTES:
        return Line("disk", "warn", value, f"free some: a class needs {LEAST_FREE_BYTES / 1e9:.0f} GB")
    return Line("disk", "ok", value)


def check_writable(root: Path) -> Line:
    """Can a file be made in the course root? Tried, since permission bits do not tell of read-only mounts."""
    try:
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        remedy = f"make {root} writable, or write elsewhere with --out"
        return Line("write", "fail", f"{root}: {error.strerror}", remedy)
    return Line("write", "ok", f"files can be made in {root}")
