"""Names the graph of another call for each of its results, so that gradients come from somewhere else.

A gradient is a value like any other, and compared.
"""

from tests.attacks.answers import SCALE

SOURCE = "this design"
ANSWERS = {
    "A8_2-answer": SCALE.replace("x * self.weight + self.bias", "x * self.weight.detach() + 0 * self.bias")
    + """
import sys

server = sys.modules.get("course.grading.student_process")
if server:
    call = server.Student.do_call

    def elsewhere(self, header, buffers):
        reply, raw = call(self, header, buffers)
        return {**reply, "graph": 1_000_000_007}, raw

    server.Student.do_call = elsewhere
"""
}
