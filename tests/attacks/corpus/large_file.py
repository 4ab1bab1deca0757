"""Writes a file of two hundred megabytes beside the notebook and into its home.

An answer's files live in a small private place in memory, which is gone with it.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "research §3, 27"
ANSWERS = {
    "A8_1-answer": """
import os

for folder in (".", os.path.expanduser("~"), "/tmp", "/dev/shm"):
    path = os.path.join(folder, "large-97531")
    try:
        with open(path, "wb") as file:
            for _ in range(200):
                file.write(bytes(1_000_000))
    except OSError:
        pass
    try:
        os.remove(path)
    except OSError:
        pass
"""
    + WRONG_SOFTMAX
}
