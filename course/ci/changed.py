"""Which notebooks a push changed, as git tells it; all of them where it can't."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from course.errors import CourseError

ASSIGNMENTS = "assignments"
# A change of these changes what any notebook is checked with.
SHARED = ("course/", ".student-release/", "pyproject.toml", "constraints.txt")
SECONDS = 60


def all_notebooks(root: Path) -> list[Path]:
    """Every assignment's notebook, sorted. CourseError where there is none."""
    found = sorted((root / ASSIGNMENTS).glob("*/*.ipynb"))
    if not found:
        raise CourseError(f"{root / ASSIGNMENTS} holds no notebooks: run this in the course's folder")
    return found


def changed_notebooks(root: Path, since: str) -> tuple[list[Path], str]:
    """The notebooks that differ from a commit, work that is not committed included, and in a few words why these.

    since: any name of a commit. Where git does not know it (a first or a forced push, a shallow clone, no
    repository), and where the course itself changed, these are all notebooks.
    """
    everything = all_notebooks(root)
    if not since:
        return everything, "all notebooks"
    if _git(root, "rev-parse", "--verify", "--quiet", f"{since}^{{commit}}") is None:
        return everything, f"all notebooks: there is no commit {since[:12]} here to compare with"
    names = _git(root, "diff", "--name-only", "--no-ext-diff", "--relative", "-z", since, "--")
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z", "--", ASSIGNMENTS)
    if names is None or untracked is None:
        return everything, "all notebooks: git could not compare"
    paths = {name for name in (names + untracked).split("\0") if name}
    if shared := sorted(path for path in paths if path.startswith(SHARED)):
        return everything, f"all notebooks: {shared[0]} changed, which they are checked with"
    return [path for path in everything if path.relative_to(root).as_posix() in paths], f"changed since {since[:12]}"


def commit_of_event(environment: Mapping[str, str] = os.environ) -> str:
    """The commit that a push or a pull request on GitHub starts from; "" where there is none, or no GitHub."""
    try:
        event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        before = event["pull_request"]["base"]["sha"] if "pull_request" in event else event["before"]
    except (KeyError, TypeError, OSError, ValueError):
        return ""
    return before if isinstance(before, str) and before.strip("0") else ""


def _git(root: Path, *words: str) -> str | None:
    """What git says in this folder; None if it can't, or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="surrogateescape") if done.returncode == 0 else None
