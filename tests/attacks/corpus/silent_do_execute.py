"""Replaces the kernel's `do_execute`, so that it answers every request with `ok`.

The judge does not ask the student's process whether a test passed; it runs the test itself.
"""

from tests.attacks.answers import all_wrong

SOURCE = "research §3, 6"
ANSWERS = all_wrong(
    """
async def fine(*args, **kwargs):
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}


get_ipython().kernel.do_execute = fine
"""
)
