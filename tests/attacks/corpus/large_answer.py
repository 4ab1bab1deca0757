"""Hands in an answer of two megabytes of numbers, which takes gigabytes to parse.

An answer has a length.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {"A8_1-answer": f"table = [{'1,' * 1_000_000}]\n" + WRONG_SOFTMAX}
