"""The attempts of a student: the one in submitted/, and earlier ones that collecting put aside.

    submitted/STUDENT/ASSIGNMENT/          the current one, where nbgrader has it
    attempts/STUDENT/ASSIGNMENT/TIME/      each earlier one, as it was handed in

Earlier ones are looked at where `[attempts]` in course.toml says that the best counts.
"""

from datetime import datetime
from pathlib import Path

from course.grading.record import read_timestamp
from course.settings import Attempts

FOLDER = "attempts"


def earlier_folder(current: Path) -> Path:
    """Where the earlier attempts of a student lie, for whom `current` is SUBMITTED/STUDENT/ASSIGNMENT."""
    return current.parents[1].with_name(FOLDER) / current.parent.name / current.name


def attempt_name(handed_in: datetime) -> str:
    """The name of an attempt's folder; they sort by time."""
    return handed_in.strftime("%Y-%m-%dT%H.%M.%S.%f")


def attempts_of(folder: Path, policy: Attempts) -> list[Path]:
    """The folders of the attempts that may count, the earliest first; `folder` is the current one.

    What bears no time is the earliest, but for the current one, which is then the last.
    """
    if policy.count == "last":
        return [folder]
    return _by_time(folder)[: policy.at_most or None]


def attempts_beyond(folder: Path, policy: Attempts) -> list[Path]:
    """The attempts that come after those that may count."""
    return _by_time(folder)[policy.at_most :] if policy.count == "best" and policy.at_most else []


def _by_time(folder: Path) -> list[Path]:
    place = earlier_folder(folder)
    if any(path.is_symlink() for path in (place, place.parent, place.parents[1])) or not place.is_dir():
        return [folder]
    earlier = [path for path in place.iterdir() if path.is_dir() and not path.is_symlink() and path.name[0] != "."]
    times = {path: read_timestamp(path)[0] or datetime.min for path in earlier}
    times[folder] = read_timestamp(folder)[0] or datetime.max
    return sorted(times, key=lambda path: (times[path], path == folder, path.name))


def best(points: list[float]) -> int:
    """Which of these counts: the highest, and of equals the earlier."""
    return points.index(max(points))
