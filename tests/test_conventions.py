"""What tests/conftest.py arranges is really in force."""

import sys
from pathlib import Path

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


def test_no_folder_of_tests_takes_the_place_of_a_module_of_pythons():
    """pytest calls a package below tests/ by its bare name: `tests/site/__init__.py` would be `site` to everyone."""
    packages = {path.parent.name for path in Path(__file__).parent.glob("*/__init__.py")}
    assert packages
    assert not packages & sys.stdlib_module_names


def test_no_fixture_asks_to_live_as_long_as_a_folder():
    """In a folder without `__init__.py` pytest keeps it to the very end: a browser would be in the next one's way."""
    wide = 'scope="' + 'package"'
    assert [str(path) for path in Path(__file__).parent.rglob("*.py") if wide in path.read_text(encoding="utf-8")] == []
