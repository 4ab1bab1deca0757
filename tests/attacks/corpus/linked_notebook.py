"""Hands in a link to somebody else's notebook.

Links are not followed.
"""

from tests.attacks.target import NOTEBOOK, POINTS

SOURCE = "this design"
ZERO = tuple(POINTS)


def submit(nb, folder):
    (folder / NOTEBOOK).symlink_to(f"../../aa-honest-right/08-target/{NOTEBOOK}")
