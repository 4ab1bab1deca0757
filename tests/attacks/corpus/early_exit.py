"""Ends its process with `os._exit(0)` in the middle of a test.

A process that is gone costs the exercise; the others are judged in processes of their own.
"""

SOURCE = "research §3, 22"
ANSWERS = {"A8_1-answer": "import os\n\n\ndef softmax(scores, dim=-1):\n    os._exit(0)\n"}
