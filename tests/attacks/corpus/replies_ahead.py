"""Sends forty replies before anything was asked, and then reads no more.

Each is taken for what the next request returns: claims about values, which are wrong. A judge that can't send waits no
longer than the exercise's time.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + """
import time

row = {"dtype": "float32", "shape": [1], "stride": [1], "offset": 0, "storage": 0, "grad": True}
for _ in range(40):
    reply(bytes(4), errors=[], value={"tensor": 0}, tensors=[row], graph=0, handle=0, parameters={}, buffers={})
time.sleep(1000)
"""
    + WRONG_SOFTMAX
}
