"""Hands in a torch.py, a math.py and a course/check.py beside the notebook.

Nothing but the text of the answer cells goes into the student process.
"""

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "research §3, 32"
ANSWERS = all_wrong("")
CONTENT = "print('imported')\n\ndef __getattr__(name):\n    return lambda *args, **kwargs: 1\n"


def submit(nb, folder):
    (folder / "course").mkdir()
    for name in ("torch.py", "math.py", "course/__init__.py", "course/check.py", "conftest.py", "sitecustomize.py"):
        (folder / name).write_text(CONTENT)
    hand_in(nb, folder)
