"""One notebook of `course ci`, in a process of its own: check it, validate it, write down what came of it.

`python -m course.ci.notebook NOTEBOOK ROOT FINDINGS SECONDS`; FINDINGS is a JSON file. The caller sets the
limit of the whole, and may put a fence around this process.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from course.errors import CourseError
from course.grading.handout import NoExercises
from course.grading.notebook import grade_id_of, read_notebook
from course.grading.selfcheck import Row, self_check
from course.grading.validate import Row as Output
from course.grading.validate import validate
from course.grading.verdict import CellVerdict

UNTOUCHED = ("not_attempted", "manual_pending", "ungraded")


@dataclass
class Findings:
    """What is known of one notebook. `problem`: why nothing is, in one line. `unvalidated`: why no outputs are.

    foreign: it holds no exercises, so there is nothing to check and nothing wrong.
    lines: exercise -> where its answer stands in the notebook's file, counted from 1.
    """

    notebook: str
    rows: list[Row] = field(default_factory=list)
    cells: list[CellVerdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    foreign: bool = False
    unvalidated: str = ""

    @property
    def attempted(self) -> set[str]:
        """The exercises that somebody has begun."""
        return {row.exercise for row in self.rows if row.status not in UNTOUCHED}

    @property
    def failed(self) -> list[Row]:
        """The exercises that were begun and that a visible test refuses: these make a push red."""
        refused = {cell.exercise for cell in self.cells if cell.outcome not in ("passed", *UNTOUCHED)}
        return [row for row in self.rows if row.exercise in self.attempted & refused]

    @property
    def differing(self) -> list[Output]:
        """Marked outputs of exercises that were begun and that are not as in the reference: these inform."""
        return [out for out in self.outputs if out.marked and out.failed and out.exercise in self.attempted]

    @classmethod
    def from_json(cls, text: str) -> "Findings":
        """Raises ValueError, KeyError or TypeError for what is no such text."""
        fields = json.loads(text)
        for name, kind in (("rows", Row), ("cells", CellVerdict), ("outputs", Output)):
            fields[name] = [kind(**entry) for entry in fields[name]]
        return cls(**fields)


def look_at(notebook: Path, root: Path, cell_seconds: float) -> Findings:
    """Check and validate one notebook. Never raises CourseError: what is wrong stands in the findings."""
    name = notebook.relative_to(root).as_posix()
    try:
        checked = self_check(notebook, cell_seconds=cell_seconds)
    except NoExercises:
        return Findings(name, foreign=True)
    except CourseError as error:
        return Findings(name, problem=str(error).replace(str(notebook), name))
    found = Findings(name, checked.rows, checked.cells, checked.notes, lines=answer_lines(notebook))
    if not found.attempted:
        found.unvalidated = "nothing to validate yet"
        return found
    try:
        found.outputs = validate(notebook, root, min(cell_seconds, 120))
    except CourseError as error:
        found.unvalidated = str(error).replace(str(notebook), name)
    return found


def answer_lines(notebook: Path) -> dict[str, int]:
    """Where each exercise's first answer cell is named in the file: `"grade_id": "A1_2-answer"` stands on line …"""
    lines = notebook.read_text(encoding="utf-8-sig").splitlines()
    found: dict[str, int] = {}
    for exercise, grade_id in _answers(notebook):
        quoted = json.dumps(grade_id)
        here = (number for number, line in enumerate(lines, 1) if f'"grade_id": {quoted}' in line)
        found.setdefault(exercise, next(here, 1))
    return found


def _answers(notebook: Path) -> Iterator[tuple[str, str]]:
    """Exercise and grade_id of each answer cell, in the notebook's order."""
    for cell in read_notebook(notebook).cells:
        facts = cell.metadata.get("course")
        if isinstance(facts, dict) and facts.get("role") == "answer" and grade_id_of(cell):
            yield str(facts.get("exercise")), grade_id_of(cell)


def main(notebook: Path, root: Path, findings: Path, cell_seconds: float) -> None:
    text = json.dumps(asdict(look_at(notebook, root, cell_seconds)), ensure_ascii=False)
    findings.write_text(text, encoding="utf-8", errors="replace")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
