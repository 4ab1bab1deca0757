"""Hands in half a notebook.

It can't be read: it earns nothing, one line says why, and the class goes on.
"""

from tests.attacks.target import POINTS, hand_in

SOURCE = "research §3, 30"
ZERO = tuple(POINTS)


def submit(nb, folder):
    path = hand_in(nb, folder)
    path.write_text(path.read_text()[:3000])
