"""Raises an error with a message of fifty megabytes.

Of a message two kilobytes cross the border, and a line of it is shown.
"""

SOURCE = "research §3, 26"
ANSWERS = {"A8_1-answer": 'def softmax(scores, dim=-1):\n    raise ValueError("long " * 10_000_000)\n'}
