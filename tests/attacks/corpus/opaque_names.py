"""Returns objects whose types are called CheckFailed, Tensor, or by half a character.

A type's name stands in a message; it is no type.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": 'def softmax(scores, dim=-1):\n    return type("CheckFailed", (), {})()\n',
    "A8_2-answer": """
class Scale(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        return type("Tensor", (), {"shape": x.shape})()
""",
    "A8_3-answer": """
import sys

server = sys.modules.get("course.grading.student_process")
if server:
    call = server.Student.do_call

    def half(self, header, buffers):
        reply, raw = call(self, header, buffers)
        return {**reply, "value": {"opaque": "\\ud800\\x1b[31m"}}, raw

    server.Student.do_call = half


def mean_of(numbers):
    return -1.0
""",
}
