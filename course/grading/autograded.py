"""The autograded notebook: what formgrader shows and the feedback page is made from."""

import json
import re
from pathlib import Path

from nbformat import NotebookNode

from course.grading.notebook import TEST_ROLES, Source, copied
from course.grading.output import number, plain, write_atomically
from course.grading.verdict import CellVerdict, Verdict


def annotate(rebuilt_nb: NotebookNode, verdict: Verdict, source: Source) -> NotebookNode:
    """The rebuilt notebook with our word under each test cell, as a new notebook.

    Bodies of hidden tests are gone (their first comment stays), and so is every output of the student's.
    Raw HTML in the student's text is disarmed, for nbgrader's pages would run it.
    """
    nb = copied(rebuilt_nb)
    verdicts = {cell.grade_id: cell for cell in verdict.cells}
    points = {test.grade_id: test.points for exercise in source.exercises for test in exercise.tests}
    authors = {cell.get("id") for cell in source.nb.cells}
    for index, cell in enumerate(nb.cells):
        if "id" not in cell:
            cell["id"] = f"cell-{index}"  # nbformat would draw a random one
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
        role = cell.metadata.get("course", {}).get("role")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if role in TEST_ROLES:
            if role == "hidden":
                cell.source = _first_comment(cell.source)
            text = _outcome(verdicts.get(grade_id), points.get(grade_id, 0.0))
            cell.outputs = [NotebookNode(output_type="stream", name="stdout", text=text)]
        elif cell.cell_type == "markdown" and (role == "manual" or cell.id not in authors):
            # A word joiner after "<" is not seen, and no tag starts with one.
            cell.source = re.sub(r"<(?=[A-Za-z/!?])", "<\u2060", cell.source)
            cell.pop("attachments", None)
    return nb


def autograded_path(out: Path, verdict: Verdict) -> Path:
    """OUT/autograded/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb, where nbgrader looks for it."""
    return out / "autograded" / verdict.student / verdict.assignment / f"{verdict.notebook}.ipynb"


def write_autograded(out: Path, verdict: Verdict, nb: NotebookNode) -> Path:
    """Write an annotated notebook to its place (`autograded_path`) and return that path."""
    path = autograded_path(out, verdict)
    # As nbformat writes it, but for its checks and copies: this notebook is ours.
    write_atomically(path, json.dumps(nb, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    return path


def _first_comment(source: str) -> str:
    """The one line of a hidden test that students may read: the comment above its body."""
    first = source.split("\n", 1)[0].strip()
    return first if first.startswith("#") and "HIDDEN TESTS" not in first else "# hidden test"


def _outcome(cell: CellVerdict | None, points: float) -> str:
    """What stands under a test cell: the points, why, and for a visible cell the details."""
    if cell is None:
        return f"not graded: 0 of {number(points)} points"
    text = f"{cell.outcome.replace('_', ' ')}: {number(cell.score)} of {number(cell.max_score)} points"
    if cell.message:
        text += "\n" + plain(cell.message)
    if cell.details and not cell.hidden:
        text += "\n\n" + plain(cell.details)
    return text
