"""Hands in a notebook whose metadata are ten thousand lists, one inside the other.

It can't be read: it earns nothing, one line says why, and the class goes on.
"""

from tests.attacks.target import POINTS, hand_in

SOURCE = "this design"
ZERO = tuple(POINTS)


def submit(nb, folder):
    path = hand_in(nb, folder)
    deep = '"metadata": {"deep": ' + "[" * 10_000 + "]" * 10_000 + "},"
    path.write_text(path.read_text().replace("{", "{" + deep, 1))
