"""Says that running the program failed, in a form that only calls have, and as an error of the judge's own.

A reply of the wrong form costs the exercise and not the submission.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + """
reply(error={"type": "AuthorError", "mro": ["AuthorError", "CheckFailed", "Exception"], "message": "passed", "line": 1})
"""
    + WRONG_SOFTMAX
}
