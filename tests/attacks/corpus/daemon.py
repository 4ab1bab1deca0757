"""Starts a process in a session of its own and without a parent, which outlives whoever is killed with a group.

It ends with its process namespace.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "research §3, 25"
ANSWERS = {
    "A8_1-answer": """
import subprocess

try:
    subprocess.run(["sh", "-c", "setsid sleep 97531 >/dev/null 2>&1 &"])
except OSError:
    pass
"""
    + WRONG_SOFTMAX
}
