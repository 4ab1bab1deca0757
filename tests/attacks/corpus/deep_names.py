"""Nests a reply just deep enough to be parsed, in places where a name or a message is expected.

What is no text is not made into text; a form that is not the wire's is no reply.
"""

from tests.attacks.answers import CHANNEL, WRONG_SOFTMAX

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": CHANNEL
    + """
deep = b"[" * 900 + b"]" * 900
parts = b", ".join(b'"' + name + b'": ' + deep for name in (b"type", b"mro", b"message", b"line"))
send_frame(b'{"sizes": [], "error": {' + parts + b"}}")
"""
    + WRONG_SOFTMAX
}
