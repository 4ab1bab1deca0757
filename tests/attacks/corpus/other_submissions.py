"""Reads what others handed in, and hands in the right answer that it finds there.

No other submission is in the sandbox.
"""

from tests.attacks.answers import ROOTS, WRONG_SOFTMAX

SOURCE = "research §3, 28"
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + ROOTS
    + """
import json

try:
    with open(first("submitted/aa-honest-right/08-target/*.ipynb")) as file:
        for cell in json.load(file)["cells"]:
            text = "".join(cell["source"])
            if "def softmax" in text:
                exec(text)
except OSError:
    pass
"""
}
