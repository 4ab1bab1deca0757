"""Makes the cells worth a thousand points each.

Points are the source notebook's.
"""

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "research §3, 31"
ANSWERS = all_wrong("")


def submit(nb, folder):
    for cell in nb.cells:
        if "points" in cell.metadata.get("nbgrader", {}):
            cell.metadata.nbgrader.points = 1000
    hand_in(nb, folder)
