"""A class that is not made: where it would lie, told to whatever asks the environment."""

from pathlib import Path

import pytest

from course.hub.place import Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(tmp_path / "class", port=18000, prefix="nobody-")
    for name, value in place.as_environment().items():
        monkeypatch.setenv(name, value)
    return place
