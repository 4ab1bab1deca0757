"""What autocast computes in, and fp16's scaler; a CPU has one too, so no GPU is needed to see it work."""

import math

import pytest
import torch
from torch import nn

from course.errors import CourseError
from course.training import train
from course.training.processes import autocast_dtype
from tests.support.training_run import batches, loss, make_model


def test_bf16_when_asked_for():
    seen = []

    def watch(model, batch):
        logits = model(batch.tokens)
        seen.append(logits.dtype)
        return nn.functional.cross_entropy(logits.flatten(0, 1).float(), batch.targets.flatten(), reduction="sum"), 1

    model = make_model()
    train(model, batches, watch, steps=1, precision="bf16", progress=False)
    train(model, batches, watch, steps=1, progress=False)
    assert seen == [torch.bfloat16, torch.float32]
    assert all(weight.dtype == torch.float32 for weight in model.parameters())


@pytest.mark.parametrize(("native", "wanted"), [(True, torch.bfloat16), (False, torch.float16)])
def test_cuda_without_bf16_of_its_own_takes_fp16(monkeypatch, native, wanted):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation)
    assert autocast_dtype("auto", torch.device("cuda")) is wanted
    assert autocast_dtype("fp32", torch.device("cuda")) is None


@pytest.fixture
def fp16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course.training.loop.autocast_dtype", lambda *_: torch.float16)


def overflow(model, batch):
    """A finite loss whose gradient is not."""
    return (model(batch.tokens) * 0).float().sum().sqrt(), 1


def test_fp16_trains_as_fp32_does(fp16, monkeypatch):
    options = {"steps": 20, "learning_rate": 0.01, "clip": 0.5, "progress": False}
    half = train(make_model(dropout=0.0), batches, loss, **options).losses
    monkeypatch.undo()
    assert half == pytest.approx(train(make_model(dropout=0.0), batches, loss, **options).losses, rel=0.01)


def test_fp16_leaves_a_step_out_where_the_gradient_overflows(fp16, tmp_path):
    path, model = tmp_path / "run.pt", make_model()
    before = [weight.clone() for weight in model.parameters()]
    train(model, batches, overflow, steps=1, checkpoint=path, progress=False)
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    scale = torch.load(path)["scaler"]["scale"]
    train(model, batches, loss, steps=2, checkpoint=path, progress=False)
    assert torch.load(path)["scaler"]["scale"] == scale < 65536  # halved once, and kept over the resumption
    assert not torch.equal(before[0], model[0].weight)


def test_fp16_stops_where_the_loss_overflows(fp16):
    with pytest.raises(CourseError, match="step 1: the loss is inf"):
        train(make_model(), batches, lambda *pair: (loss(*pair)[0] * math.inf, 1), steps=1, progress=False)


def test_a_run_may_change_its_precision_when_it_is_resumed(monkeypatch, tmp_path):
    """From a GPU with fp16 to a CPU and back."""
    for steps, dtype in enumerate([torch.float16, None, torch.float16], start=1):
        monkeypatch.setattr("course.training.loop.autocast_dtype", lambda *_, dtype=dtype: dtype)
        assert train(make_model(), batches, loss, steps=steps, checkpoint=tmp_path / "x", progress=False).steps == steps
