"""A class that lives for one test: accounts of its own, a folder of its own in /srv, gone afterwards."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from course.hub import accounts
from course.hub.place import Place

ROOT = Path(__file__).parents[2]
PREFIX = "attntest-"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acts as other accounts, which only root can")


@dataclass
class Classroom:
    """A running hub.

    passwords: of each account.
    """

    place: Place
    passwords: dict[str, str]
    process: subprocess.Popen
    log: Path

    @property
    def address(self) -> str:
        return self.place.address

    def account(self, name: str) -> str:
        return accounts.account(name, self.place)

    def home(self, name: str) -> Path:
        return self.place.homes / self.account(name)

    def stop(self) -> int:
        """Ctrl-C, and the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


def free_ports() -> int:
    """The first of three free ports in a row."""
    for first in range(18100, 19900, 3):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in range(first, first + 3):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise RuntimeError("no three free ports in a row")


def command(place: Place, *words: str) -> list[str]:
    options = ["--place", str(place.root), "--port", str(place.port), "--prefix", place.prefix]
    return [sys.executable, "-m", "course.hub", *options, "--memory", str(place.memory_mb), *words]


@contextmanager
def classroom(*students: str) -> Iterator[Classroom]:
    """A hub with a teacher and these students. All of it is gone afterwards, accounts too."""
    folder = Path(tempfile.mkdtemp(prefix="attention-test-", dir="/srv"))
    place = Place(folder, free_ports(), memory_mb=1500, prefix=PREFIX)
    log = folder.with_suffix(".log")
    try:
        with started(place, log, *students) as running:
            yield running
    finally:
        subprocess.run(command(place, "remove"), check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder)
        log.unlink()


@contextmanager
def started(place: Place, log: Path, *students: str) -> Iterator[Classroom]:
    """`python -m course.hub start` in the background, until the context ends."""
    with log.open("w") as file:
        process = subprocess.Popen(
            command(place, "start", *students), cwd=ROOT, stdout=file, stderr=subprocess.STDOUT, env=dict(os.environ)
        )
        try:
            _wait(place, process, log)
            found = re.findall(rf"^  ({re.escape(place.prefix)}\S+) +(\S+)$", log.read_text(), flags=re.MULTILINE)
            yield Classroom(place, dict(found), process, log)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(90)


def _wait(place: Place, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 240
    while f"Open {place.address}" not in log.read_text():
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the hub did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.3)
