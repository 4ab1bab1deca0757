"""Marks the test cells as cells of the student's, and fills them with what always holds.

What a cell is, the source notebook says.
"""

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "research §3, 30"
ANSWERS = all_wrong("")


def submit(nb, folder):
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code":
            cell.metadata.nbgrader.update(solution=True, locked=False)
            cell.metadata.course.role = "answer"
            cell.source = "check.close(1, 1)"
    hand_in(nb, folder)
