"""`course doctor`: what this computer has, a line each, with what to do about it.

Every check looks for itself: a file is made in the course root, a sandbox layer is tried (sandbox_doctor.py).
Nothing here changes the computer or needs the network. It takes a few seconds, most of them to import torch.
"""

import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

DISTRIBUTION = "attention-course"
OLDEST_PYTHON = (3, 11)
NAMED = 3  # of the packages that are as they should be, so many by name
LEAST_FREE_BYTES = 2_000_000_000
HOME = Path(__file__).parents[2]  # the clone, or the folder that students got
INSTALL = "make setup" if (HOME / "Makefile").is_file() else "pip install -c constraints.txt -e ."


@dataclass(frozen=True)
class Line:
    """One finding. `remedy` says what to do; it is empty where there is nothing to do."""

    name: str
    state: Literal["ok", "warn", "fail"]
    value: str
    remedy: str = ""


def doctor(root: Path | None = None, sandbox: Iterable[Line] = ()) -> list[Line]:
    """Look at Python, packages, device and a course root (default: the one around this folder).

    sandbox: what is to be said of it (`sandbox_doctor`). It is the grader's affair: students have none.
    """
    root = course_root(Path.cwd()) if root is None else root
    return [
        check_python(),
        *check_packages(declared_packages(), read_pins(find_constraints(root)), installed_version),
        *check_torch(),
        *sandbox,
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
    """A line for each package that is missing or not the tested version, and one that counts the others."""
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
        shown = ", ".join(as_tested[:NAMED]) + (", …" if len(as_tested) > NAMED else "")
        lines.insert(0, Line("packages", "ok", f"{len(as_tested)} as in constraints.txt: {shown}"))
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
