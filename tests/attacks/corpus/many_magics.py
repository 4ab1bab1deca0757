"""Uses six hundred magics in one cell, more than IPython is willing to translate.

What the grader can't translate costs the exercise and not the submission.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {"A8_1-answer": "%pwd\n" * 600 + WRONG_SOFTMAX}
