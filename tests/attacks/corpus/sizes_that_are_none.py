"""Gives the sizes of its buffers as negative numbers, fractions and words.

A size that is no count makes the frame no frame.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {"A8_1-answer": CHANNEL + 'send_frame(b\'{"errors": [], "sizes": [-1, 0.5, "8", true]}\')\n' + WRONG_SOFTMAX}
