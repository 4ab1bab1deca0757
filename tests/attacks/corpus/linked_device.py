"""Hands in a link to a device that never ends, under the notebook's name.

Links are not followed.
"""

from tests.attacks.target import NOTEBOOK, POINTS

SOURCE = "this design"
HARMS = "it would read without end"
ZERO = tuple(POINTS)


def submit(nb, folder):
    (folder / NOTEBOOK).symlink_to("/dev/zero")
    (folder / "timestamp.txt").symlink_to("/dev/zero")
