"""Patches the functions that pack and send its values, so that every reply says what it likes.

It can say nothing that it could not have returned: a value, which is wrong.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + """
import sys

wire = sys.modules.get("course.grading.wire")
if wire:
    send = wire.send

    def forged(sock, header, buffers):
        send(sock, {**header, "passed": True, "score": 5, "verdict": "passed", "changed": [0], "graph": 0}, buffers)

    wire.send = forged
"""
}
