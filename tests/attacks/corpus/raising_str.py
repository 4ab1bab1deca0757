"""Raises an error that raises SystemExit when somebody asks for its message.

It is an error of the answer's all the same.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": """
class Mute(Exception):
    def __str__(self):
        raise SystemExit(0)


def softmax(scores, dim=-1):
    return scores


raise Mute
"""
}
