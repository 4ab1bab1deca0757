"""Hands in a sum of a thousand terms: short enough to compile, too deep for code that walks a syntax tree by itself.

What the grader can't take apart costs the exercise and not the submission.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": f"size = {'+'.join(['1'] * 1000)}\nname = torch{'.a' * 1500} if False else 0\n" + WRONG_SOFTMAX
}
