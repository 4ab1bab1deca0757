"""Replies byte by byte, a few in a second, so that something always seems to be coming.

The exercise has one deadline, not one for each byte.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + """
import time

found = channel()
found.sendall(struct.pack("!Q", 1_000_000))
for _ in range(2000):
    found.sendall(b" ")
    time.sleep(0.05)
"""
    + WRONG_SOFTMAX
}
