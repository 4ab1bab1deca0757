"""One fresh judge process a submission, forked from a warm parent; several at a time."""

import multiprocessing
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from course.grading.notebook import Source
from course.grading.rebuild import Rebuilt
from course.grading.verdict import CellVerdict, ExerciseVerdict

# Judging also parses, seeds and compares; this is what it may take beside the answers' own limits.
SPARE_SECONDS = 120

_GUARD = threading.Lock()
_RUNNING: set = set()


@dataclass(frozen=True)
class Job:
    """What a judge needs for one submission."""

    source: Source
    rebuilt: Rebuilt
    zygote: Path
    secret: str
    student: str


class JudgeFailed(Exception):
    """The judge of a submission did not come to a verdict: the reason, in one line."""


def warm_up(preload: list[str]) -> multiprocessing.context.BaseContext:
    """The context whose processes are forked from a parent that has imported the judge and done nothing else."""
    os.environ |= {
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
        "NBGRADER_EXECUTION": "autograde",
    }
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["course.grading.judge", *preload])
    return context


def judge_in_process(context, job: Job) -> tuple[list[ExerciseVerdict], list[CellVerdict]]:
    """Judge one submission in a process of its own. Raises JudgeFailed if there is no verdict."""
    receiver, sender = context.Pipe(duplex=False)
    with _GUARD:  # starting a process is not thread-safe in multiprocessing
        process = context.Process(target=_judge, args=(sender, job), daemon=True)
        process.start()
    sender.close()
    _RUNNING.add(process)
    limit = 6 * sum(exercise.seconds for exercise in job.source.exercises) + SPARE_SECONDS
    try:
        if not receiver.poll(limit):
            raise JudgeFailed(f"no verdict after {limit:.0f} s")
        kind, result = receiver.recv()
    except EOFError:
        process.join(5)
        raise JudgeFailed(f"the judge's process ended (exit code {process.exitcode})") from None
    finally:
        _RUNNING.discard(process)
        process.kill()
        process.join()
        receiver.close()
    if kind == "failed":
        raise JudgeFailed(result)
    return result


def stop_judges() -> None:
    """End the judges that are at work: whoever stops a run should not wait for a student's endless loop."""
    for process in list(_RUNNING):
        process.kill()


def _judge(sender, job: Job) -> None:
    import torch

    from course.grading.judge import Bench, judge

    torch.set_num_threads(1)
    try:
        sender.send(("judged", judge(job.source, job.rebuilt, Bench(job.zygote, job.secret, job.student))))
    except Exception as error:
        sender.send(("failed", " ".join(f"{type(error).__name__}: {error}".split())[:300]))
