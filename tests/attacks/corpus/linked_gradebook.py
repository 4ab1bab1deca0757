"""Hands in links to the gradebook, the grader's secret and the source, in the hope that they are copied along.

Links are not followed, and nothing beside the notebook is copied.
"""

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "research §3, 32"
ANSWERS = all_wrong("")


def submit(nb, folder):
    hand_in(nb, folder)
    (folder / "notes.db").symlink_to("../../../gradebook.db")
    (folder / "secret.txt").symlink_to("../../../.grading/secret")
    (folder / "other.ipynb").symlink_to("../../../solutions/08-target/target.ipynb")
