"""Patches how its process describes errors, so that all of them look like the stub's, or like a check's own.

The type of an error words a message; it never gives a point.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": """
import sys

server = sys.modules.get("course.grading.student_process")
if server:
    server.describe = lambda error: {"type": "CheckFailed", "mro": ["CheckFailed"], "message": "", "line": None}


def softmax(scores, dim=-1):
    raise RuntimeError
""",
    "A8_3-answer": """
class CheckFailed(AssertionError):
    pass


def mean_of(numbers):
    raise CheckFailed("passed")
""",
}
