"""Looks for the hidden tests in notebooks around it, and carries what it finds out in an error.

In the student process there is no notebook: it holds the text of setup and answers, and nothing else.
"""

from tests.attacks.answers import ROOTS

SOURCE = "research §3, 11"
ANSWERS = {
    "A8_1-answer": ROOTS
    + """
def softmax(scores, dim=-1):
    for pattern in ("*.ipynb", "autograded/*/*/*.ipynb", "solutions/*/*.ipynb"):
        try:
            with open(first(pattern)) as file:
                text = file.read()
            raise RuntimeError(text[text.index("HIDDEN" + " TESTS") :][:280])
        except (OSError, ValueError):
            pass
    return scores
"""
}
