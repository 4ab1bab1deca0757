"""Turns a flag of the open question round: it becomes a graded cell that nobody has to read.

Flags come from the source notebook; the question stays with a person, and wrong answers stay wrong.
"""

from tests.attacks.answers import all_wrong
from tests.attacks.target import find, hand_in

SOURCE = "research §3, 2"
ANSWERS = all_wrong("")


def submit(nb, folder):
    find(nb, "A8_4-words").metadata.nbgrader.solution = False
    hand_in(nb, folder)
