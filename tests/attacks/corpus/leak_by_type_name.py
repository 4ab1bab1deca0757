"""Carries the inputs of hidden tests out in the name of an error's type, and of a returned object's.

Of a hidden test feedback holds the test's name and our words, none of the student's.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": """
def softmax(scores, dim=-1):
    raise type(f"Saw{int(scores.max())}", (Exception,), {})
""",
    "A8_3-answer": 'def mean_of(numbers):\n    return type(f"Saw{int(numbers[0])}", (), {})()\n',
}
