"""Makes empty files until no more can be made.

An answer may have so many files; they live in memory and are gone with it.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
HARMS = "it would make fifty thousand files"
ANSWERS = {
    "A8_1-answer": """
import os
import tempfile

with tempfile.TemporaryDirectory() as folder:
    try:
        for number in range(50_000):
            os.close(os.open(os.path.join(folder, str(number)), os.O_CREAT))
    except OSError:
        pass
"""
    + WRONG_SOFTMAX
}
