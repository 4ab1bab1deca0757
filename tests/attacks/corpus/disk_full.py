"""Writes file after file until the disk is full.

An answer's files live in a small private place in memory, which is gone with it.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
HARMS = "it would write two gigabytes"
# Even unfenced it ends at two gigabytes, and takes away what it wrote.
ANSWERS = {
    "A8_1-answer": """
import os
import tempfile

with tempfile.TemporaryDirectory() as folder:
    try:
        for number in range(200):
            with open(os.path.join(folder, str(number)), "wb") as file:
                file.write(bytes(10_000_000))
    except OSError:
        pass
"""
    + WRONG_SOFTMAX
}
