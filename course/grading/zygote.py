"""The zygote: a process that has imported torch and forks a student process for each connection. It does nothing else.

It lives in the sandbox of sandbox.py; each child then confines itself further (confine.py) before it hears of an
answer. It never touches CUDA: the child does, where answers run on a GPU.
"""

import contextlib
import os
import socket
import sys
from collections.abc import Iterator

from course.errors import CourseError
from course.grading import confine, warm
from course.grading.limits import Limits

MODULE = "course.grading.zygote"
# What torch and answers import at their first comparison or random number: half a second in each child.
LATE_IMPORTS = ("torch.testing", "numpy.random")
SANDBOXED, PLAIN = "sandboxed", "plain"


@contextlib.contextmanager
def zygote(preload: list[str], sandboxed: bool = True, device: str = "cpu") -> Iterator[warm.Warm]:
    """Start a zygote that imports `preload`, inside the sandbox or, where the grader chose so, without one.

    Raises:
        CourseError: there is no bubblewrap, or no such device.
    """
    from course.grading import sandbox  # not there in the sandbox

    if device == "cuda" and not sandbox.gpus():
        raise CourseError("--device cuda: no NVIDIA GPU is here (no /dev/nvidia*)", 1)

    inner = warm.environment(gpu=device != "cpu")
    program = sandbox.bubblewrap() if sandboxed else None

    def command(listener: int) -> list[str]:
        arguments = [str(listener), SANDBOXED if sandboxed else PLAIN, device, *preload]
        if program is None:
            return [sys.executable, "-m", MODULE, *arguments]
        return sandbox.wrapped(program, MODULE, arguments, sandbox.ENVIRONMENT | inner, gpu=device != "cpu")

    with warm.started(command, sandbox.plain_environment() | inner) as started:
        yield started


def main(listener: int, mode: str, device: str, preload: list[str]) -> None:
    """Import, then fork."""
    import torch

    from course.grading import wire

    torch.set_num_threads(1)
    warm.import_all(("course.grading.student_process", "course.check", "course.check.stand_in"))
    warm.import_all((*LATE_IMPORTS, *preload))
    fork, restrict = os.fork, confine.limit_process
    if mode == SANDBOXED:
        fork, restrict = confine.fork_into_new_pid_namespace, confine.Confinement().confine

    def child(connection: socket.socket) -> None:
        """Confine this process as the judge's first words say, then serve."""
        from course.grading.student_process import serve

        header, _ = wire.receive(lambda size: wire.read_exactly(connection, size))
        limits = Limits.read(header["limits"])
        try:
            restrict(limits, header["seconds"])
        except (OSError, ValueError) as error:
            wire.send(connection, {"refused": str(error)}, [])
            return
        serve(connection, tuple(header["forbids"]), "cpu" if header["without_gpu"] else device, limits.gpu_share)

    warm.serve_forks(socket.socket(fileno=listener), child, fork)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
