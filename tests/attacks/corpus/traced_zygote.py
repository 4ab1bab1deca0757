"""Attaches to the process that it was forked from, with ptrace, to change what later students are born as.

In its own process namespace that process has no number.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
# It lets go at once, so that nothing hangs where it does get in.
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + """
import ctypes
import os

ATTACH, DETACH = 16, 17
libc = ctypes.CDLL(None, use_errno=True)
attached = os.getppid() > 1 and libc.ptrace(ATTACH, os.getppid(), 0, 0) == 0
if attached:
    os.waitpid(os.getppid(), 0)
    libc.ptrace(DETACH, os.getppid(), 0, 0)


def softmax(scores, dim=-1):
    if attached:
        raise RuntimeError("GOT" + "-IN to the zygote")
    return scores
"""
}
