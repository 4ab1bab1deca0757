"""Hands in two notebooks under other names, whose cells are called by lists instead of words.

The one that holds more of the assignment's cells is taken; what is no name is none.
"""

from tests.attacks.answers import all_wrong
from tests.attacks.target import find, hand_in

SOURCE = "this design"
ANSWERS = all_wrong("")


def submit(nb, folder):
    hand_in(nb, folder, "first.ipynb")
    find(nb, "A8_4-words").metadata.nbgrader.grade_id = ["A8_4-words"]
    hand_in(nb, folder, "second.ipynb")
