"""Announces buffers of half a terabyte behind a header that is well formed.

The sum of the sizes is checked before a byte is read.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {"A8_1-answer": CHANNEL + 'send_frame(b\'{"errors": [], "sizes": [549755813888]}\')\n' + WRONG_SOFTMAX}
