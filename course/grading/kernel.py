"""A fresh Jupyter kernel that runs a notebook's cells one by one, and survives what they do to it.

For notebooks that run on their own author's computer: `course check`, and the reference run of `course validate`.
Nothing is fenced off here; grading runs answers in processes of its own.
"""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from course.errors import CourseError

STARTUP_SECONDS = 120
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_log = logging.getLogger("course.kernel")
_log.addHandler(logging.NullHandler())
_log.propagate = False


@dataclass
class CellRun:
    """What became of one cell. `lost` is "", "timeout" or "died": with either, the kernel is gone."""

    ename: str = ""
    evalue: str = ""
    lost: str = ""
    outputs: list[NotebookNode] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return bool(self.ename or self.lost)


class _ThisPython(KernelSpecManager):
    """Whatever kernel a notebook names, run the Python that runs `course`: it is the one that has the course."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
            # On a shared machine every account can connect to a kernel's ports, and read what it prints.
            metadata={"supported_encryption": "curve"},
        )


class _Client(NotebookClient):
    """An nbclient that keeps errors only, so that a loop that prints does not fill the memory."""

    keep_outputs = False

    def output(self, outs: list, msg: dict, display_id: str, cell_index: int) -> NotebookNode | None:
        if self.keep_outputs or msg["msg_type"] == "error":
            return super().output(outs, msg, display_id, cell_index)
        return None


class Kernel:
    """Use as a context manager. `restart` gives an empty kernel again after one was lost.

    cwd: the kernel's folder. cell_seconds: the limit of each cell. environment: variables to set (None removes one).
    first: code that each new kernel runs before anything else.
    """

    def __init__(
        self,
        cwd: Path,
        cell_seconds: float,
        environment: Mapping[str, str | None] | None = None,
        keep_outputs: bool = False,
        first: str | None = None,
    ):
        self._cwd = cwd
        self._cell_seconds = cell_seconds
        self._environment = kernel_environment(environment or {})
        self._keep_outputs = keep_outputs
        self._first = first
        self._client: _Client | None = None

    def __enter__(self) -> "Kernel":
        self.restart()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def run(self, cell: NotebookNode) -> CellRun:
        """Run one code cell to its end, its error, its time limit or the kernel's death. `cell` is left as it is."""
        cell = NotebookNode(cell_type="code", source=cell.source, metadata={}, outputs=[], execution_count=None)
        client = self._client
        client.nb.cells = [cell]
        try:
            client.execute_cell(cell, 0)
        except CellTimeoutError:
            return CellRun(lost="timeout")
        except (DeadKernelError, RuntimeError):  # a RuntimeError: the kernel was dead before the cell began
            return CellRun(lost="died")
        for output in cell.outputs:
            if output.output_type == "error":
                return CellRun(_plain(output.ename), _plain(output.evalue), outputs=cell.outputs)
        return CellRun(outputs=cell.outputs)

    def restart(self) -> None:
        self._stop()
        manager = AsyncKernelManager(kernel_spec_manager=_ThisPython(), log=_log, transport_encryption="required")
        client = _Client(
            new_notebook(),
            km=manager,
            timeout=self._cell_seconds,
            startup_timeout=STARTUP_SECONDS,
            iopub_timeout=60,  # output may lag behind on a busy computer
            allow_errors=True,
            shutdown_kernel="immediate",
            log=_log,
        )
        client.keep_outputs = self._keep_outputs
        client.reset_execution_trackers()
        self._client = client
        try:
            client.start_new_kernel(
                cwd=str(self._cwd), env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            client.start_new_kernel_client()
        except Exception as error:  # jupyter_client raises a different type for each way in which a start fails
            self._stop()
            raise CourseError(f"no Python kernel would start here ({_plain(str(error))[:120]})", 1) from None
        if self._first is not None:
            self.run(new_code_cell(self._first))

    def _stop(self) -> None:
        client, self._client = self._client, None
        if client is not None and client.km is not None:
            client._cleanup_kernel()


def kernel_environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    """The environment of a kernel or of nbval: this process's, where `import course` finds this very course."""
    home = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH")
    environment = dict(os.environ, PYTHONPATH=home + (os.pathsep + path if path else ""))
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    return environment


def _plain(text: str) -> str:
    return _COLOUR.sub("", text)
