"""`python -m course.hub`: the classroom server on this machine, with nbgrader's exchange and the sandboxed grader."""

import argparse
import contextlib
import os
import pwd
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from course.errors import CourseError
from course.hub import accounts
from course.hub.place import PLACE, PORT, Place
from course.hub.prepare import CONFIG, is_ours, may_make_accounts, may_start, new_accounts, prepare, retire

ROOT = Path(__file__).parents[2]
DEMONSTRATION = ["ada", "bob"]


def main(arguments: list[str] | None = None) -> int:
    """Do one command; a CourseError is one line on stderr and its exit code."""
    options = _parser().parse_args(arguments)
    place = Place(options.place.absolute(), options.port, options.memory, options.processes, options.prefix)
    try:
        return options.run(options, place)
    except CourseError as error:
        print(f"hub: {error}", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m course.hub", description=__doc__)
    parser.add_argument("--place", type=Path, default=PLACE, help=f"folder of the class; default: {PLACE}")
    parser.add_argument("--port", type=int, default=PORT, help=f"the first of three ports in a row; default: {PORT}")
    parser.add_argument(
        "--memory", type=int, default=Place.memory_mb, metavar="MB", help="of each student; default: %(default)s"
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=Place.processes,
        metavar="N",
        help="of each student, with threads; default: %(default)s",
    )
    parser.add_argument(
        "--prefix", type=_prefix, default=Place.prefix, help="of the accounts' names; default: %(default)s"
    )
    parser.set_defaults(run=_start, names=[])
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, run, help, many in (
        ("start", _start, "start the hub; without names, and for a new class, with the students ada and bob", "*"),
        ("add", _add, "make accounts for students", "+"),
        ("password", _password, "give accounts new passwords", "+"),
        ("remove", _remove, "delete accounts, all without names; files stay", "*"),
    ):
        command = commands.add_parser(name, help=help, description=help)
        command.add_argument("names", nargs=many, metavar="NAME")
        command.set_defaults(run=run)
    return parser


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]{0,7}-", text):
        raise argparse.ArgumentTypeError("up to eight small letters and digits, and a hyphen at the end, such as attn-")
    return text


def _start(options: argparse.Namespace, place: Place) -> int:
    may_start(place)
    prepare(ROOT, place, options.names or (DEMONSTRATION if not accounts.ours(place) else []), _say, _show)
    _say(
        f"Each student: {place.memory_mb} MB of memory (looked at every second), {place.processes} processes; no limit"
    )
    _say("on disk space, and turns instead of shares of the processor. docs/classroom.md says what is promised.")
    try:
        return _run(place)
    finally:
        left = accounts.end_processes(pwd.getpwnam(name).pw_uid for name in accounts.ours(place))
        _say(f"stopped{f'; {left} processes of the class were still running and are ended' if left else ''}")


def _run(place: Place) -> int:
    """JupyterHub until it ends, or is told to: by Ctrl-C, or a request to terminate."""
    command = [sys.executable, "-m", "jupyterhub", "--config", str(CONFIG / "jupyterhub_config.py")]
    environment = os.environ | place.as_environment() | {"PYTHONPATH": str(ROOT)}
    # In a session of its own, Ctrl-C reaches it through us alone: once, and in order.
    hub = subprocess.Popen(command, cwd=place.hub, env=environment, start_new_session=True)
    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(kind, lambda *_: hub.terminate())
    if _is_up(place, hub):
        _say(f"Open {place.address} in a browser, as {place.teacher} or as a student. Ctrl-C ends it.")
    status = hub.wait()
    return 0 if status == -signal.SIGTERM else status


def _is_up(place: Place, hub: subprocess.Popen, seconds: float = 60) -> bool:
    """Wait until the hub answers, then until the proxy leads to it; False if that takes too long."""
    ports, end = [place.port + 1, place.port], time.monotonic() + seconds
    while ports and hub.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/hub/health", timeout=2)
            ports.pop(0)
        time.sleep(0.2)
    return not ports


def _add(options: argparse.Namespace, place: Place) -> int:
    _existing(place)
    new_accounts(options.names, place, _show)
    return 0


def _password(options: argparse.Namespace, place: Place) -> int:
    _existing(place)
    _show({accounts.account(name, place): accounts.new_password(name, place) for name in options.names})
    return 0


def _remove(options: argparse.Namespace, place: Place) -> int:
    may_make_accounts()
    for name in options.names or accounts.ours(place):
        retire(name, place)
        _say(f"removed: {accounts.account(name, place)}")
    _say(f"Files stay in {place.root}, root's alone; delete them by hand when nobody needs them.")
    return 0


def _existing(place: Place) -> None:
    may_make_accounts()
    if not is_ours(place.root):
        raise CourseError(f"there is no class in {place.root}: make hub starts one")


def _show(passwords: dict[str, str]) -> None:
    if passwords:
        _say("Passwords, shown this once (`python -m course.hub password NAME` gives a new one):")
    for name, password in passwords.items():
        _say(f"  {name:<24} {password}")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
