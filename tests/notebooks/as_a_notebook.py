"""A pytest plugin: let nbval run cells as a notebook does.

nbval asks its kernel not to store history, and IPython then does not see the semicolon that keeps the last value of a
plotting cell from being shown.
"""

from nbval.kernel import RunningKernel


def execute_cell_input(kernel: RunningKernel, cell_input: str, allow_stdin: bool | None = None) -> str:
    return kernel.kc.execute(cell_input, allow_stdin=allow_stdin, stop_on_error=False)


RunningKernel.execute_cell_input = execute_cell_input
