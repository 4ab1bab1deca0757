"""Defines two thousand helpers, each of which needs the one before: slow, for whoever looks them up one at a time.

Looking for what an answer draws on takes one step for each name.
"""

from nbformat.v4 import new_code_cell

from tests.attacks.answers import WRONG_SOFTMAX
from tests.attacks.target import find, hand_in

SOURCE = "this design"
ANSWERS = {"A8_1-answer": WRONG_SOFTMAX + "\nlast = name1999\n"}


def submit(nb, folder):
    helper = "\n".join(["name0 = 0", *(f"name{i} = name{i - 1}" for i in range(1, 2000))])
    nb.cells.insert(nb.cells.index(find(nb, "A8_1-answer")), new_code_cell(helper))
    hand_in(nb, folder)
