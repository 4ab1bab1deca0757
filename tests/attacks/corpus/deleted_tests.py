"""Takes the test cells out of the notebook.

The source notebook still has them, and they judge.
"""

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "research §3, 31"
ANSWERS = all_wrong("")


def submit(nb, folder):
    nb.cells = [cell for cell in nb.cells if not cell.metadata.get("nbgrader", {}).get("grade")]
    hand_in(nb, folder)
