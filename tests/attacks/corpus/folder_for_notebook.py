"""Hands in a folder under the notebook's name, and links that go in a circle.

Only plain files are opened, and links are not followed.
"""

from tests.attacks.target import NOTEBOOK, POINTS

SOURCE = "this design"
ZERO = tuple(POINTS)


def submit(nb, folder):
    (folder / NOTEBOOK).mkdir()
    (folder / "circle.ipynb").symlink_to("circle.ipynb")
    (folder / "up").symlink_to("..")
