"""What must be there before the hub starts: folders, environment, course, accounts. Each step finds what is done."""

import contextlib
import os
import platform
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from course import npm
from course.errors import CourseError
from course.hub import accounts, copying, environment
from course.hub.place import COURSE_ID, Place

HERE = Path(__file__).parent
CONFIG = HERE / "config"
PACKAGE = HERE / "package.json"
PROXY = ("configurable-http-proxy/bin/configurable-http-proxy",)
SOCKET, LONGEST = "60000/kernel-01234567-89ab-cdef-0123-456789abcdef-ipc-5", 107  # of a kernel; bytes, Linux's limit
NO_ROOT = (
    "a class needs an account of the operating system for each person, which only root can make and become: "
    "sudo make hub. With one account for all, every student could read solutions and grades"
)


def may_start(place: Place) -> None:
    """CourseError: this machine, this user or these ports can't hold a class."""
    may_make_accounts()
    for port in range(place.port, place.port + 3):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise CourseError(
                    f"port {port} is taken (three in a row are needed): name others, make hub ARGS='--port 9000'"
                ) from None
    if (excess := len(os.fsencode(place.runtime / SOCKET)) - LONGEST) > 0:
        raise CourseError(
            f"{place.root} is {excess} bytes too long for the sockets of kernels: name another by --place"
        )


def may_make_accounts() -> None:
    """CourseError: this isn't Linux, or not root."""
    if platform.system() != "Linux":
        raise CourseError(f"a class needs Linux's accounts, and this is {platform.system()}: use a virtual machine")
    if os.geteuid() != 0:
        raise CourseError(NO_ROOT)


def prepare(
    root: Path,
    place: Place,
    names: Iterable[str],
    say: Callable[[str], None],
    show: Callable[[dict[str, str]], None],
) -> None:
    """Make or renew everything.

    Args:
        root: this checkout of the course.
        names: the students, with or without the prefix.
        say: is told what goes on.
        show: is told the passwords of accounts as soon as they are made: nothing else knows them.

    Raises:
        CourseError: something is missing, or an account's name is taken.
    """
    os.umask(0o022)
    make_folders(place)
    npm.fetch(PACKAGE, PROXY, place.hub / "npm", "configurable-http-proxy")
    say("the environment for everyone's notebooks …")
    environment.build(place.environment, place.release)
    new_accounts([place.teacher, *names], place, show)
    open_exchange(place)
    say("the teacher's course, and what students get …")
    for name in bring_course(root, place):
        say(f"kept as the teacher edited it: {place.course / name}")
    put_config(place)


def make_folders(place: Place) -> None:
    """The classroom's folders, each with its mode. CourseError: the folder holds something else."""
    if not is_ours(place.root) and place.root.exists() and any(place.root.iterdir()):
        raise CourseError(f"{place.root} holds other things than a class: name a new folder by --place")
    place.root.mkdir(parents=True, exist_ok=True)
    place.root.chmod(0o755)
    if not environment.is_open(place.root):
        raise CourseError(f"{place.root} lies in a folder that students can't pass: name another by --place")
    shutil.rmtree(place.runtime, ignore_errors=True)  # no kernel outlives a hub
    for folder, mode in ((place.hub, 0o700), (place.homes, 0o755), (place.runtime, 0o755), (place.exchange, 0o1777)):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
    if place.teacher in accounts.ours(place):
        return
    place.course.mkdir(exist_ok=True)
    place.course.chmod(0o700)


def is_ours(root: Path) -> bool:
    """Is this the folder of a class?"""
    return (root / "hub").is_dir() and (root / "exchange").is_dir()


def new_accounts(names: Iterable[str], place: Place, show: Callable[[dict[str, str]], None]) -> None:
    """Make those accounts that aren't there yet, and show their passwords, also if one can't be made."""
    made = {}
    try:
        for name in names:
            if password := new_account(accounts.account(name, place), place):
                made[accounts.account(name, place)] = password
    finally:
        show(made)


def new_account(name: str, place: Place) -> str | None:
    password = accounts.make(name, place)
    if password is None:
        return None
    if name == place.teacher:
        for folder in (place.course, place.exchange / COURSE_ID):
            if folder.exists():
                accounts.give(folder, name)
    else:
        _link(place.homes / name / "lectures", place.release / "lectures", name)
    return password


def retire(name: str, place: Place) -> None:
    """Delete an account; all that it owned in the classroom is root's from then on. CourseError: it isn't ours."""
    number = accounts.remove(name, place)
    if not is_ours(place.root):
        return  # somebody deleted the folder by hand
    if accounts.account(name, place) == place.teacher:
        for folder in (place.course, place.exchange / COURSE_ID):
            accounts.give(folder, "root")
    with _folder(place.exchange / COURSE_ID) as course, _folder("inbound", course) as inbound:
        for entry in os.listdir(inbound):  # under whatever name
            if os.lstat(entry, dir_fd=inbound).st_uid == number:
                accounts.give(Path(f"/proc/{os.getpid()}/fd/{inbound}", entry), "root")


def _link(link: Path, target: Path, name: str) -> None:
    with accounts.acting_as(name):
        if not os.path.lexists(link):
            link.symlink_to(target)


def open_exchange(place: Place) -> None:
    """nbgrader's folders with nbgrader's modes; and nobody may rename or delete there what belongs to another."""
    teacher = pwd.getpwnam(place.teacher)
    with _folder(place.exchange / COURSE_ID) as course:
        for name, mode in ((".", 0o755), ("outbound", 0o755), ("inbound", 0o3733), ("feedback", 0o711)):
            with _folder(name, course) as folder:
                os.fchown(folder, teacher.pw_uid, teacher.pw_gid)
                os.fchmod(folder, mode)


@contextlib.contextmanager
def _folder(name: str | Path, parent: int | None = None) -> Iterator[int]:
    """A folder, opened, and made if it is missing. It stands where others may write: a link is not followed.

    Raises:
        CourseError: something else has this name.
    """
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=parent)
    try:
        folder = os.open(name, os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    except OSError as error:
        raise CourseError(f"{name!s} of the exchange is no folder ({error.strerror}): move it away") from None
    try:
        yield folder
    finally:
        os.close(folder)


def bring_course(root: Path, place: Place) -> list[str]:
    """Renew the teacher's course and, if anything changed, what students get; return the files that stay as edited."""
    memory = place.hub / "course.json"
    before = memory.read_text() if memory.is_file() else None
    digests, kept = copying.renew(root, place.course, memory, place.teacher)
    new = memory.with_suffix(".try")
    copying.remember(digests, new)
    if new.read_text() != before or not place.release.is_dir():
        _student_release(root, place.release)
    new.replace(memory)
    return kept


def _student_release(root: Path, release: Path) -> None:
    command = [sys.executable, "-m", "course.cli", "student-release", str(release)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise CourseError((done.stderr.strip().splitlines() or ["no reason given"])[-1].removeprefix("course: "), 1)
    subprocess.run(["chmod", "--recursive", "a+rX,go-w", str(release)], check=True)


def put_config(place: Place) -> None:
    """The servers' settings, where all may read them."""
    new = place.config.with_name("config.new")
    shutil.rmtree(new, ignore_errors=True)
    for role in ("everyone", "student", "teacher"):
        shutil.copytree(CONFIG / role, new / role, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(place.config, ignore_errors=True)
    new.rename(place.config)
