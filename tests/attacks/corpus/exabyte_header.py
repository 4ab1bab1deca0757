"""Announces a frame whose header is an exabyte long.

Lengths are checked before a byte is read; the process counts as gone.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {"A8_1-answer": CHANNEL + 'channel().sendall(struct.pack("!Q", 1 << 60) + b"x" * 1000)\n' + WRONG_SOFTMAX}
