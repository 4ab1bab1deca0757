"""Never returns, and catches whatever would interrupt it, at the top of the answer cell.

Nothing is interrupted: the process is ended from outside.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "research §3, 24"
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
}
