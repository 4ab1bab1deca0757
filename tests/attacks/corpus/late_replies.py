"""Goes on replying from a thread of its own after the call has returned.

A reply too many is taken for the answer to what is asked next: a claim about values, and wrong.
"""

from tests.attacks.answers import CHANNEL

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + """
import threading
import time


def again():
    for _ in range(50):
        time.sleep(0.01)
        row = {"dtype": "float32", "shape": [1], "stride": [1], "offset": 0, "storage": 0}
        reply(bytes(4), value={"tensor": 0}, tensors=[row], errors=[])


def softmax(scores, dim=-1):
    threading.Thread(target=again, daemon=True).start()
    return scores
"""
}
