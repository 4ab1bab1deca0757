"""Hands in files whose names hold a line's end, a leading dash, escapes for a terminal, and `..`.

Names are shown without what is not plain; a path is never made of them.
"""

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "this design"
ANSWERS = all_wrong("")


def submit(nb, folder):
    for name in ("-rf.ipynb", "..ipynb", "a\n5 of 5: mallory 15/15.ipynb", "\x1b]0;owned\x07\x1b[2J.ipynb", "...ipynb"):
        hand_in(nb, folder, name)
    (folder / "=HYPERLINK(1)\u202e.txt").symlink_to("nowhere")
