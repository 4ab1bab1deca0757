"""Replies with NaN and Infinity in every place of a header.

They are no counts, no names and no trees; where a value may be a number, the test compares it.
"""

from tests.attacks.answers import CHANNEL

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + """
def softmax(scores, dim=-1):
    nan, endless = float("nan"), float("inf")
    reply(value=nan, graph=endless, changed=[nan], states={"0": nan}, tensors=[])
    return scores
""",
    "A8_3-answer": CHANNEL
    + """
def mean_of(numbers):
    reply(value=float("nan"), graph=float("inf"), changed=float("nan"), states=float("nan"), tensors=[])
    return float("nan")
""",
}
