"""No attack: right answers that warn on standard error, which stock nbgrader takes for failure.

Warnings never cost a point here.
"""

from tests.attacks.answers import MEAN, SOFTMAX

SOURCE = "research §3, F"
ZERO = ()
WARN = "    import sys, warnings\n    warnings.warn('deprecated')\n    print('a word', file=sys.stderr)\n"
ANSWERS = {
    "A8_1-answer": SOFTMAX.replace("dim=-1):\n", "dim=-1):\n" + WARN),
    "A8_3-answer": MEAN.replace("(numbers):\n", "(numbers):\n" + WARN),
}
