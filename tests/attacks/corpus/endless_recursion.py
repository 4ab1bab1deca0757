"""Calls itself without end, with Python's own limit on that lifted.

The stack ends, and with it the process.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": """
import sys

sys.setrecursionlimit(1_000_000_000)


def softmax(scores, dim=-1):
    return softmax(scores, dim)
"""
}
