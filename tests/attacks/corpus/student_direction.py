"""Has a name that reads from right to left, and so like another's.

Marks of direction are taken out of everything that is shown.
"""

from tests.attacks.answers import all_wrong

SOURCE = "this design"
STUDENT = "mallory\u202ethgir-tsenoh\u202c"
ANSWERS = all_wrong("")
