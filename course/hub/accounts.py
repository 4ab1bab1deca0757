"""The accounts of a class: made, listed and removed here, and no other account of the machine is ever touched.

An account is one of ours if its name begins with the prefix, its comment field names our place, and it is in our group;
only an administrator can give it all three.
"""

import contextlib
import grp
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from itertools import chain
from pathlib import Path

from course import proc
from course.errors import CourseError
from course.hub.place import Place

NAME = re.compile(r"[a-z][a-z0-9-]{0,20}")  # nbgrader's exchange parts names at +; useradd allows 32 characters
TOOLS = ("useradd", "userdel", "groupadd", "groupdel", "chpasswd")


def comment(place: Place) -> str:
    """The comment field of an account that was made for this class."""
    return f"attention-course class in {place.root}"


def account(name: str, place: Place) -> str:
    """`ada` or `attn-ada` → `attn-ada`. CourseError: no name for an account."""
    bare = name.removeprefix(place.prefix)
    if not NAME.fullmatch(bare):
        raise CourseError(
            f"{name!r} can't be an account: small letters, digits and hyphens, at most 21, a letter first"
        )
    return place.prefix + bare


def ours(place: Place) -> list[str]:
    """The accounts that were made for this place, by name."""
    members = set(_members(place))
    return sorted(entry.pw_name for entry in pwd.getpwall() if entry.pw_name in members and _is_ours(entry, place))


def make(name: str, place: Place) -> str | None:
    """Make an account with a home that only it may enter; return its new password, or None if it is there already.

    A home that is left from an account of this name is given to the new one.

    Raises:
        CourseError: the machine has such an account that was not made here, or can't make one.
    """
    name = account(name, place)
    with contextlib.suppress(KeyError):
        if not _is_ours(pwd.getpwnam(name), place) or name not in _members(place):
            raise CourseError(
                f"this machine has an account {name} that was not made for {place.root}: it is left alone"
            )
        return None
    _tool("groupadd", "--force", place.group)
    home = place.homes / name
    _tool(
        "useradd", "--no-create-home", "--home-dir", str(home), "--shell", "/bin/bash", "--user-group",
        "--groups", place.group, "--comment", comment(place), "--uid", str(_new_number(place)),
        "--key", "SUB_UID_COUNT=0", "--key", "SUB_GID_COUNT=0",  # all processes are under the one number
        name,
    )  # fmt: skip
    home.mkdir(exist_ok=True)
    give(home, name)
    home.chmod(0o700)
    return new_password(name, place)


def new_password(name: str, place: Place) -> str:
    """Give one of our accounts a new password, and return it. CourseError: it isn't one of ours."""
    entry = _own_entry(account(name, place), place)
    password = "-".join(secrets.token_hex(2) for _ in range(4))  # 64 bits
    _tool("chpasswd", stdin=f"{entry.pw_name}:{password}\n")
    return password


def remove(name: str, place: Place) -> int:
    """End the account's processes and delete it; return its number. Its home stays, root's from then on."""
    entry = _own_entry(account(name, place), place)
    end_processes([entry.pw_uid])
    if Path(entry.pw_dir).is_dir():
        give(Path(entry.pw_dir), "root")
    end_processes([entry.pw_uid])  # a large home takes a while, and a browser starts a server again
    _tool("userdel", entry.pw_name)
    if not _members(place):
        _tool("groupdel", place.group)
    return entry.pw_uid


def give(folder: Path, name: str) -> None:
    """Make an account the owner of a folder and all in it; links are given, not followed."""
    subprocess.run(["chown", "--recursive", "-P", "--no-dereference", f"{name}:", str(folder)], check=True)


@contextlib.contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Files are made, read and linked as this account while the context lasts: root follows no trap of its owner's."""
    entry, groups = pwd.getpwnam(name), os.getgroups()
    os.setgroups([entry.pw_gid])
    os.setegid(entry.pw_gid)
    os.seteuid(entry.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def end_processes(uids: Iterable[int], seconds: float = 10) -> int:
    """End all processes of these users: asked first, then made to. Returns how many there were."""
    wanted = set(uids)
    first = running(wanted)
    end = time.monotonic() + seconds
    for pid in first:
        _signal(pid, signal.SIGTERM)
    while (left := running(wanted)) and time.monotonic() < end:
        time.sleep(0.2)
    while left:  # a fork bomb is faster than one round
        for pid in left:
            _signal(pid, signal.SIGKILL)
        time.sleep(0.05)
        left = running(wanted)
    return len(first)


def running(uids: Set[int]) -> list[int]:
    """The processes of these users, without those that are dead and only not yet buried."""
    return list(chain.from_iterable(processes(uids).values()))


def processes(uids: Set[int]) -> dict[int, list[int]]:
    """The same, for each of the users that has some."""
    found = defaultdict(list)
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if (uid := owner(pid)) in uids:
            found[uid].append(pid)
    return found


def owner(pid: int) -> int | None:
    """The real user of a process; None if it is gone. (The owner of /proc/PID is root where a process hides itself.)"""
    status = proc.fields(pid, "status")
    return None if status.get("State", "X")[0] in "ZX" else int(status["Uid"].split()[0])


def parent(pid: int) -> int | None:
    """The process that started it, or took it over; None if it is gone."""
    return int(proc.fields(pid, "status").get("PPid", 0)) or None


def _signal(pid: int, which: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, which)


def _new_number(place: Place) -> int:
    """A number that nobody of this class ever had: what somebody left in /tmp is nobody's who comes later."""
    memory = place.hub / "last_number"
    last = int(memory.read_text()) if memory.is_file() else 0
    number = 1 + max([999, last, *(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid < 60_000)])
    memory.write_text(str(number))
    return number


def _members(place: Place) -> list[str]:
    try:
        return grp.getgrnam(place.group).gr_mem
    except KeyError:
        return []


def _is_ours(entry: pwd.struct_passwd, place: Place) -> bool:
    return (
        entry.pw_name.startswith(place.prefix)
        and entry.pw_gecos.split(",")[0] == comment(place)
        and entry.pw_uid >= 1000
    )


def _own_entry(name: str, place: Place) -> pwd.struct_passwd:
    if name not in ours(place):
        raise CourseError(f"{name} is no account of this class; it has: {', '.join(ours(place)) or 'none'}")
    return pwd.getpwnam(name)


def _tool(*command: str, stdin: str | None = None) -> None:
    if shutil.which(command[0]) is None:
        raise CourseError(f"{command[0]} is missing, which makes accounts: apt-get install passwd", 1)
    done = subprocess.run(command, input=stdin, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise CourseError(f"{command[0]} failed ({reason})", 1)
