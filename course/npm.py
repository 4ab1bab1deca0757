"""What pages load in a browser, fetched by npm: once, to a folder; afterwards no network is needed."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from course.errors import CourseError

INSTALL = ("install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")


def fetch(package: Path, needed: Sequence[str], cache: Path, what: str) -> Path:
    """Have npm install what a package.json names in `cache`, unless it is there, and return its node_modules.

    Args:
        package: the package.json, with pinned versions.
        needed: paths inside node_modules, without which the installation is not whole.
        cache: the folder in which npm works.
        what: what is fetched, in words, for whoever has no npm.

    Raises:
        CourseError (exit code 1): npm is missing, or fails.
    """
    modules, stamp = cache / "node_modules", cache / ".installed"
    if _is_whole(modules, needed) and stamp.exists() and stamp.read_bytes() == package.read_bytes():
        return modules
    npm = shutil.which("npm")
    if npm is None:
        raise CourseError(f"npm is missing, which fetches {what} once: install Node.js (nodejs.org).", 1)
    cache.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    shutil.copyfile(package, cache / "package.json")
    done = subprocess.run([npm, *INSTALL], cwd=cache, capture_output=True, text=True)
    if done.returncode or not _is_whole(modules, needed):
        raise CourseError(f"npm could not fetch {what} ({last_word(done.stderr)}); is there a network?", 1)
    shutil.copyfile(package, stamp)
    return modules


def copy(modules: Path, needed: Sequence[str], out: Path) -> None:
    """Copy files and folders of node_modules to `out`, in place of what was there."""
    shutil.rmtree(out, ignore_errors=True)
    for name in needed:
        source, target = modules / name, out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)


def last_word(log: str) -> str:
    """The line of npm's log that says what happened: the first that isn't a bare code."""
    lines = [line.removeprefix("npm error ").strip() for line in log.splitlines() if line.startswith("npm error ")]
    telling = [line for line in lines if " " in line and not line.startswith(("code ", "errno ", "A complete log"))]
    return (telling or lines or ["no reason given"])[0]


def _is_whole(modules: Path, needed: Sequence[str]) -> bool:
    return all((modules / name).exists() for name in needed)
