"""Raises errors whose names and messages are formulas, for whoever opens grades.csv.

A cell of the file never begins with what a spreadsheet would run, whichever separator it believes in.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": """
def softmax(scores, dim=-1):
    raise type("=1+1", (Exception,), {})("=cmd|' calc'!A0")
""",
    "A8_3-answer": """
def mean_of(numbers):
    raise ValueError("harmless; =HYPERLINK(1);=cmd|' calc'!A0\\t=1+1,=1+1\\",=1+1")
""",
}
