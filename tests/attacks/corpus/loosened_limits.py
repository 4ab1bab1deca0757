"""Raises its own limits, lifts its CPU time and makes itself more urgent than everybody else.

A limit can only be lowered by those who have no rights.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + """
import os
import resource


def softmax(scores, dim=-1):
    try:
        os.nice(-10)
        raise RuntimeError("GOT" + "-IN with priority")
    except OSError:
        pass
    for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
        soft, hard = resource.getrlimit(kind)
        try:
            resource.setrlimit(kind, (hard, hard + 1000))
            raise RuntimeError("GOT" + "-IN with limits")
        except (OSError, ValueError):
            pass
    return scores
"""
}
