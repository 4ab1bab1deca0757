"""Reads the memory at address zero, through ctypes.

A process that is gone costs its exercise.
"""

SOURCE = "this design"
ANSWERS = {"A8_1-answer": "import ctypes\n\n\ndef softmax(scores, dim=-1):\n    return ctypes.string_at(0)\n"}
