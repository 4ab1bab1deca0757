"""Answers a request for gradients with tensors of another shape, or with none.

Each gradient is held to the shape of its input before autograd sees it.
"""

from tests.attacks.answers import WRONG_SCALE

SOURCE = "this design"
ANSWERS = {
    "A8_2-answer": WRONG_SCALE
    + """
import sys

server = sys.modules.get("course.grading.student_process")
if server:

    def other_shape(self, header, buffers):
        packer = server.wire.Packer()
        reply = {"value": packer.pack([torch.zeros(7, 7, 7)] * 3)}
        reply["tensors"], raw = packer.table()
        return reply, raw

    server.Student.do_vjp = other_shape
"""
}
