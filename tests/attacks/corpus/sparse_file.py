"""Hands in a file that says it is three hundred megabytes and takes no place on the disk.

A notebook has a limit of size; it is looked at before anything is read.
"""

import os

from tests.attacks.target import NOTEBOOK, POINTS

SOURCE = "this design"
ZERO = tuple(POINTS)


def submit(nb, folder):
    (folder / NOTEBOOK).touch()
    os.truncate(folder / NOTEBOOK, 300_000_000)
