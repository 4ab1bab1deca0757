"""What a class costs: `python -m tests.similarity.large_class 200` makes one from tests/answers and compares it.

Each student has a right or wrong answer of tests/answers to each exercise of 03-transformer, drawn with a seed. So some
have the same by chance, as in no real class; seconds and memory are what is looked at (on Linux).
"""

import json
import subprocess
import sys
from collections import defaultdict
from copy import deepcopy
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import nbformat

from tests.similarity.corpus import ROOT, answers, sources

ASSIGNMENT = "03-transformer"
# In a process of its own, which has not imported torch.
COMMAND = """
import sys, time
from course.cli import main
main(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(f"{time.process_time():.1f} CPU-seconds, at most {int(peak.split()[1]) // 1024} MB", file=sys.stderr)
"""


def write_class(submitted: Path, students: int) -> None:
    """Write SUBMITTED/STUDENT/03-transformer/transformer.ipynb for so many students."""
    rng = Random(1)
    texts: dict[str, list[str]] = defaultdict(list)
    for written in (*answers("right"), *answers("wrong")):
        texts[written.exercise].append(written.text)
    name = f"{sources()[ASSIGNMENT].notebook}.ipynb"
    released = nbformat.read(ROOT / "assignments" / ASSIGNMENT / name, as_version=4)
    for number in range(students):
        nb = deepcopy(released)
        for cell in nb.cells:
            facts = cell.metadata.get("course", {})
            if facts.get("role") == "answer":
                cell.source = rng.choice(texts[facts["exercise"]])
        folder = submitted / f"student-{number:03}" / ASSIGNMENT
        folder.mkdir(parents=True)
        (folder / name).write_text(json.dumps(nb), encoding="utf-8")


def main(students: int) -> None:
    with TemporaryDirectory() as folder:
        out = Path(folder)
        write_class(out / "submitted", students)
        command = ["similarity", ASSIGNMENT, "--submitted", str(out / "submitted"), "--out", folder]
        run = subprocess.run(
            [sys.executable, "-c", COMMAND, *command], cwd=ROOT, check=True, capture_output=True, text=True
        )
    exercises = [exercise for exercise in sources()[ASSIGNMENT].exercises if exercise.answers]
    print(f"{students} students, {len(exercises)} exercises: {run.stderr.strip()}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
