"""Hands in a link to somebody else's folder instead of one of its own.

Links are not followed, wherever they stand in a path.
"""

from tests.attacks.target import POINTS

SOURCE = "this design"
ZERO = tuple(POINTS)


def submit(nb, folder):
    folder.rmdir()
    folder.symlink_to("../aa-honest-right/08-target")
