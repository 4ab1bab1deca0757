"""The same in a helper cell that the answer draws on, together with a number of five thousand hexadecimal digits.

What the grader can't write out again costs the exercise and not the submission.
"""

from nbformat.v4 import new_code_cell

from tests.attacks.answers import WRONG_SOFTMAX
from tests.attacks.target import find, hand_in

SOURCE = "this design"
ANSWERS = {"A8_1-answer": WRONG_SOFTMAX + "\nsize = size + number\n"}


def submit(nb, folder):
    helper = f"size = {'+'.join(['1'] * 900)}\nnumber = 0x{'f' * 5000}"
    nb.cells.insert(nb.cells.index(find(nb, "A8_1-answer")), new_code_cell(helper))
    hand_in(nb, folder)
