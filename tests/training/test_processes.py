"""Two real processes that `torchrun` starts train as one does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from course.training import train
from tests.support.training_run import batches, loss, make_model, short_batches

ROOT = Path(__file__).parents[2]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
OPTIONS = {"learning_rate": 0.01, "accumulate": 2, "clip": 0.5, "progress": False}
WORKER = ["-m", "tests.support.training_run"]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What each of the two processes saw, and the standard error that they share."""
    folder = tmp_path_factory.mktemp("together")
    done = subprocess.run(
        [*TORCHRUN, *WORKER, str(folder)], cwd=ROOT, timeout=300, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = [torch.load(folder / f"rank{rank}.pt", weights_only=False) for rank in range(2)]
    return [rank | {"stderr": done.stderr} for rank in ranks]


@pytest.fixture(scope="module")
def alone() -> tuple:
    model = make_model(dropout=0.0, dtype=torch.float64)
    history = train(model, batches, loss, steps=8, **OPTIONS)
    return history, model.state_dict()


def test_the_shares_are_unequal():
    targets = batches(0).targets
    assert (targets[::2] != 0).sum() < (targets[1::2] != 0).sum()


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("kind", ["whole", "resumed"])
def test_two_processes_are_one(seen, alone, kind, rank):
    history, weights = alone
    torch.testing.assert_close(seen[rank][kind].losses, history.losses, rtol=1e-12, atol=0)
    assert seen[rank][kind].items == history.items
    torch.testing.assert_close(seen[rank][f"{kind} weights"], weights, rtol=1e-10, atol=1e-12)


def test_resumed_is_bit_for_bit_there_too(seen):
    for one in seen:
        assert one["whole"].losses == one["resumed"].losses
        torch.testing.assert_close(one["whole weights"], one["resumed weights"], rtol=0, atol=0)


def test_they_stop_together_as_the_first_one_decides(seen):
    for one in seen:
        assert one["stopped"].stopped_early
        assert one["stopped"].validations == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_one_bar_for_all(seen):
    assert seen[0]["stderr"].count(" 0/8 [") == 1


def test_chance_differs_between_processes(seen):
    assert len({*seen[0]["draws"], *seen[1]["draws"]}) == 6


def test_a_process_without_a_row_changes_nothing(seen):
    model = make_model(dropout=0.0, dtype=torch.float64)
    history = train(model, short_batches, loss, steps=6, **OPTIONS)
    for one in seen:
        torch.testing.assert_close(one["short"].losses, history.losses, rtol=1e-12, atol=0)
        assert one["short"].items == history.items
        torch.testing.assert_close(one["short weights"], model.state_dict(), rtol=1e-10, atol=1e-12)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.nightly
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers in Linux's /proc")
def test_a_killed_worker_ends_the_run_and_the_next_one_resumes(tmp_path):
    command = [*TORCHRUN, *WORKER, str(tmp_path), "killable"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while not (tmp_path / "run.pt").exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(children(process.pid)[-1], signal.SIGKILL)
    assert process.wait(300) != 0
    first = torch.load(tmp_path / "run.pt")["history"]["losses"]
    assert subprocess.run(command, cwd=ROOT, timeout=300, check=False).returncode == 0
    weights, losses = torch.load(tmp_path / "result.pt")

    whole = tmp_path / "whole"
    whole.mkdir()
    assert subprocess.run([*command[:-2], str(whole), "killable"], cwd=ROOT, timeout=300, check=False).returncode == 0
    whole_weights, whole_losses = torch.load(whole / "result.pt")
    assert losses[: len(first)] == first and losses == whole_losses
    torch.testing.assert_close(weights, whole_weights, rtol=0, atol=0)
