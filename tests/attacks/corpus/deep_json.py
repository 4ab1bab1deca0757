"""Replies with a million brackets, one inside the other.

The parser gives up, and so does the judge on this process.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + """
send_frame(b'{"sizes": [], "errors": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}")
"""
    + WRONG_SOFTMAX
}
