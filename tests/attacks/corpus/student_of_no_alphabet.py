"""Comes in a folder whose name is no text in any alphabet: bytes from an old Windows archive.

The grader says so, or shows what it can; the class goes on.
"""

from tests.attacks.answers import all_wrong

SOURCE = "this design"
STUDENT = b"M\xfcller"
ANSWERS = all_wrong("")
