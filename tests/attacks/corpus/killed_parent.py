"""Kills the process that started it.

In its own process namespace the parent has no number that a signal could be sent to.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "research §3, 23"
ANSWERS = {
    "A8_1-answer": """
import os
import signal

if os.getppid() > 1:
    os.kill(os.getppid(), signal.SIGKILL)
"""
    + WRONG_SOFTMAX
}
