"""Hands in a pipe that nobody writes to, under the notebook's name.

Only plain files are opened.
"""

import os

from tests.attacks.target import NOTEBOOK, POINTS

SOURCE = "this design"
ZERO = tuple(POINTS)


def submit(nb, folder):
    os.mkfifo(folder / NOTEBOOK)
    os.mkfifo(folder / "timestamp.txt")
