"""Overwrites its arguments and reports that none was changed; then reports changes of arguments that there are not.

The report may cost points and gives none; the judge's inputs are copies that stay behind.
"""

SOURCE = "this design"
ANSWERS = {
    "A8_1-answer": """
import sys

server = sys.modules.get("course.grading.student_process")
if server:
    call = server.Student.do_call

    def lying(self, header, buffers):
        reply, raw = call(self, header, buffers)
        return {**reply, "changed": [-1, 10**30, True, "0"]}, raw

    server.Student.do_call = lying


def softmax(scores, dim=-1):
    return scores.mul_(0).add_(1)
"""
}
