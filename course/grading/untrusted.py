"""Folders of students, read by the teacher's account: nothing in them is followed, believed or waited for."""

import os
import re
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from course.grading.record import read_timestamp

try:
    import pwd
except ImportError:  # Windows has no accounts of this kind, and nbgrader no exchange; the rest is imported there, too
    pwd = None

MOST_FILES, MOST_BYTES = 200, 100 * 2**20  # of one submission
MOST_FOLDERS, MOST_DEPTH = 50, 4
GRACE = 60.0  # seconds between the time that nbgrader writes down and the last change to a file
TIMESTAMP, SECRET = "timestamp.txt", "submission_secret.txt"


def secret_of(submission: Path) -> str:
    """What nbgrader wrote beside a submission to name its feedback by; "" where there is nothing that could be that."""
    path = submission / SECRET
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 256:
        return ""
    text = path.read_text(errors="replace")
    return text if re.fullmatch(r"[0-9A-Za-z_=-]+", text) else ""


def owner_of(folder: Path) -> str | None:
    """The account that owns a folder, or its number where the account is gone; None for a link or a file."""
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode):
        return None
    try:
        return pwd.getpwuid(facts.st_uid).pw_name
    except KeyError:
        return str(facts.st_uid)


def copy_files(source: Path, target: Path) -> list[str]:
    """Copy the ordinary files of a folder, none through a link, and return the names of the rest."""
    target.mkdir(parents=True)
    skipped: list[str] = []
    for path, content in ordinary_files(source, skipped):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_bytes(content)
    return skipped


def same_files(one: Path, other: Path) -> bool:
    """Do two submissions hold the same ordinary files, but for the time? False if there is none."""
    first, second = (dict(ordinary_files(folder, [])) for folder in (one, other))
    for files in (first, second):
        files.pop(Path(TIMESTAMP), None)
    return bool(first) and first == second


def ordinary_files(source: Path, skipped: list[str]) -> Iterator[tuple[Path, bytes]]:
    """The ordinary files of a folder, by their paths in it; the names of what else there is are added to `skipped`.

    Each is opened as what it is at that moment: a file that becomes a link while this runs is not followed.
    """
    files, size = 0, 0
    for folder, folders, names, descriptor in _walk(source, skipped):
        skipped += [name for name in folders if stat.S_ISLNK(os.lstat(name, dir_fd=descriptor).st_mode)]
        for name in sorted(names):
            content = _content(name, descriptor, MOST_BYTES - size) if files < MOST_FILES else None
            if content is None:
                skipped.append(name)
                continue
            files, size = files + 1, size + len(content)
            yield folder / name, content


def _walk(source: Path, skipped: list[str]) -> Iterator[tuple[Path, list[str], list[str], int]]:
    """As os.fwalk, with paths in `source`, and neither deep nor wide without end: that would stop the class's turn."""
    for count, (path, folders, names, descriptor) in enumerate(os.fwalk(source, follow_symlinks=False), start=1):
        folder = Path(path).relative_to(source)
        if len(folder.parts) >= MOST_DEPTH or count >= MOST_FOLDERS:
            skipped += folders
            folders.clear()
        yield folder, folders, names, descriptor


def _content(name: str, folder: int, most: int) -> bytes | None:
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return None
    with os.fdopen(opened, "rb") as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > most:
            return None
        return file.read(facts.st_size)


def last_change(source: Path) -> float:
    """When something in a folder was last changed, by the kernel's clock: no account but root can set that time."""
    return max(
        os.lstat(name, dir_fd=descriptor).st_ctime
        for _, folders, names, descriptor in _walk(source, [])
        for name in (".", *folders, *names)
    )


def agreed_time(claimed: datetime | None, changed: float) -> datetime:
    """When something was handed in, naive UTC: as claimed if it was last changed about then, otherwise that change."""
    actual = datetime.fromtimestamp(changed, UTC).replace(tzinfo=None)
    return claimed if claimed and abs((actual - claimed).total_seconds()) <= GRACE else actual


def settle_time(submission: Path, changed: float | None) -> str:
    """Write anew when a submission was handed in: what a student wrote may read differently tomorrow.

    Args:
        changed: when it was last changed, which counts where another time is claimed; None believes what is claimed.

    Returns:
        What there is to say of it; "" if all is well.
    """
    path = submission / TIMESTAMP
    claimed, note = read_timestamp(submission)
    agreed = claimed if changed is None else agreed_time(claimed, changed)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if agreed:
        path.write_text(f"{agreed:%Y-%m-%d %H:%M:%S.%f} UTC")
    if changed is None:
        return note or ""
    return "" if agreed == claimed else f"last changed {agreed} UTC, which is the time that counts"
