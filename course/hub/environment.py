"""The Python that everyone's notebooks run with: this virtual environment, where every account can read it.

Files are linked where the file system allows, so it takes seconds and next to no room. The teachers' `course` is left
out of it; in its place stands the one that students get. The debugger is left out too: it listens on a port of the
machine, and runs what anybody sends there as the account that debugs.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from course.errors import CourseError

# What leads to the teachers' copy of the course, and the debugger; ipykernel does without it.
LEFT_OUT = ("__editable__*attention_course*", "__pycache__/__editable__*attention_course*", "debugpy", "debugpy-*")
STAMP = ".made-of"
_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def build(environment: Path, release: Path) -> bool:
    """Make the environment, unless it is there and of the same packages; True if it was made.

    Raises:
        CourseError: this Python can't be run by other accounts, and no other of its version is at hand.
    """
    python = public_python()
    made_of = _fingerprint(python, release)
    stamp = environment / STAMP
    if stamp.is_file() and stamp.read_text() == made_of:
        return False
    new = environment.with_name("environment.new")
    shutil.rmtree(new, ignore_errors=True)
    _copy(Path(sys.prefix), new)
    packages = new / "lib" / f"python{_VERSION}" / "site-packages"
    for pattern in LEFT_OUT:
        for path in packages.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (packages / "course.pth").write_text(f"{release}\n")
    _settle(new, environment, python)
    (new / STAMP).write_text(made_of)
    shutil.rmtree(environment, ignore_errors=True)
    new.rename(environment)
    return True


def public_python() -> Path:
    """A Python of this version that every account may run: the one that made this environment, or the system's."""
    names = (f"/usr/bin/python{_VERSION}", f"/usr/local/bin/python{_VERSION}", "/usr/bin/python3")
    for path in map(Path, (os.path.realpath(sys.executable), *names)):
        if path.is_file() and is_open(path.resolve()) and _version_of(path) == _VERSION:
            return path
    raise CourseError(
        f"accounts of a class can't run {os.path.realpath(sys.executable)}, which lies in a closed folder, and "
        f"there is no python{_VERSION} in /usr/bin: make the environment anew with a Python for all, rm -rf .venv; "
        "make setup PYTHON=/usr/bin/python3"
    )


def is_open(path: Path) -> bool:
    """May every account read this, and pass all folders above it?"""
    return bool(path.stat().st_mode & 0o004) and all(folder.stat().st_mode & 0o001 for folder in path.parents)


def _version_of(python: Path) -> str:
    """Its version, asked without what it may have installed, and only if it can do what servers need."""
    code = "import sys, ssl, sqlite3, ctypes; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([str(python), "-I", "-S", "-c", code], capture_output=True, text=True)
    return done.stdout.strip()


def _fingerprint(python: Path, release: Path) -> str:
    """Which packages in which versions, of what Python, from where."""
    packages = Path(sys.prefix, "lib", f"python{_VERSION}", "site-packages")
    names = sorted(path.name for path in packages.glob("*.dist-info"))
    code = Path(__file__).read_bytes()
    return hashlib.sha256("\n".join([str(python), str(release), sys.prefix, *names]).encode() + code).hexdigest() + "\n"


def _copy(source: Path, target: Path) -> None:
    """Copy a tree: links to the same files on one file system, files of their own otherwise. All may read them."""
    same = source.stat().st_dev == target.parent.stat().st_dev
    command = ["cp", "--archive", *(["--link"] if same else []), str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CourseError(f"the environment can't be copied to {target}: {done.stderr.strip().splitlines()[-1]}", 1)
    subprocess.run(["chmod", "--recursive", "a+rX,go-w", str(target)], check=True)


def _settle(new: Path, environment: Path, python: Path) -> None:
    """Make the copy know its place: its interpreter, and the first lines of its scripts."""
    old = sys.prefix.encode()
    for script in (new / "bin").iterdir():
        if script.is_symlink():
            script.unlink()
            continue
        content = script.read_bytes()
        if content.startswith(b"#!") and old in content:
            script.unlink()  # another file has the same content by a link, and must keep it
            script.write_bytes(re.sub(re.escape(old) + rb"(?=/bin/python)", str(environment).encode(), content))
            script.chmod(0o755)
    for name in ("python", "python3", f"python{_VERSION}"):
        with contextlib.suppress(FileExistsError):
            (new / "bin" / name).symlink_to(python if name == "python" else "python")
    settings = new / "pyvenv.cfg"
    settings.unlink()
    settings.write_text(f"home = {python.parent}\ninclude-system-site-packages = false\n")
