"""Takes memory until there is none left.

An answer has a share of the memory; what it asks for beyond that is an error of its own, or its end.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "research §3, 27"
HARMS = "it would take six gigabytes"
# Even unfenced it ends at six gigabytes.
ANSWERS = {
    "A8_1-answer": """
hoard = []
try:
    for _ in range(60):
        hoard.append(bytearray(100_000_000))
        hoard[-1][::4096] = bytes(len(hoard[-1][::4096]))
except MemoryError:
    hoard.clear()
"""
    + WRONG_SOFTMAX
}
