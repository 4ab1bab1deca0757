"""Leaves a message for the processes of other students, on a socket that has no file.

Each process has a network of its own, and such sockets belong to it.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + """
import socket

waiting = socket.socket(socket.AF_UNIX)
try:
    waiting.bind("\\0course-attack-97531")
    waiting.listen(1)
except OSError:
    pass
""",
    "A8_3-answer": """
import socket


def mean_of(numbers):
    # The process of A8.1 is gone by now; what it left is not.
    with open("/proc/net/unix") as file:
        if "@course-attack-" + "97531" in file.read():
            raise RuntimeError("GOT" + "-IN to a sibling")
    return -1.0
""",
}
