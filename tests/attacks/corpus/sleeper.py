"""Sleeps: it uses no computing time at all, and holds a place in the queue.

An exercise may last a few times its computing time, not longer.
"""

SOURCE = "this design"
ANSWERS = {"A8_1-answer": "import time\n\n\ndef softmax(scores, dim=-1):\n    time.sleep(10_000)\n"}
