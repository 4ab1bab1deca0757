"""Returns an object that says of itself that it is a tensor, and pretends to every attribute.

The student process fails to pack it; that is an error of the answer's.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": """
class Pretender:
    __class__ = torch.Tensor

    def __getattr__(self, name):
        return lambda *args, **kwargs: self


def softmax(scores, dim=-1):
    return Pretender()
"""
}
