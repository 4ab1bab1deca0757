"""The teacher's course: copied from this checkout, renewed with it, and never at the cost of the teacher's work.

What was last put there is remembered by digest. A file that is still as it was put is replaced by a newer one; one
that the teacher edited stays, and is named.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from course.hub.accounts import acting_as

# What a teacher needs: no tests, no environment. Submissions and gradebook are made there.
PARTS = (
    "course", "solutions", "assignments", "lectures", "docs", "nbgrader_config.py", "course.toml", "pyproject.toml",
    "constraints.txt", "README.md", "CHANGELOG.md", "CREDITS.md", "LICENSE", "LICENSE-PROSE",
)  # fmt: skip
LEFT_OUT = {"__pycache__", ".ipynb_checkpoints"}


def renew(root: Path, course: Path, memory: Path, teacher: str) -> tuple[dict[str, str], list[str]]:
    """Bring the teacher's course up to date with ROOT.

    Returns:
        The digests to remember (`remember` writes them to `memory`), and the files that stay because they were edited.
    """
    last = json.loads(memory.read_text()) if memory.is_file() else {}
    now, kept = {}, []
    for path in files(root):
        name, content = str(path.relative_to(root)), path.read_bytes()
        now[name] = digest(content)
        with acting_as(teacher):
            there = _read(course / name)
            if there is not None and digest(there) not in (last.get(name), now[name]):
                if now[name] != last.get(name):
                    kept.append(name)
            elif there is None or digest(there) != now[name]:
                (course / name).parent.mkdir(parents=True, exist_ok=True)
                _write(course / name, content)
    with acting_as(teacher):
        for name in last.keys() - now.keys():
            there = _read(course / name)
            if there is not None and digest(there) == last[name]:
                (course / name).unlink()
    return now, sorted(kept)


def remember(digests: dict[str, str], memory: Path) -> None:
    """Write down what was put into the teacher's course."""
    new = memory.with_suffix(".new")
    new.write_text(json.dumps(digests, indent=0, sort_keys=True))
    new.replace(memory)


def files(root: Path) -> Iterator[Path]:
    """The files of a checkout that a teacher gets."""
    for part in PARTS:
        path = root / part
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and not LEFT_OUT & set(file.parts))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """The whole file or none of it: half a one would look like an edit of the teacher's, and stay."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.replace(path)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
