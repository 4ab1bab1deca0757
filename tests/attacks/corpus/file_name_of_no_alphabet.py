"""Hands in a notebook whose name is no text in any alphabet: bytes from an old Windows archive.

The name is shown as far as it can be; the answers in it are graded like others.
"""

import os

from tests.attacks.answers import all_wrong
from tests.attacks.target import hand_in

SOURCE = "this design"
ANSWERS = all_wrong("")


def submit(nb, folder):
    hand_in(nb, folder, os.fsdecode(b"L\xf6sung.ipynb"))
