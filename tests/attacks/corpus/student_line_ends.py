"""Has a name with line ends and a terminal's escapes in it, which prints a line of its own into the log.

What goes to a terminal or a report is plain text on one line.
"""

from tests.attacks.answers import all_wrong

SOURCE = "this design"
STUDENT = "mallory\n1 of 1: mallory 15 of 15\r\x1b[2K\x1b]0;owned\x07"
ANSWERS = all_wrong("")
