"""A run that was killed is, bit for bit, the run that never was; a file that is no checkpoint of it is refused."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from course.errors import CourseError
from course.training import train
from tests.support.training_run import STEPS, batches, killable, loss, make_model, validate

ROOT = Path(__file__).parents[2]


def run(model, steps, path=None, **options):
    return train(model, batches, loss, steps=steps, checkpoint=path, progress=False, **options)


def start(folder: Path, *how: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "tests.support.training_run", str(folder), *how], cwd=ROOT)


def test_killed_and_resumed_is_never_killed(tmp_path):
    """Killed at a random moment, killed while it writes, then left alone; with dropout, Adam and best weights."""
    path = tmp_path / "run.pt"
    process = start(tmp_path)
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.5))
    process.kill()
    assert process.wait() == -signal.SIGKILL
    first = torch.load(path)["history"]["losses"]

    assert start(tmp_path, "write").wait(300) == -signal.SIGKILL
    second = torch.load(path)["history"]["losses"]
    assert 0 < len(first) < len(second) < STEPS and second[: len(first)] == first

    (resumed, history), (whole, wanted) = killable(path), killable(None)
    assert history.losses == wanted.losses and history.validations == wanted.validations
    torch.testing.assert_close(resumed.state_dict(), whole.state_dict(), rtol=0, atol=0)


def test_a_longer_run_goes_on_from_the_last_weights_not_the_best(tmp_path):
    """Validation gets worse from the start, so the best weights are early ones."""
    worse = {"validate": lambda model: -validate(model), "validate_every": 2, "learning_rate": 0.01}
    short, longer, whole = make_model(), make_model(seed=1), make_model()
    assert run(short, 6, tmp_path / "run.pt", **worse).best[0] == 2
    history = run(longer, 12, tmp_path / "run.pt", **worse)
    assert history.losses == run(whole, 12, **worse).losses
    torch.testing.assert_close(longer.state_dict(), whole.state_dict(), rtol=0, atol=0)


def test_a_finished_run_returns_at_once(tmp_path, capsys):
    path = tmp_path / "new folder" / "run.pt"
    values = iter([1.0, 2.0, 3.0])
    options = {"validate": lambda model: next(values), "validate_every": 2, "patience": 2}
    model, again = make_model(), make_model(seed=1)
    history = run(model, 20, path, **options)
    written = path.stat().st_mtime_ns

    def never(*_):
        raise AssertionError("a finished run needs no batch")

    second = train(again, never, loss, steps=20, checkpoint=path, **options)
    assert second == history and second.stopped_early and second.steps == 6
    torch.testing.assert_close(again.state_dict(), model.state_dict(), rtol=0, atol=0)
    assert not again.training and path.stat().st_mtime_ns == written
    assert capsys.readouterr().out == f"{path}: resumed after step 6 of 20\n"


def test_the_whole_file_is_there_or_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    run(make_model(), 2, path)
    old = path.read_bytes()

    def fail(state, file):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="No space"):
        run(make_model(), 4, path)
    assert path.read_bytes() == old


def test_any_damage_is_found_or_harmless(tmp_path):
    """Cut short at any place, or with any bit flipped: one clear line, or the very same run."""
    path, broken = tmp_path / "run.pt", tmp_path / "broken.pt"
    history = run(model := make_model(), 3, path)
    whole = path.read_bytes()
    damages = [whole[: random.randrange(len(whole))] for _ in range(20)]
    for _ in range(150):
        flipped = bytearray(whole)
        flipped[random.randrange(len(whole))] ^= 1 << random.randrange(8)
        damages.append(bytes(flipped))
    refused, harmless = 0, 0
    for damage in [b"", b"no checkpoint", *damages]:
        broken.write_bytes(damage)
        try:
            again = run(other := make_model(seed=1), 3, broken)
        except CourseError as error:
            refused += str(error).startswith(f"{broken} ") and "\n" not in str(error)
        else:
            assert again == history
            torch.testing.assert_close(other.state_dict(), model.state_dict(), rtol=0, atol=0)
            harmless += 1
    assert refused + harmless == 172 and refused > 22 + 50


def test_a_checkpoint_of_something_else(tmp_path):
    path = tmp_path / "run.pt"
    run(make_model(), 2, path)
    bigger = torch.nn.Sequential(*make_model(), torch.nn.Linear(11, 11))
    frozen = make_model()
    frozen[0].weight.requires_grad_(False)
    before = [weight.clone() for weight in bigger.parameters()]
    for model, options, message in [
        (bigger, {}, "another model's weights"),
        (frozen, {}, "'trainable parameters': 5"),
        (make_model(), {"seed": 1}, "'seed': 0"),
        (make_model(), {"accumulate": 2}, "'accumulate': 1"),
        (make_model(), {"optimizer": torch.optim.SGD}, "'optimizer': 'Adam'"),
    ]:
        with pytest.raises(CourseError, match=message) as caught:
            run(model, 4, path, **options)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert all(torch.equal(old, new) for old, new in zip(before, bigger.parameters(), strict=True))


def test_a_checkpoint_runs_no_code(tmp_path):
    class Attack:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "was here",))

    torch.save({"model": Attack()}, tmp_path / "run.pt")
    with pytest.raises(CourseError, match="no whole checkpoint"):
        run(make_model(), 2, tmp_path / "run.pt")
    assert not (tmp_path / "was here").exists()
