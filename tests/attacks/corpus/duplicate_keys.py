"""Says everything twice in one header, once harmless and once not.

JSON's last word counts, and only that one is looked at.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + """
twice = b'"sizes": [9], "sizes": [], "errors": [], "errors": 1, "error": 1, "error": []'
send_frame(b"{" + twice + b', "tensors": [], "tensors": {}}')
"""
    + WRONG_SOFTMAX
}
