"""Hands in an answer cell twice, the second time as markdown, as a test and under the name of another.

Of two copies one is taken, by a rule that no flag changes; what it says is wrong in both.
"""

from copy import deepcopy

from tests.attacks.answers import all_wrong
from tests.attacks.target import find, hand_in

SOURCE = "this design"
ANSWERS = all_wrong("")


def submit(nb, folder):
    twin = deepcopy(find(nb, "A8_1-answer"))
    twin.id, twin.source = "twin", "check.close = lambda *args, **kwargs: None"
    twin.metadata.nbgrader.grade_id = "A8_1-values"
    nb.cells.append(twin)
    again = deepcopy(twin)
    again.id, again.metadata.nbgrader.grade_id = "again", "A8_1-answer"
    nb.cells.insert(0, again)
    hand_in(nb, folder)
