"""`course validate`: hold the marked outputs of a submission to the reference's, with nbval.

It informs; it never gives points, since a print can be forged. The submission is rebuilt on the source notebook and
then runs in an ordinary kernel, with the rights of whoever calls this: use it for notebooks that you trust.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course.errors import CourseError
from course.grading.handout import PRISTINE, shared_cells
from course.grading.kernel import Kernel, kernel_environment
from course.grading.nbval_report import REPORT
from course.grading.notebook import Source, grade_id_of, read_notebook, read_source
from course.grading.outputs import OUTPUTS, handed_out_outputs, is_marked

CELL_SECONDS, TOTAL_SECONDS = 120.0, 1800.0
SOURCES = "solutions"
GRADED_RUN = {"NBGRADER_EXECUTION": "autograde"}  # training cells take few steps, on both sides
INFORMS = "Validation informs: it never gives or takes points."


@dataclass
class Row:
    """One marked cell, or another cell that did not run to its end.

    status: same, differs, raised, timeout, died (the kernel ended), or not reached.
    """

    cell: str
    exercise: str
    marked: bool
    status: str
    expected: str = ""
    got: str = ""

    @property
    def failed(self) -> bool:
        """Whether this is not as in the reference: then `course validate` exits with 1."""
        return self.status != "same"


def validate(
    path: Path, root: Path, cell_seconds: float = CELL_SECONDS, total_seconds: float = TOTAL_SECONDS
) -> list[Row]:
    """Compare the marked cells of a submission with the reference; a row for each, and for each failure.

    root: a course, whose reference is run as it stands now, or a student release, which brings the outputs along.
    CourseError if there is no source notebook for it (exit code 2) or the reference itself fails (1).
    """
    from course.grading.rebuild import rebuild

    nb = read_notebook(path)
    original = _original_of(path, nb, root)
    source, folder = read_source(original), original.parent
    if original.is_relative_to(root / SOURCES):
        expected = reference_outputs(source, root, cell_seconds)
    else:
        expected = handed_out_outputs(root, source.assignment, source.notebook)
    rebuilt = rebuild(source, nb).nb
    for cell in rebuilt.cells:
        if cell.get("id") in expected:
            cell.outputs = [nbformat.from_dict(output) for output in expected[cell.id]]
            cell.execution_count = 1  # nbval compares nothing with a cell that was not run
    with _workplace(folder) as work:
        nbformat.write(rebuilt, work / f"{source.notebook}.ipynb")
        report = _run_nbval(work / f"{source.notebook}.ipynb", work.parent, cell_seconds, total_seconds)
    return _rows(rebuilt, report, set(expected))


def format_rows(rows: list[Row]) -> str:
    """The rows as text, for a terminal."""
    waiting = [row for row in rows if not row.marked and "NotImplementedError" in row.got]
    lines = []
    for row in rows:
        if row in waiting:
            continue
        kind = "marked output" if row.marked else "not marked"
        lines.append(f"{row.exercise:7} {row.cell:24} {kind:14} {row.status}")
        if row.status == "differs":
            lines += [f"{'':8}expected  {_short(row.expected)}", f"{'':8}got       {_short(row.got)}"]
        elif row.status != "same" and row.got:
            lines.append(f"{'':8}{_short(row.got)}")
    if waiting:
        lines.append(f"{len(waiting)} other cells wait for answers (NotImplementedError)")
    marked = [row for row in rows if row.marked]
    same = sum(row.status == "same" for row in marked)
    return "\n".join([*lines, "", f"{same} of {len(marked)} marked outputs are as in the reference. {INFORMS}"])


def reference_outputs(source: Source, root: Path, cell_seconds: float = CELL_SECONDS) -> dict[str, list[dict]]:
    """Run the reference and return the outputs of its marked cells, by cell id.

    Kept in .grading/reference/ of the course, under a key of the source notebook, the course package and torch.
    """
    kept = root / ".grading" / "reference" / f"{source.assignment}-{source.notebook}-{_key(source, root)}.json"
    try:
        return json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass  # not there yet, or cut short
    outputs = _run_reference(source, root / SOURCES / source.assignment, cell_seconds)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(outputs), encoding="utf-8")
        part.replace(kept)
        for outdated in set(kept.parent.glob(f"{source.assignment}-{source.notebook}-*.json")) - {kept}:
            outdated.unlink(missing_ok=True)
    except OSError:
        pass  # a course that cannot be written to is only slower
    return outputs


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """A copy of the assignment's files without its notebooks, for a kernel to run and to write in."""
    with tempfile.TemporaryDirectory(prefix="course-validate-") as scratch:
        work = Path(scratch) / "work"
        shutil.copytree(folder, work, ignore=shutil.ignore_patterns(".*", "__pycache__", "*.ipynb"))
        yield work


def _run_reference(source: Source, folder: Path, cell_seconds: float) -> dict[str, list[dict]]:
    outputs = {}
    with _workplace(folder) as work, Kernel(work, cell_seconds, GRADED_RUN, keep_outputs=True) as kernel:
        for cell in source.nb.cells:
            if cell.cell_type != "code":
                continue
            run = kernel.run(cell)
            if run.failed:
                reason = {"": f"{run.ename}: {run.evalue}", "timeout": "no end", "died": "the kernel ended"}[run.lost]
                reason = " ".join(reason.split())[:160]
                raise CourseError(f"the reference itself stops in cell {_name(cell)} ({reason})", 1)
            if is_marked(cell):
                outputs[cell.id] = run.outputs
    return outputs


def _key(source: Source, root: Path) -> str:
    digest = hashlib.sha256(f"{version('torch')} {sys.version}".encode())
    package = Path(__file__).resolve().parents[1]
    folder = root / SOURCES / source.assignment
    for base, pattern in ((package, "*.py"), (folder, "*")):
        for path in sorted(path for path in base.rglob(pattern) if path.is_file()):
            digest.update(f"\0{path.relative_to(base)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


def _original_of(path: Path, nb: NotebookNode, root: Path) -> Path:
    """The notebook it was made from: the one that shares most grade_ids; the file's name decides between equals."""
    sources = sorted((root / SOURCES).glob("*/*.ipynb"))
    if not sources and (root / OUTPUTS).is_dir():
        sources = sorted((root / PRISTINE).glob("*/*.ipynb"))
    if not sources:
        raise CourseError(
            f"{root} has no solutions/: validation needs the reference, which only instructors have, "
            "or the outputs that a student release brings along"
        )
    likeness = {
        candidate: (shared_cells(read_notebook(candidate), nb), candidate.name == path.name) for candidate in sources
    }
    best = max(sources, key=likeness.__getitem__)
    if not likeness[best][0]:
        raise CourseError(f"{path}: shares no cell with a notebook of {best.parents[1]}, so nothing can be compared")
    return best


def _run_nbval(notebook: Path, scratch: Path, cell_seconds: float, total_seconds: float) -> list[dict]:
    """Run pytest with nbval on a notebook, in a process group of its own; return what the plugin wrote."""
    report = scratch / "report.jsonl"
    command = [sys.executable, "-m", "pytest", "-p", "nbval.plugin", "-p", "course.grading.nbval_report"]
    command += ["-p", "no:cacheprovider", "-q", "-c", os.devnull, "--rootdir", str(scratch), "--nbval-lax"]
    command += ["--nbval-current-env", f"--nbval-cell-timeout={cell_seconds:g}", str(notebook)]
    changes = {REPORT: str(report), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": None, **GRADED_RUN}
    process = subprocess.Popen(
        command,
        cwd=scratch,
        env=kernel_environment(changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=total_seconds)
    except subprocess.TimeoutExpired:
        said = f"it took more than {total_seconds:g} s"
    finally:
        _end(process)
    if not report.exists():
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        raise CourseError(f"nbval did not run ({last[:160]})", 1)
    return [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]


def _end(process: subprocess.Popen) -> None:
    """End a pytest that is still there; its kernel ends itself when its parent is gone."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def _rows(nb: NotebookNode, report: list[dict], marked: set[str]) -> list[Row]:
    seen = {line["cell"]: line for line in report}
    rows, gone = [], False
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code):
        line = seen.get(number, {"outcome": "not reached", "outputs": []})
        status, got = line["outcome"], line["outputs"]
        if gone or status == "not reached":
            status, got = "not reached", []
        is_mark = cell.get("id") in marked
        gone = gone or status in ("died", "timeout")
        expected = _text(cell.outputs) if is_mark else ""
        if status == "ran":
            status = "same"
        elif status == "differs" and _without_warnings(got) == _without_warnings(cell.outputs):
            status = "same"  # a warning on stderr is no difference
        if is_mark or status not in ("same", "not reached"):
            exercise = cell.metadata.get("course", {}).get("exercise", "")
            rows.append(Row(_name(cell), exercise, is_mark, status, expected, _said(status, got)))
    return rows


def _without_warnings(outputs: list) -> list[dict]:
    """What nbval compares, without stderr."""
    kept = [output for output in outputs if output.get("name") != "stderr"]
    return [{"text": output.get("text"), "data": output.get("data")} for output in kept]


def _name(cell: NotebookNode) -> str:
    return grade_id_of(cell) or cell.get("id", "")


def _said(status: str, outputs: list) -> str:
    """What a cell put out; of one that raised, its error's first paragraph (below it stand values, side by side)."""
    errors = [output for output in outputs if output["output_type"] == "error"]
    return _text(errors).partition("\n\n")[0] if status == "raised" and errors else _text(outputs)


def _text(outputs: list) -> str:
    parts = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "error":
            parts.append(f"{output['ename']}: {output['evalue']}".removesuffix(": "))
        elif kind == "stream":
            parts.append(output["text"])
        else:
            parts.append(output["data"].get("text/plain", ""))
    return "".join(parts).strip()


def _short(text: str, length: int = 160) -> str:
    line = " / ".join(part for part in text.splitlines() if part.strip())
    return line if len(line) <= length else line[: length - 1] + "…"
