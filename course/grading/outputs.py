"""The marked outputs of the reference, as students get them: `course validate` needs no solutions then.

A marked output is a shape, a boolean or a rounded value that a demonstration prints. Only plain text of such cells
travels; no code does, and nothing of a cell that answers or tests.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from nbformat import NotebookNode

from course.errors import CourseError
from course.grading.notebook import grade_id_of, role_of

OUTPUTS = Path(".student-release", "outputs")
MARK = "# NBVAL_CHECK_OUTPUT"
SHOWING_ROLES = ("demo", "visible")


def is_marked(cell: NotebookNode) -> bool:
    """Whether nbval compares the output of this cell."""
    return cell.cell_type == "code" and MARK in map(str.strip, cell.source.splitlines())


def stored_outputs(nb: NotebookNode, name: str) -> dict[str, list[dict]]:
    """The outputs that a source notebook keeps of its marked cells, by cell id: text, and nothing else.

    name: what the notebook is called in messages. CourseError if a cell is marked that students may not see the
    output of, or if it keeps more than text.
    """
    kept = {}
    for cell in filter(is_marked, nb.cells):
        where = f"{name}: the marked cell {grade_id_of(cell) or cell.id}"
        if role_of(cell) not in SHOWING_ROLES:
            raise CourseError(f"{where} is a {role_of(cell)} cell; its output would tell students of it", 1)
        if cell.outputs:
            kept[cell.id] = [_plain_text(output, where) for output in cell.outputs]
    return kept


def _plain_text(output: NotebookNode, where: str) -> dict:
    if output.output_type == "stream" and output.name == "stdout":
        return {"output_type": "stream", "name": "stdout", "text": output.text}
    if output.output_type == "execute_result" and set(output.data) == {"text/plain"}:
        data = {"text/plain": output.data["text/plain"]}
        return {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": None}
    raise CourseError(f"{where} keeps an output that is not plain text; print what it should be held to", 1)


def write_outputs(sources: Iterable[tuple[Path, NotebookNode]], release: Path) -> None:
    """Write the marked outputs of source notebooks into a student release. CourseError as `stored_outputs` says.

    sources: each with its path inside of solutions/.
    """
    for path, nb in sources:
        target = (release / OUTPUTS / path).with_suffix(".json")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(stored_outputs(nb, path.as_posix()), indent=1, ensure_ascii=False, sort_keys=True)
        target.write_text(text + "\n", encoding="utf-8")


def handed_out_outputs(root: Path, assignment: str, notebook: str) -> dict[str, list[dict]]:
    """Those outputs again, from a student release. CourseError if the file is gone or damaged."""
    path = root / OUTPUTS / assignment / f"{notebook}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise CourseError(f"{path} is missing or damaged; take it from the released course again") from None


def release_around(*starts: Path) -> Path | None:
    """The student release that holds one of these files or folders; None where there is none."""
    for start in starts:
        here = start.resolve()
        for folder in (here, *here.parents):
            if (folder / OUTPUTS).is_dir():
                return folder
    return None
