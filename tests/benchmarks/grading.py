"""How fast `course grade` is, beside `nbgrader autograde` with its stock preprocessors, in one run on one class.

    python -m tests.benchmarks.grading [--submissions 40] [--whole 20] [--rounds 2] [--jobs 2] [--without-stock]

1. Honest submissions whose A1.9 is left out: wall time of both, their ratio, and whether the scores are equal.
2. Whole submissions: wall time against the processor time of the notebooks themselves, divided by the jobs.
3. The private memory of a submission in flight: its judge and its student process.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import nbformat

from course.grading.judges import MODULE as JUDGES
from course.grading.notebook import role_of
from course.grading.zygote import MODULE as ZYGOTE
from tests.sample_class import Student, submission

ROOT = Path(__file__).parents[2]
ASSIGNMENT = "01-attention"
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(ROOT),
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),  # nbgrader calls alembic
}
STOCK_CONFIG = """
c = get_config()
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
c.Execute.timeout = 120
c.Execute.startup_timeout = 120
c.Execute.iopub_timeout = 60
"""


def make_course(root: Path, students: int, stubs: tuple[str, ...]) -> Path:
    """A course of one assignment with honest submissions, as nbgrader and `course grade` both read it."""
    for folder in ("solutions", "assignments"):
        shutil.copytree(ROOT / folder / ASSIGNMENT, root / folder / ASSIGNMENT)
    (root / "nbgrader_config.py").write_text(STOCK_CONFIG)
    source = nbformat.read(root / "solutions" / ASSIGNMENT / "attention.ipynb", as_version=4)
    released = nbformat.read(root / "assignments" / ASSIGNMENT / "attention.ipynb", as_version=4)
    for number in range(students):
        folder = root / "submitted" / f"student-{number:03}" / ASSIGNMENT
        folder.mkdir(parents=True)
        student = Student(id=folder.parent.name, note="", stubs=stubs)
        (folder / "attention.ipynb").write_text(json.dumps(submission(source, released, student)))
    return root


def timed(command: list[str], cwd: Path) -> float:
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return time.perf_counter() - begun


def stock(root: Path) -> float:
    """Seconds of `nbgrader autograde`, from nothing graded to everything graded."""
    for name in ("gradebook.db", "autograded"):
        remove(root / name)
    nbgrader = [sys.executable, "-m", "nbgrader"]
    timed([*nbgrader, "generate_assignment", ASSIGNMENT, "--force", "--create"], root)
    return timed([*nbgrader, "autograde", ASSIGNMENT, "--create"], root)


def ours(root: Path, jobs: int) -> float:
    """Seconds of `course grade --no-feedback`, from nothing graded to everything graded."""
    remove(root / "out")
    command = ["grade", ASSIGNMENT, "--no-feedback", "--out", "out", "--jobs", str(jobs)]
    return timed([sys.executable, "-m", "course.cli", *command], root)


def remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


def scores(path: Path) -> dict[str, float]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{path}") as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions(ASSIGNMENT)}


def notebook_cpu_seconds(root: Path, jobs: int) -> float:
    """Processor time of one whole notebook's own cells, run top to bottom in a plain process that has imported all.

    `jobs` of them run at a time, as when a class is graded: two that share a core are slower, each.
    """
    nb = nbformat.read(next((root / "submitted").glob("*/*/*.ipynb")), as_version=4)
    source = nbformat.read(root / "solutions" / ASSIGNMENT / "attention.ipynb", as_version=4)
    answers = {cell.metadata.nbgrader.grade_id: cell.source for cell in nb.cells if role_of(cell) == "answer"}
    cells = [
        answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
        for cell in source.cells
        if cell.cell_type == "code" and role_of(cell) in ("setup", "given", "answer", "visible", "hidden")
    ]
    code = (
        "import json, sys, time, torch\ntorch.set_num_threads(1)\ncells = json.load(sys.stdin)\n"
        "scope = {'__name__': '__main__'}\nexec(cells[0], scope)\nexec(cells[1], scope)\n"
        "import torch.fx.experimental.symbolic_shapes, torch.testing\nbegun = time.process_time()\n"
        "for cell in cells:\n    exec(cell, scope)\nprint('cpu', time.process_time() - begun)"
    )
    environment = ENVIRONMENT | {"NBGRADER_EXECUTION": "autograde", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}

    def run(_) -> float:
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, input=json.dumps(cells), capture_output=True, text=True, check=True, env=environment
        )
        return float(re.search(r"^cpu (\S+)", done.stdout, flags=re.MULTILINE)[1])

    with ThreadPoolExecutor(jobs) as pool:
        return statistics.mean(pool.map(run, range(jobs)))


class PrivateMemory(threading.Thread):
    """Samples, while a run goes on, the private memory of judges and student processes.

    most: of one process of each kind, in MB. together: of all, for each submission in flight, in MB.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.most = {JUDGES: 0.0, ZYGOTE: 0.0}
        self.together = 0.0
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(0.05):
            found = {name: [] for name in self.most}
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, StopIteration, TypeError):
                    line = (process / "cmdline").read_bytes().decode().split("\0")
                    name = next(name for name in self.most if name in line)
                    if "bwrap" not in line[0] and not is_parent(process, name):
                        found[name].append(private_megabytes(process))
            for name, sizes in found.items():
                self.most[name] = max([self.most[name], *sizes])
            if found[JUDGES]:
                self.together = max(self.together, sum(map(sum, found.values())) / len(found[JUDGES]))

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def is_parent(process: Path, name: str) -> bool:
    """A warm process itself, whose children have its command line; the zygote's own parent is bubblewrap."""
    status = (process / "status").read_text()
    parent = re.search(r"^PPid:\s+(\d+)", status, flags=re.MULTILINE)[1]
    line = (Path("/proc") / parent / "cmdline").read_bytes().decode().split("\0")
    return name not in line or "bwrap" in line[0]


def private_megabytes(process: Path) -> float:
    rows = (line.split() for line in (process / "smaps_rollup").read_text().splitlines()[1:])
    return sum(int(row[1]) for row in rows if row[0].startswith("Private_")) / 1000


def spread(values: list[float], unit: str = "") -> str:
    return f"{statistics.median(values):.2f}{unit} (from {min(values):.2f} to {max(values):.2f}, {len(values)} runs)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=40)
    parser.add_argument("--whole", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--without-stock", action="store_true", help="leave the first part out, which takes long")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not options.without_stock:
            against_stock(Path(folder), options)
        whole_submissions(Path(folder), options)


def against_stock(folder: Path, options: argparse.Namespace) -> None:
    root = make_course(folder / "without-training", options.submissions, ("A1.9",))
    theirs, mine = [], []
    for number in range(options.rounds):
        print(f"round {number + 1} of {options.rounds}: nbgrader autograde …", flush=True)
        theirs.append(stock(root))
        print(f"  {theirs[-1]:.1f} s; course grade, three times …", flush=True)
        mine.append([ours(root, options.jobs) for _ in range(3)])
        print("  " + ", ".join(f"{seconds:.1f} s" for seconds in mine[-1]), flush=True)
    equal = scores(root / "gradebook.db") == scores(root / "out" / "gradebook.db")
    ratios = [their / seconds for their, row in zip(theirs, mine, strict=True) for seconds in row]
    print(f"{options.submissions} honest submissions without A1.9, --no-feedback --jobs {options.jobs}")
    print(f"  nbgrader autograde   {spread(theirs, ' s')}")
    print(f"  course grade         {spread([seconds for row in mine for seconds in row], ' s')}")
    print(f"  times as fast        {spread(ratios)}; the aim is 20")
    print(f"  scores               {'equal' if equal else 'DIFFERENT'}")


def whole_submissions(folder: Path, options: argparse.Namespace) -> None:
    root = make_course(folder / "whole", options.whole, ())
    own, wall = [], []
    for _ in range(options.rounds):
        own.append(notebook_cpu_seconds(root, options.jobs))
        wall.append(ours(root, options.jobs))
    for folder in sorted((root / "submitted").iterdir())[2 * options.jobs :]:
        shutil.rmtree(folder)
    memory = PrivateMemory()  # in a run of its own: to look at a process's pages takes a while
    memory.start()
    ours(root, options.jobs)
    memory.stop()
    shares = [seconds * options.jobs / (cpu * options.whole) for cpu, seconds in zip(own, wall, strict=True)]
    print(f"{options.whole} whole submissions, --no-feedback --jobs {options.jobs}")
    print(f"  a notebook's own processor time      {spread(own, ' s')}")
    print(f"  course grade                         {spread(wall, ' s')}")
    print(f"  wall time / (own time / jobs)        {spread(shares)}; the aim is at most 1.5")
    print(f"  private memory, judge                at most {memory.most[JUDGES]:.0f} MB")
    print(f"  private memory, student process      at most {memory.most[ZYGOTE]:.0f} MB")
    print(f"  private memory, a submission in flight  {memory.together:.0f} MB; the aim is at most 150")


if __name__ == "__main__":
    main()
