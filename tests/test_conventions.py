"""What tests/conftest.py arranges is really in force."""

import matplotlib
import pytest
import torch
from jaxtyping import TypeCheckError

from course.data import toy


def test_annotations_of_the_teaching_rooms_are_held():
    with pytest.raises(TypeCheckError):
        toy.sequences("three")


def test_one_thread_and_no_window():
    assert torch.get_num_threads() == 1
    assert matplotlib.get_backend().lower() == "agg"
