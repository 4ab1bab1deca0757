"""Every lecture runs, and gives what it stored: once under nbval.

nbval compares text, the sentence of a widget and the size of a figure; it does not see pictures (the tests of
course/plots hold what they draw), and it does not notice a dead kernel before a cell's time is up.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.notebooks.execute import lectures
from tests.notebooks.running import ROOT

SANITIZE = Path(__file__).with_name("nbval.cfg")
PLUGIN = "tests.notebooks.as_a_notebook"
SECONDS_OF_A_CELL = 120


@pytest.mark.parametrize("path", lectures(), ids=lambda path: path.stem)
def test_it_runs_and_gives_what_it_stored(path: Path):
    options = ["--nbval-sanitize-with", str(SANITIZE), "--nbval-cell-timeout", str(SECONDS_OF_A_CELL)]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        *options,
        "-p",
        "no:xdist",
        "-p",
        PLUGIN,
        "-q",
        "--no-header",
        str(path),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}  # figures are wanted
    begun = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    print(f"{path.name}: {time.monotonic() - begun:.0f} s")
    assert done.returncode == 0, done.stdout[-6000:]
