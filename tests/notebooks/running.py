"""Runs a notebook in a kernel of its own and says how long it took, what it used, and where it stopped."""

import ast
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).parents[2]
# Put behind the last cell; its value is read from the notebook. The peak proves that a GPU was used at all.
MEASURE = """
import time, torch
peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
(time.process_time(), peak / 1e6)
"""


@dataclass(frozen=True)
class Run:
    """One notebook, run from top to bottom.

    Attributes:
        seconds: wall time, the kernel's start included.
        cpu_seconds: processor time of the kernel; nan if it stopped.
        gpu_megabytes: most memory that its tensors held on a CUDA device at a time; 0 without one.
        error: the cell and the error that ended it, or nothing.
    """

    notebook: str
    seconds: float
    cpu_seconds: float = float("nan")
    gpu_megabytes: float = 0.0
    error: str = ""


def notebooks() -> list[Path]:
    """The reference solutions and the lectures."""
    return sorted([*ROOT.glob("solutions/*/*.ipynb"), *ROOT.glob("lectures/**/*.ipynb")])


def run(path: Path, timeout: float = 600) -> Run:
    """Run one notebook, nothing of which is written back."""
    nb = nbformat.read(path, as_version=4)
    nb.cells.append(nbformat.v4.new_code_cell(MEASURE))
    name = f"{path.parent.name}/{path.name}"
    begun = time.monotonic()
    try:
        NotebookClient(nb, timeout=timeout, kernel_name="python3").execute(cwd=str(path.parent))
    except CellExecutionError as error:
        return Run(name, time.monotonic() - begun, error=f"cell {_stopped_at(nb)}: {error.ename}: {error.evalue}")
    except (CellTimeoutError, DeadKernelError) as error:
        return Run(name, time.monotonic() - begun, error=f"cell {_stopped_at(nb)}: {str(error).splitlines()[0]}")
    cpu_seconds, megabytes = ast.literal_eval(nb.cells[-1].outputs[-1].data["text/plain"])
    return Run(name, time.monotonic() - begun, cpu_seconds, megabytes)


def _stopped_at(nb: nbformat.NotebookNode) -> str:
    """The id of the last cell that began: the one whose error ended the run."""
    begun = [cell.id for cell in nb.cells if cell.cell_type == "code" and "execution" in cell.metadata]
    return begun[-1] if begun else nb.cells[0].id
