"""Starts an interpreter of its own, outside of what was patched or limited, and has that read the course.

A child of the sandbox is in the sandbox.
"""

from tests.attacks.answers import ROOTS

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": ROOTS
    + """
import subprocess
import sys


def softmax(scores, dim=-1):
    code = "import course.grading.judge, course.given.a01_attention; print('GOT' + '-IN by import')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    if run.stdout:
        raise RuntimeError(run.stdout)
    return scores
"""
}
