"""Prints thirty megabytes.

Standard output leads nowhere.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "research §3, 26"
ANSWERS = {"A8_1-answer": 'for _ in range(30):\n    print("x" * 1_000_000)\n' + WRONG_SOFTMAX}
