"""Leaves with `sys.exit(0)`, at the top of one answer and inside another.

SystemExit is an error of the answer's like any other.
"""

SOURCE = "research §3, 31"
ANSWERS = {
    "A8_1-answer": "import sys\n\n\ndef softmax(scores, dim=-1):\n    sys.exit(0)\n",
    "A8_3-answer": "import sys\n\nsys.exit(0)\n\n\ndef mean_of(numbers):\n    return 0.0\n",
}
