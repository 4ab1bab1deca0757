"""The zygote: a process that has imported torch and forks a student process for each connection. It does nothing else.

A thread pool or an autograd engine that was started before a fork hangs or breaks the child, so nothing is computed
here. It ends when its standard input closes, that is, when the grader that started it is gone.
"""

import contextlib
import importlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from course.errors import CourseError

START_SECONDS = 120
PASSED_ON = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "TMPDIR")


@contextlib.contextmanager
def zygote(preload: list[str]) -> Iterator[Path]:
    """Start a zygote that has imported `preload`; yields the path of the socket that it listens on."""
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        path = Path(folder) / "zygote"
        work = Path(folder) / "work"
        work.mkdir()
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MPLBACKEND": "Agg",
        }
        environment |= {"NBGRADER_EXECUTION": "autograde", "HOME": str(work), "PYTHONDONTWRITEBYTECODE": "1"}
        # The package may be imported from a checkout: the new process finds it where this one did.
        root = str(Path(__file__).parent.parent.parent)
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
        process = subprocess.Popen(
            [sys.executable, "-m", "course.grading.zygote", str(path), *preload],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=work, env=environment,
        )  # fmt: skip
        try:
            if process.stdout.readline() != b"ready\n":
                raise CourseError("the student process could not be started: run `course doctor`", 1)
            yield path
        finally:
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
            process.stdout.close()


def connect(path: Path) -> socket.socket:
    """A connection to a new student process of the zygote."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(str(path))
    return sock


def main(path: str, preload: list[str]) -> None:
    """Import, listen, fork."""
    import torch

    torch.set_num_threads(1)
    for name in ("course.grading.student_process", "course.check", "course.check.stand_in", *preload):
        with contextlib.suppress(Exception):  # a setup cell that can't be imported fails where it is run, with its name
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the grader's business
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    print("ready", flush=True)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                os._exit(0)
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                selector.close()
                _become_student(connection)
            connection.close()


def _become_student(connection: socket.socket) -> None:
    """In the child: no standard streams, then serve until the judge hangs up."""
    from course.grading.student_process import serve

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    try:
        serve(connection)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
