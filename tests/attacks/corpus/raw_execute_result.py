"""Sends a forged `execute_result` with two points on the kernel's own socket.

A student process has one socket, and what comes through it is a claim about values, never a score.
"""

SOURCE = "research §3, 8"
ANSWERS = {
    "A8_3-answer": """
def mean_of(numbers):
    kernel = get_ipython().kernel
    content = {"data": {"text/plain": "2.0"}, "metadata": {}, "execution_count": 1}
    kernel.session.send(kernel.iopub_socket, "execute_result", content, parent=kernel.get_parent("shell"))
    return -1.0
"""
}
