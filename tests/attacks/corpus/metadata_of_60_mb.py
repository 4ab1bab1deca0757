"""Hands in a notebook with sixty megabytes of metadata.

A notebook has a limit of size; it is looked at before anything is read.
"""

from tests.attacks.target import POINTS, hand_in

SOURCE = "research §3, 26"
ZERO = tuple(POINTS)


def submit(nb, folder):
    nb.metadata["padding"] = "x" * 60_000_000
    hand_in(nb, folder)
