"""Clears the output of every cell after it ran: no output is full marks where silence counts as success.

Positive proof: a cell that says nothing earns nothing.
"""

from tests.attacks.answers import all_wrong

SOURCE = "research §3, 9"
ANSWERS = all_wrong(
    """
from IPython.display import clear_output

get_ipython().events.register("post_run_cell", lambda result: clear_output())
"""
)
