"""Forks children that fork children.

An answer may have so many processes at a time, and all of them end with it.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "research §3, 25"
HARMS = "it would fill the process table"
# Even unfenced it ends: eleven doublings are 2,048 processes, and each is gone after 20 seconds.
ANSWERS = {
    "A8_1-answer": """
import os
import time

first = os.getpid()
for doubling in range(11):
    try:
        os.fork()
    except OSError:
        pass
if os.getpid() != first:
    time.sleep(20)
    os._exit(0)
"""
    + WRONG_SOFTMAX
}
