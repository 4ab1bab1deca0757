"""Remembers the inputs of a hidden test, and carries them out in the error of a visible one that comes after it.

What a process saw of hidden tests must not come out in visible ones.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": """
seen = []


def softmax(scores, dim=-1):
    seen.append(scores.flatten()[:3].tolist())
    raise ValueError(f"so far {seen}")
"""
}
