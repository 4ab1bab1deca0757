"""The accounts of a class, and what their processes may use: limits, the watch, the end."""

import grp
import os
import pwd
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from course import proc
from course.errors import CourseError
from course.hub import accounts, limits, watch
from course.hub.place import Place
from tests.hub.classroom import needs_root


@pytest.mark.parametrize("name", ["Ada", "a b", "root;", "", "a+b", "x" * 40, "../ada"])
def test_a_name_that_is_no_account_s_is_refused(place: Place, name: str):
    with pytest.raises(CourseError, match="can't be an account"):
        accounts.account(name, place)


@needs_root
def test_an_account_that_was_not_made_here_is_never_touched(place: Place):
    """`nobody` and `daemon` are on every Linux machine; with such a prefix their names would be ours."""
    theirs = Place(place.root, prefix="daem")
    before = [tuple(entry) for entry in pwd.getpwall()]
    with pytest.raises(CourseError, match=r"was not made for .*: it is left alone"):
        accounts.make("on", theirs)
    for act in (accounts.remove, accounts.new_password):
        with pytest.raises(CourseError, match="no account of this class"):
            act("on", theirs)
    assert [tuple(entry) for entry in pwd.getpwall()] == before


def test_an_account_is_ours_by_its_name_its_comment_and_its_group(place: Place, monkeypatch: pytest.MonkeyPatch):
    """Each of the others lacks one of the three."""

    def entry(name: str, gecos: str = accounts.comment(place), uid: int = 1001) -> pwd.struct_passwd:
        return pwd.struct_passwd((name, "x", uid, uid, gecos, "/", "/bin/sh"))

    entries = [
        entry("nobody-ada"),
        entry("nobody-guest"),
        entry("nobody-eve", gecos="Eve"),
        entry("carol"),
        entry("nobody-low", uid=33),
    ]
    members = ["nobody-ada", "nobody-eve", "carol", "nobody-low"]
    monkeypatch.setattr(pwd, "getpwall", lambda: entries)
    monkeypatch.setattr(grp, "getgrnam", lambda name: SimpleNamespace(gr_mem=members))
    assert accounts.ours(place) == ["nobody-ada"]
    with pytest.raises(CourseError, match="no account of this class"):
        accounts.remove("guest", place)


def test_a_number_is_given_once_in_a_class(place: Place, monkeypatch: pytest.MonkeyPatch):
    place.hub.mkdir(parents=True)
    left = [SimpleNamespace(pw_uid=uid) for uid in (0, 1004, 65534)]
    monkeypatch.setattr(pwd, "getpwall", lambda: left)
    assert [accounts._new_number(place) for _ in range(3)] == [1005, 1006, 1007]
    left.append(SimpleNamespace(pw_uid=2000))
    assert accounts._new_number(place) == 2001


@needs_root
def test_root_acts_as_an_account_without_root_s_groups():
    before = os.getgroups()
    with accounts.acting_as("nobody"):
        assert (os.geteuid(), os.getegid(), os.getgroups()) == (65534, 65534, [65534])
    assert (os.geteuid(), os.getegid(), os.getgroups()) == (0, 0, before)


@needs_root
def test_limits_hold_for_a_process_that_starts_under_them():
    code = "import os, resource as r; print(r.getrlimit(r.RLIMIT_DATA), r.getrlimit(r.RLIMIT_NPROC), "
    code += "os.nice(0), oct(os.umask(0)))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], preexec_fn=limits.limit(300, 50), capture_output=True, text=True
    )
    assert done.stdout.split("\n")[0] == f"({300 * limits.MB}, {300 * limits.MB}) (50, 50) {limits.NICE} 0o77"
    greedy = [sys.executable, "-S", "-c", "bytearray(400 * 2**20)"]
    assert (
        "MemoryError" in subprocess.run(greedy, preexec_fn=limits.limit(300, 50), capture_output=True, text=True).stderr
    )
    assert subprocess.run(greedy).returncode == 0


def test_the_watch_ends_the_largest_process_and_a_server_last():
    held = {10: 400, 11: 500, 12: 200}
    assert watch.to_end(held, 1100, set()) is None
    assert watch.to_end(held, 1000, set()) == 11
    assert watch.to_end(held, 1000, {11}) == 10
    assert watch.to_end({11: 1001}, 1000, {11}) == 11


def test_one_student_does_not_stop_the_watch_for_the_others(place: Place, monkeypatch: pytest.MonkeyPatch, capsys):
    seen = []

    def look(name: str, *_: object) -> None:
        seen.append(name)
        raise ValueError(f"a trick of {name}'s")

    monkeypatch.setattr(watch, "ours", lambda place: ["nobody-ada", "nobody-bob", place.teacher])
    monkeypatch.setattr(pwd, "getpwnam", lambda name: SimpleNamespace(pw_uid=name))
    monkeypatch.setattr(watch, "processes", lambda uids: {uid: [1] for uid in sorted(uids)})
    monkeypatch.setattr(watch, "look", look)
    watch.look_at_all(place, hub=1)
    assert seen == ["nobody-ada", "nobody-bob"], "each of the students, and not the teacher"
    assert capsys.readouterr().out.count("could not be watched this time: ValueError") == 2


def test_the_watch_counts_once_what_forked_processes_share():
    code = "import os, time; b = b'x' * (200 * 2**20); [os.fork() or time.sleep(60) for _ in '123']; "
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", code + "print('.', flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == ".\n"
    family = [p for p in accounts.processes({os.getuid()})[os.getuid()] if process.pid in (p, accounts.parent(p))]
    held = watch.total(family, 0)
    assert len(held) == 4
    assert 200 * limits.MB < sum(held.values()) < 260 * limits.MB
    assert sum(watch.total(family, 2**50).values()) > 800 * limits.MB, "the quick look is never too low"
    os.killpg(process.pid, 9)
    process.wait()
    assert proc.proportional(process.pid) == 0 == proc.mapped(process.pid)


@needs_root
def test_processes_are_ended_also_where_they_do_not_want_to():
    uid = 54321
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(["/usr/bin/python3", "-S", "-c", code], user=uid, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    start = time.monotonic()
    assert accounts.end_processes([uid], seconds=0.3) == 1
    assert process.wait(5) == -9 and time.monotonic() - start < 5
