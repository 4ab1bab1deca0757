"""Answers a request for gradients with complex and boolean tensors of the right shape.

They become the input's dtype, and their values are compared.
"""

from tests.attacks.answers import WRONG_SCALE

SOURCE = "this design"
ANSWERS = {
    "A8_2-answer": WRONG_SCALE
    + """
import sys

server = sys.modules.get("course.grading.student_process")
if server:
    vjp = server.Student.do_vjp

    def other_dtype(self, header, buffers):
        inputs, _ = self.graphs[header["graph"]]
        packer = server.wire.Packer()
        kinds = [torch.complex64, torch.bool, torch.int8]
        reply = {"value": packer.pack([torch.ones(t.shape, dtype=kinds[i % 3]) for i, t in enumerate(inputs)])}
        reply["tensors"], raw = packer.table()
        return reply, raw

    server.Student.do_vjp = other_dtype
"""
}
