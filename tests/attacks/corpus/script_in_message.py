"""Raises errors whose names and messages are scripts, for whoever opens a page.

Everything of a student's is escaped.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": """
def softmax(scores, dim=-1):
    raise type("<script>alert(97531)</script>", (Exception,), {})("<img src=x onerror=alert(97531)>")
""",
    "A8_3-answer": """
def mean_of(numbers):
    return type('"><svg/onload=alert(97531)>', (), {})()
""",
}
