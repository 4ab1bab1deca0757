"""Displays a word before it returns a wrong value: nbgrader takes an output that is no number for full marks.

Outputs count for nothing here; a cell earns its points if it ran to its end and a check in it held.
"""

SOURCE = "research §3, 7"
ANSWERS = {
    "A8_1-answer": 'def softmax(scores, dim=-1):\n    get_ipython().displayhook("passed")\n    return scores\n',
    "A8_3-answer": 'def mean_of(numbers):\n    get_ipython().displayhook("passed")\n    return -1.0\n',
}
