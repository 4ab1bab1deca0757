"""Imports the grader's own stand-in for the function that it was asked to write.

The stand-ins are not in the sandbox; those that an exercise may use are given to it as text.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + """
try:
    from course.given.a01_attention import softmax
except ImportError:
    pass
"""
}
