"""Turns the test cells into markdown, which no kernel runs.

The judge runs the source notebook's cells, not these.
"""

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "research §3, 31"
ANSWERS = all_wrong("")


def submit(nb, folder):
    for cell in nb.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
            cell.cell_type = "markdown"
            del cell["outputs"], cell["execution_count"]
    hand_in(nb, folder)
