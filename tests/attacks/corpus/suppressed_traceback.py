"""Has the kernel swallow tracebacks, so that a failed test leaves no trace.

A test that did not say that it passed has failed.
"""

from tests.attacks.answers import all_wrong

SOURCE = "research §3, 31"
ANSWERS = all_wrong(
    """
import sys

shell = get_ipython()
shell.showtraceback = shell._showtraceback = lambda *args, **kwargs: None
shell.set_custom_exc((Exception,), lambda *args, **kwargs: None)
sys.excepthook = lambda *args: None
"""
)
