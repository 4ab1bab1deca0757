"""Warm processes: one that has done the slow imports, and forks a child for each connection to its socket.

The parent computes nothing: a thread pool or an autograd engine that was started before a fork hangs or breaks the
child. It ends when its standard input closes, that is, when whoever started it is gone. A child is killed as soon
as the other end of its connection hangs up, so whoever asked for it ends it by closing a socket, or by dying.
"""

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

STDIN = 0
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "NBGRADER_EXECUTION": "autograde",
    "PYTHONDONTWRITEBYTECODE": "1",
    # glibc then asks for huge pages, which halves what it costs to fork a process that has imported torch.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


def environment(gpu: bool = False) -> dict[str, str]:
    """What every warm process and its children find in their environment."""
    return ENVIRONMENT if gpu else ENVIRONMENT | {"CUDA_VISIBLE_DEVICES": ""}


@contextlib.contextmanager
def started(command: Callable[[int], list[str]], environment: dict[str, str]) -> Iterator["Warm"]:
    """Start a warm process; yields once its socket can be connected to. `command` is told the listener's number."""
    with tempfile.TemporaryDirectory(prefix="course-") as folder, contextlib.ExitStack() as stack:
        path = Path(folder) / "socket"
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listener.bind(str(path))
        listener.listen(128)
        said = stack.enter_context(tempfile.TemporaryFile())
        process = subprocess.Popen(
            command(listener.fileno()),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment, pass_fds=[listener.fileno()],
        )  # fmt: skip
        listener.close()
        try:
            yield Warm(path, process, said)
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


class NotStarted(Exception):
    """A warm process ended before it was ready: the reason, in one line."""


class Warm:
    """A warm process, as whoever started it sees it. `path` is its socket's."""

    def __init__(self, path: Path, process: subprocess.Popen, said: BinaryIO):
        self.path = path
        self._process = process
        self._said = said

    def wait_until_ready(self) -> "Warm":
        """Wait for its imports.

        Raises:
            NotStarted: it ended instead; the last that it said.
        """
        if self._process.stdout.readline() != b"ready\n":
            self._process.wait()
            self._said.seek(0)
            lines = self._said.read()[-4000:].decode(errors="replace").strip().splitlines()
            raise NotStarted(lines[-1] if lines else f"it ended with status {self._process.returncode}")
        return self


def connect(path: Path) -> socket.socket:
    """A connection to a new child."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(str(path))
    return sock


def import_all(names: Iterable[str]) -> None:
    """Import what children will need. A module that can't be imported fails where a child uses it, with its name."""
    for name in names:
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def serve_forks(listener: socket.socket, child: Callable[[socket.socket], None], fork: Callable[[], int] = os.fork):
    """Say that this process is ready, then fork `child(connection)` for each connection. Never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the business of whoever started this
    ended, wake = _pipe()
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page of what was imported
    os.write(1, b"ready\n")
    connections: dict[int, socket.socket] = {}  # pid -> connection
    poll = select.poll()
    for number in (STDIN, listener.fileno(), ended):
        poll.register(number, select.POLLIN)
    while True:
        happened = {number for number, _ in poll.poll()}
        if STDIN in happened:
            os._exit(0)
        # Hang-ups first, then ends, then beginnings: so that a number in this round's list is still who it was.
        for pid, connection in connections.items():
            if connection.fileno() in happened:
                poll.unregister(connection.fileno())
                os.kill(pid, signal.SIGKILL)  # it was not reaped yet, so the number is still its own
        if ended in happened:
            os.read(ended, 4096)
            for pid in _reaped():
                connection = connections.pop(pid)
                with contextlib.suppress(KeyError):
                    poll.unregister(connection.fileno())
                connection.close()  # so that the other end sees that nobody is left here
        if listener.fileno() in happened:
            connection, _ = listener.accept()
            pid = fork()
            if pid == 0:
                _run(child, connection)
            connections[pid] = connection
            poll.register(connection.fileno(), 0)  # asks for no event: that it hung up is told all the same


def _pipe() -> tuple[int, int]:
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


def _reaped() -> Iterator[int]:
    """The children that have ended since they were last asked for."""
    with contextlib.suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            yield pid


def _run(child: Callable[[socket.socket], None], connection: socket.socket) -> None:
    """In the child: no open file but its connection, then `child`."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        channel = os.dup2(connection.detach(), 3)
        os.closerange(4, 1 << 16)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        os.close(nowhere)
        child(socket.socket(fileno=channel))
        status = 0
    finally:
        os._exit(status)
