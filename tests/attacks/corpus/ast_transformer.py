"""Has the kernel empty the syntax tree of every cell that comes after the answer.

There is no kernel: tests run in the judge's process, where no line of the student's ever runs.
"""

from tests.attacks.answers import all_wrong

SOURCE = "research §3, 3"
ANSWERS = all_wrong(
    """
import ast


class Empty(ast.NodeTransformer):
    def visit_Module(self, node):
        return ast.Module(body=[], type_ignores=[])


get_ipython().ast_transformers.append(Empty())
"""
)
