"""Puts functions that are always content over those that a test compares with.

They are replaced in the student process only; the judge has its own.
"""

from tests.attacks.answers import all_wrong

SOURCE = "research §3, 14"
ANSWERS = all_wrong(
    """
import math

abs = lambda x: -1.0
math.isclose = torch.allclose = torch.equal = lambda *args, **kwargs: True
torch.testing.assert_close = lambda *args, **kwargs: None
check.close = lambda *args, **kwargs: None
"""
)
