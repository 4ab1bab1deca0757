"""Each reference solution runs from top to bottom, demonstrations included, in the time that the course promises."""

import pytest

from tests.notebooks.running import ROOT, run

PROCESSOR_SECONDS = 90  # wall time says little where two tests share two cores


@pytest.mark.parametrize("path", sorted((ROOT / "solutions").glob("*/*.ipynb")), ids=lambda path: path.parent.name)
def test_a_solution_runs_to_its_end_in_time(path):
    found = run(path)
    assert found.error == ""
    assert found.cpu_seconds <= PROCESSOR_SECONDS
