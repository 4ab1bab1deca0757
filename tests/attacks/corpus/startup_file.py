"""Leaves a file in ~/.ipython that makes the checks of whoever is graded later always content.

Home is private and gone with the process, and no shell reads a start-up file here.
"""

from tests.attacks.answers import WRONG_SOFTMAX

SOURCE = "research §3, 16"
ANSWERS = {
    "A8_1-answer": WRONG_SOFTMAX
    + """
from pathlib import Path

for name in (".ipython/profile_default/startup/00.py", ".config/matplotlib/matplotlibrc", "sitecustomize.py"):
    try:
        path = Path.home() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("from course import check\\ncheck.close = lambda *args, **kwargs: None\\n")
    except OSError:
        pass
"""
}
