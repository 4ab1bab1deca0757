"""Runs the reference solution, found in the course's `solutions/`.

That folder does not exist in the sandbox, nor does anything else of the course but what answers may import.
"""

from tests.attacks.answers import ROOTS, WRONG_SOFTMAX

SOURCE = "research §3, 12"
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + ROOTS
    + """
import json

try:
    with open(first("solutions/08-target/*.ipynb")) as file:
        for cell in json.load(file)["cells"]:
            text = "".join(cell["source"])
            if "def softmax" in text:
                exec(text)
except OSError:
    pass
"""
}
