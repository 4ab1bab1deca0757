"""Tags every test cell `skip-execution`, so that a notebook runner passes over it.

Tags are metadata: rebuild takes only the text of answer cells, and a test that did not run earns nothing.
"""

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "research §3, 1"
ANSWERS = all_wrong("")


def submit(nb, folder):
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["tags"] = ["skip-execution"]
    hand_in(nb, folder)
