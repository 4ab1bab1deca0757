"""Displays a point for itself before it returns a wrong value, as a test with partial credit does.

Outputs count for nothing here; a cell earns its points if it ran to its end and a check in it held.
"""

SOURCE = "research §3, 8"
ANSWERS = {
    "A8_1-answer": "def softmax(scores, dim=-1):\n    get_ipython().displayhook(1.0)\n    return scores\n",
    "A8_3-answer": "def mean_of(numbers):\n    get_ipython().displayhook(1.0)\n    return -1.0\n",
}
