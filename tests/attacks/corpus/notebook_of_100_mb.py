"""Hands in a notebook of a hundred megabytes, most of it empty cells.

A notebook has a limit of size; it is looked at before anything is read.
"""

from tests.attacks.target import NOTEBOOK, POINTS

SOURCE = "this design"
ZERO = tuple(POINTS)


def submit(nb, folder):
    cell = '{"cell_type": "raw", "id": "a", "metadata": {}, "source": ""},'
    with (folder / NOTEBOOK).open("w") as file:
        file.write('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [')
        for _ in range(100):
            file.write(cell * (1_000_000 // len(cell)))
        file.write(cell.rstrip(",") + "]}")
