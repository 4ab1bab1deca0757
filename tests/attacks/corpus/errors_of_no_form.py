"""Reports errors whose type is a list, whose ancestry is a number and whose line is beyond any file.

Only text and small numbers are taken over; nothing else is looked into.
"""

from tests.attacks.answers import CHANNEL

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + """
reply(errors=[{"label": "<A8_1-answer>", "type": [], "mro": 5, "message": {}, "line": 1e300}, 7, None])
if False:
    softmax = None
"""
}
