"""The device is the best that is there, and a seed makes every generator repeat itself."""

import random

import numpy as np
import pytest
import torch

from course import device


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_cuda_goes_before_mps_before_cpu(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device.device() == torch.device(expected)


def test_a_tensor_can_be_made_there():
    assert torch.ones(2, device=device.device()).sum().item() == 2


def draws():
    return random.random(), np.random.rand(), torch.rand(3).tolist()


def test_a_seed_repeats_all_generators():
    device.seed_everything(5)
    first = draws()
    second = draws()
    device.seed_everything(5)
    assert draws() == first
    assert first != second


def test_another_seed_gives_other_numbers():
    device.seed_everything(5)
    first = draws()
    device.seed_everything(6)
    assert all(mine != other for mine, other in zip(draws(), first, strict=True))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_numpy_would_refuse_is_refused_for_all(seed):
    with pytest.raises(ValueError, match="between 0 and"):
        device.seed_everything(seed)
