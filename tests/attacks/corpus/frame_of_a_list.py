"""Replies with a list where an object is expected, and with nothing at all.

Then it is no reply.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {"A8_1-answer": CHANNEL + 'send_frame(b"[1, 2, 3]")\nsend_frame(b"")\n' + WRONG_SOFTMAX}
