"""Replaces every check, and the counter of checks that held.

The judge's process has a `course.check` of its own; this one is the student's to break.
"""

from tests.attacks.answers import all_wrong

SOURCE = "research §3, 17"
ANSWERS = all_wrong(
    """
for name in check.__all__:
    if callable(getattr(check, name)):
        setattr(check, name, lambda *args, **kwargs: check.ledger.count())
check.ledger.passed = 99
"""
)
