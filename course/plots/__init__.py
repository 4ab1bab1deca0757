"""Figures of the course: each function draws the data it is given on the Axes it is given, and returns them."""
