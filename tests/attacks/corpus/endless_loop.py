"""Never returns.

Each exercise has its seconds of computing time; the judge counts them from outside.
"""

SOURCE = "research §3, 24"
ANSWERS = {"A8_1-answer": "def softmax(scores, dim=-1):\n    while True:\n        pass\n"}
