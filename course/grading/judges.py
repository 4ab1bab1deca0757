"""One fresh judge process a submission, forked from a warm parent, and the zygote that all of them ask for students.

What goes to a judge is ours and pickled; what comes back has been near a student's values, so it is JSON.
"""

import ast
import contextlib
import json
import pickle
import resource
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from course.errors import CourseError
from course.grading import sandbox, warm
from course.grading.confine import private_bytes
from course.grading.layers import Layer, not_whole, require_whole
from course.grading.limits import MB
from course.grading.notebook import Cell, Source
from course.grading.rebuild import Rebuilt
from course.grading.verdict import CellVerdict, ExerciseVerdict
from course.grading.zygote import zygote

MODULE = "course.grading.judges"
# Judging also parses, seeds and compares; this is what it may take beside the answers' own limits.
SPARE_SECONDS = 120
SELF_TEST = "self-test"
TRAINING_IMPORTS = ("torch._dynamo",)
# Whatever a student's values make a judge do, this is all the memory that it gets beyond what it shares.
JUDGE_MB = 2000
LENGTH = struct.Struct("!Q")


@dataclass(frozen=True)
class Job:
    """What a judge needs for one submission, beside the sources that its parent has.

    wanted: the exercises that are to be judged; None for all.
    """

    assignment: str
    rebuilt: Rebuilt
    secret: str
    student: str
    wanted: frozenset[str] | None = None


@dataclass(frozen=True)
class Judged:
    """A verdict on its way back: on the exercises that have tests and were wanted."""

    exercises: list[ExerciseVerdict]
    cells: list[CellVerdict]


class JudgeFailed(Exception):
    """The judge of a submission did not come to a verdict: the reason, in one line."""


@contextlib.contextmanager
def bench(
    sources: Iterable[Source], sandboxed: bool = True, device: str = "cpu", training: bool = True
) -> Iterator["Judges"]:
    """Start a zygote and a warm parent of judges, side by side. They import while the caller goes on (`Judges.ready`).

    training: is any answer going to train? An optimizer's first step imports half of torch, two seconds' worth.

    Raises:
        CourseError: there is no bubblewrap.
    """
    by_name = {source.assignment: source for source in sources}
    preload = sorted({name for source in by_name.values() for name in imports(source.setup)})
    environment = sandbox.plain_environment() | warm.environment()
    for_students = [*preload, *(TRAINING_IMPORTS if training else ())]
    with zygote(for_students, sandboxed, device) as students, tempfile.NamedTemporaryFile() as file:
        file.write(pickle.dumps(by_name))
        file.flush()

        def command(listener: int) -> list[str]:
            return [sys.executable, "-m", MODULE, str(listener), str(students.path), file.name, *preload]

        with warm.started(command, environment) as parent:
            yield Judges(parent, students, by_name, sandboxed)


def imports(cells: Iterable[Cell]) -> set[str]:
    """The modules that these cells import: warm processes have them already."""
    names = set()
    for cell in cells:
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    return names


class Judges:
    """Judge submissions, each in a process of its own; safe to call from several threads."""

    def __init__(self, parent: warm.Warm, students: warm.Warm, sources: dict[str, Source], sandboxed: bool):
        self._parent = parent
        self._students = students
        self._sources = sources
        self._sandboxed = sandboxed
        self._start = threading.Lock()
        self._problem: str | None = None
        self._guard = threading.Lock()
        self._running: set[socket.socket] = set()

    def ready(self) -> None:
        """Wait until the processes have started and the sandbox was tried.

        Raises:
            CourseError: a process did not start, or a layer of the sandbox is missing.
        """
        with self._start:
            if self._problem is None:
                self._problem = self._what_is_missing()
        if self._problem:
            raise CourseError(self._problem, 1)

    def _what_is_missing(self) -> str:
        try:
            self._parent.wait_until_ready()
        except warm.NotStarted as error:
            return f"the judges could not be started: {error}"
        try:
            self._students.wait_until_ready()
            if self._sandboxed:
                require_whole([Layer(**layer) for layer in self._ask(SELF_TEST, SPARE_SECONDS)["layers"]])
        except warm.NotStarted as error:
            return not_whole(str(error)) if self._sandboxed else f"the student processes could not be started: {error}"
        except (JudgeFailed, KeyError) as error:
            return f"the sandbox could not be tried: {error}"
        except CourseError as error:
            return str(error)
        return ""

    def judge(self, job: Job) -> Judged:
        """Judge one submission. Raises JudgeFailed if there is no verdict, CourseError as `ready` does."""
        self.ready()
        source = self._sources[job.assignment]
        limit = source.limits.wall_per_cpu_second * sum(e.seconds for e in source.exercises) + SPARE_SECONDS
        result = self._ask(job, limit)
        if "failed" in result:
            raise JudgeFailed(result["failed"])
        return Judged(
            [ExerciseVerdict(**exercise) for exercise in result["exercises"]],
            [CellVerdict(**cell) for cell in result["cells"]],
        )

    def _ask(self, what: object, seconds: float) -> dict:
        """Send one message to a new judge; its answer."""
        try:
            with warm.connect(self._parent.path) as sock, self._noted(sock):
                sock.settimeout(seconds)
                _send(sock, pickle.dumps(what))
                return json.loads(_receive(sock))
        except TimeoutError:
            raise JudgeFailed(f"no verdict after {seconds:.0f} s") from None
        except (OSError, EOFError):
            raise JudgeFailed("the judge's process ended without a verdict") from None

    @contextlib.contextmanager
    def _noted(self, sock: socket.socket) -> Iterator[None]:
        with self._guard:
            self._running.add(sock)
        try:
            yield
        finally:
            with self._guard:
                self._running.discard(sock)

    def stop(self) -> None:
        """End the judges that are at work: whoever stops a run should not wait for a student's endless loop."""
        with self._guard:
            for sock in self._running:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


class Judging(Protocol):
    """Whoever takes jobs: threads that wait for judges of this computer, or a cluster (cluster.py)."""

    @property
    def width(self) -> int:
        """How many jobs to hand over at a time."""

    def submit(self, source: Source, job: Job) -> "Future[Judged]":
        """Hand a job over. Its future raises JudgeFailed where there is no verdict."""

    def stop(self) -> None:
        """Drop what was handed over."""


class LocalJudging:
    """`width` threads, each waiting for one judge of this computer at a time."""

    def __init__(self, judges: Judges, width: int):
        self.width = width
        self._judges = judges
        self._pool = ThreadPoolExecutor(width)

    def submit(self, source: Source, job: Job) -> "Future[Judged]":
        return self._pool.submit(self._judges.judge, job)

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._judges.stop()

    def __enter__(self) -> "LocalJudging":
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()


def main(listener: int, students: Path, sources_file: Path, preload: list[str]) -> None:
    """Import and prepare what every judge needs, then fork one for each connection."""
    import torch

    from course.grading.judge import Bench, judge, prepare
    from course.grading.selftest import self_test

    torch.set_num_threads(1)
    # torch imports the one at the first gradient, seeding a test the other
    warm.import_all(("torch.fx.experimental.symbolic_shapes", "numpy.random", *preload))
    sources: dict[str, Source] = pickle.loads(sources_file.read_bytes())
    for source in sources.values():
        prepare(source)

    shared = private_bytes()

    def answer(message: object) -> dict:
        if message == SELF_TEST:
            return {"layers": list(map(asdict, self_test(students)))}
        at_bench = Bench(students, message.secret, message.student)
        exercises, cells = judge(sources[message.assignment], message.rebuilt, at_bench, message.wanted)
        return {"exercises": list(map(asdict, exercises)), "cells": list(map(asdict, cells))}

    def child(connection: socket.socket) -> None:
        if shared:
            resource.setrlimit(resource.RLIMIT_DATA, (shared + JUDGE_MB * MB,) * 2)
        try:
            result = answer(pickle.loads(_receive(connection)))
        except Exception as error:
            result = {"failed": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        _send(connection, json.dumps(result).encode())

    warm.serve_forks(socket.socket(fileno=listener), child)


def _send(sock: socket.socket, body: bytes) -> None:
    sock.sendall(LENGTH.pack(len(body)) + body)


def _receive(sock: socket.socket) -> bytes:
    (length,) = LENGTH.unpack(_exactly(sock, LENGTH.size))
    return _exactly(sock, length)


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = sock.recv(min(1 << 20, count - len(data)))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
