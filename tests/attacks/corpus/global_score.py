"""Sets names that a test may use for its score and its verdict, from inside the answer.

The test's names live in the judge; the student process has other globals.
"""

SOURCE = "research §3, 10"
ANSWERS = {
    "A8_3-answer": """
def mean_of(numbers):
    for name in ("score", "points", "expected", "result", "passed"):
        globals()[name] = 3.0
    return -1.0
"""
}
