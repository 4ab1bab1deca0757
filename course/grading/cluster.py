"""`course grade --scheduler tcp://…`: judge on the machines of a Dask cluster instead of on this one.

What travels is the source and the rebuilt notebook; what returns is the verdict. Gradebook, journal and reports are
written here as ever. A worker that dies loses nothing: Dask hands its submissions to another.

Scheduler and workers have this course installed, in the same version as here (a worker with another one is refused),
and each worker keeps its own warm processes and sandbox. Dask's own messages are pickles, which run code on whoever
reads them: the cluster must be machines that trust each other, on a network of their own or with Dask's TLS
(`tls://…`, set up in Dask's configuration). Nothing that ran a student's code ever writes such a message.
"""

import contextlib
import pickle
import re
import socket
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING

from course.errors import CourseError
from course.grading.journal import verdict_key
from course.grading.judges import Job, Judged, JudgeFailed, Judges, bench
from course.grading.notebook import Source
from course.grading.submissions import Submission

if TYPE_CHECKING:
    import distributed

CONNECT_SECONDS = 5
# A worker keeps the warm processes (some 500 MB) of this many sources: of this run's, and of one that begins or ends.
KEPT_BENCHES = 2


@contextlib.contextmanager
def cluster(address: str, sandboxed: bool = True, device: str = "cpu") -> Iterator["ClusterJudging"]:
    """Judges on the workers of the scheduler at `address`, such as tcp://host:8786.

    Raises:
        CourseError: Dask is not installed, this is no address, nobody answers there in time, or it has no worker.
    """
    try:
        import distributed
    except ModuleNotFoundError:
        raise CourseError("--scheduler needs Dask: pip install '.[cluster]'", 1) from None
    if not re.fullmatch(r"(tcp|tls)://.+:\d+", address):
        raise CourseError(f"--scheduler {address}: expected an address such as tcp://host:8786 or tls://host:8786")
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, RuntimeError) as error:
        raise CourseError(f"no Dask scheduler answers at {address} ({_line(error)})", 1) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise CourseError(f"the scheduler at {address} has no worker: run `dask worker {address}`", 1) from None
        yield ClusterJudging(client, address, sandboxed, device)


class ClusterJudging:
    """A `Judging` (judges.py) whose judges are elsewhere."""

    def __init__(self, client: "distributed.Client", address: str, sandboxed: bool, device: str):
        self._client = client
        self._lost = f"the connection to the scheduler at {address} was lost; what was done is kept"
        self._setting = (sandboxed, device)
        self._packed: dict[str, Packed] = {}
        self._remote: dict[Future, distributed.Future] = {}

    @property
    def width(self) -> int:
        """Two for each thread that the workers have now: one at work, one that waits for its turn."""
        try:
            return max(1, 2 * sum(self._client.nthreads().values()))
        except Exception:  # Dask has many ways to say so
            raise CourseError(self._lost, 1) from None

    def submit(self, source: Source, job: Job) -> "Future[Judged]":
        if source.assignment not in self._packed:
            self._packed[source.assignment] = Packed.of(source)
        future: Future[Judged] = Future()
        # The job goes as bytes: Dask would look through a notebook for tasks of its own. A name is for one run only.
        arguments = (self._packed[source.assignment], pickle.dumps(job), *self._setting)
        remote = self._client.submit(judge_on_worker, *arguments, key=f"course-{uuid.uuid4().hex}", pure=False)
        self._remote[future] = remote
        remote.add_done_callback(lambda remote: self._settle(future, remote))
        return future

    def stop(self) -> None:
        with contextlib.suppress(Exception):  # there may be nobody left to tell
            self._client.cancel(list(self._remote.values()), force=True)

    def _settle(self, future: Future, remote: "distributed.Future") -> None:
        """Hand the outcome over, in a thread of Dask's."""
        try:
            if remote.status == "finished":
                outcome = remote.result()
            elif remote.status == "error":
                outcome = _failure(remote.exception())
            else:
                outcome = CourseError(self._lost, 1)
        except Exception as error:
            outcome = CourseError(f"{self._lost} ({_line(error)})", 1)
        self._remote.pop(future, None)
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


def _failure(error: BaseException) -> Exception:
    """What an error on a worker means here: a reason to stop, or one submission without a verdict."""
    from distributed.scheduler import KilledWorker

    if isinstance(error, CourseError | JudgeFailed):
        return error
    if isinstance(error, ModuleNotFoundError):
        return CourseError(f"the cluster has not this course installed ({_line(error)})", 1)
    if isinstance(error, KilledWorker):
        return JudgeFailed("every worker that judged it died")
    return JudgeFailed(_line(error))


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


# ---- on a worker ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Packed:
    """A source on its way to a worker. key: names source, library and versions, as they were where it was packed."""

    body: bytes
    key: str

    @classmethod
    def of(cls, source: Source) -> "Packed":
        return cls(pickle.dumps(source), _key(source))

    def unpack(self) -> Source:
        """The source. CourseError if verdicts could differ here from what they would be where it was packed."""
        with contextlib.suppress(Exception):  # another version may not even be able to read it
            source = pickle.loads(self.body)
            if _key(source) == self.key:
                return source
        raise CourseError(
            f"the worker on {socket.gethostname()} has another version of this course, of Python, torch or numpy, or "
            "another kind of processor: its verdicts could differ",
            1,
        )


def _key(source: Source) -> str:
    nothing = Submission("", source.assignment, Path(), None)
    return verdict_key(source, nothing, source.assignment, repr(source.limits))


def judge_on_worker(packed: Packed, job: bytes, sandboxed: bool, device: str) -> Judged:
    """Judge one submission with this worker's own warm processes, which start with the first of its source.

    Raises:
        JudgeFailed: there is no verdict.
        CourseError: this worker has another version of the course, or no whole sandbox.
    """
    with BENCHES.judges(packed, sandboxed, device) as judges:
        return judges.judge(pickle.loads(job))


class _Benches:
    """The warm processes of this worker, for all of its threads: those of the sources that were used last."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._open: dict[tuple, tuple[Judges, contextlib.ExitStack]] = {}  # in the order of their last use
        self._users: dict[tuple, int] = {}

    @contextlib.contextmanager
    def judges(self, packed: Packed, sandboxed: bool, device: str) -> Iterator[Judges]:
        name = (packed.key, sandboxed, device)  # not the body: two pickles of one source may differ
        with self._guard:
            judges, stack = self._open.pop(name, None) or self._start(packed, sandboxed, device)
            self._open[name] = judges, stack
            self._users[name] = self._users.get(name, 0) + 1
        try:
            yield judges
        finally:
            with self._guard:
                self._users[name] -= 1
                self._close(keep=KEPT_BENCHES)

    def _start(self, packed: Packed, sandboxed: bool, device: str) -> tuple[Judges, contextlib.ExitStack]:
        stack = contextlib.ExitStack()
        return stack.enter_context(bench([packed.unpack()], sandboxed, device)), stack

    def _close(self, keep: int) -> None:
        for name in [name for name in self._open if not self._users[name]][: max(0, len(self._open) - keep)]:
            self._open.pop(name)[1].close()

    def close(self) -> None:
        """End them all, whatever they are doing."""
        for _, stack in self._open.values():
            stack.close()


BENCHES = _Benches()
# Not atexit: the worker process under Dask's nanny is a child of multiprocessing, which doesn't run that.
Finalize(None, BENCHES.close, exitpriority=0)
