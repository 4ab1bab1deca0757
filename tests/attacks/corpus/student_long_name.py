"""Has a name as long as a file system allows, so that no file can be called after it.

The run does not end there: it is graded, or named as what can't be.
"""

from tests.attacks.answers import all_wrong

SOURCE = "this design"
STUDENT = "long-name-" + "x" * 245
ANSWERS = all_wrong("")
