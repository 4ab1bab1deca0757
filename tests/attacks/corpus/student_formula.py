"""Is called by a formula that starts a program when a spreadsheet opens it.

What a spreadsheet would run gets an apostrophe in front.
"""

SOURCE = "this design"
STUDENT = "=cmd|' calc'!A0"
