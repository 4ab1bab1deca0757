"""Stops the process that it was forked from, so that nobody else is graded.

In its own process namespace that process has no number.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
# A child starts it again after two seconds, where it can be stopped.
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + """
import os
import signal
import time

parent = os.getppid()
stopped = False
if parent > 1:
    try:
        os.kill(parent, signal.SIGSTOP)
        stopped = True
    except OSError:
        pass
if stopped and os.fork() == 0:
    time.sleep(2)
    os.kill(parent, signal.SIGCONT)
    os._exit(0)


def softmax(scores, dim=-1):
    if stopped:
        raise RuntimeError("GOT" + "-IN to the parent")
    return scores
"""
}
