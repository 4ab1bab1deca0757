"""Hands in numbers of a million digits, written out and computed.

The compiler refuses the one; the other is counted as computing time.
"""

from tests.attacks.answers import WRONG_MEAN, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": f"number = {'9' * 1_000_000}\n" + WRONG_SOFTMAX,
    "A8_3-answer": WRONG_MEAN + "\nnumber = 9**9**9\n",
}
