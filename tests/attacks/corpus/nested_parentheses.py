"""Hands in ten thousand parentheses, one inside the other, to break the compiler.

A cell that can't be compiled is an error of the answer's.
"""

SOURCE = "this design"
ANSWERS = {"A8_1-answer": "softmax = " + "(" * 10_000 + ")" * 10_000}
