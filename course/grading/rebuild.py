"""Rebuild a submission on the source notebook: only the text of a student's cells travels, found by grade_id.

Submitted metadata, tags, outputs and changed tests stay behind. Cells that the student added are kept in their place,
as text that an answer may draw on, and reported.
"""

import ast
import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from course.grading.notebook import TEST_ROLES, Source, TestCell, copied, grade_id_of, role_of

# What is longer than this was not written by hand, and takes 500 times its size in memory to compile: it stays out.
MAX_CELL_CHARACTERS = 100_000
MAX_CHARACTERS = 1_000_000
STUB = "raise NotImplementedError"


@dataclass(frozen=True)
class StudentCell:
    """Text of one code cell of the student's: an answer (by its grade_id) or a helper (grade_id None).

    after: how many of the source notebook's cells stand before it.
    """

    grade_id: str | None
    source: str
    after: int


@dataclass
class Rebuilt:
    """A submission on the source notebook. `nb` is that notebook; `cells` the student's code in its order.

    left_out: grade_id -> why this answer does not count, though it was handed in.
    """

    nb: NotebookNode
    cells: list[StudentCell] = field(default_factory=list)
    manual: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def answers(self) -> dict[str, str]:
        """grade_id -> the student's text, for the answer cells that the submission has."""
        return {cell.grade_id: cell.source for cell in self.cells if cell.grade_id}

    @property
    def helpers(self) -> list[str]:
        return [cell.source for cell in self.cells if cell.grade_id is None]


def rebuild(source: Source, submitted: NotebookNode) -> Rebuilt:
    """Put the student's text into a copy of the source notebook. Nothing of it is run or believed."""
    notes: list[str] = []
    known = {grade_id_of(cell): cell for cell in source.nb.cells if grade_id_of(cell)}
    submitted, left_out = _short_enough(submitted, known, notes)
    submitted_by_id, copies = _by_grade_id(submitted, known, notes)
    cells, manual, added = [], {}, 0
    nb = copied(source.nb)
    rebuilt: list[NotebookNode] = []
    extras = _extras(source, submitted, known, submitted_by_id)
    for index, cell in enumerate(nb.cells):
        grade_id, role = grade_id_of(cell), role_of(cell)
        if cell.cell_type == "code":
            cell.outputs = []
        theirs = submitted_by_id.get(grade_id)
        if role == "answer":
            if theirs is None and grade_id in left_out:
                cell.source = f"# {left_out[grade_id]}"
            elif theirs is None:
                notes.append(f"the answer cell {grade_id} is missing")
                cell.source = "# This answer cell was not in the submission."
            else:
                for copy in copies.get(grade_id, ()):  # above the answer, which has the last word
                    cells.append(StudentCell(None, copy.source, index - 1))
                    rebuilt.append(_extra_cell(copy, len(rebuilt)))
                cell.source = theirs.source
                cells.append(StudentCell(grade_id, theirs.source, index))
        elif role == "manual":
            cell.source = manual[grade_id] = left_out.get(grade_id, "") if theirs is None else theirs.source
        rebuilt.append(cell)
        for extra in extras.get(index, ()):
            if extra.cell_type == "code":
                added += 1
                cells.append(StudentCell(None, extra.source, index))
            rebuilt.append(_extra_cell(extra, len(rebuilt)))
    nb.cells = rebuilt
    if added:
        notes.append(f"{added} added code cell{'s' if added > 1 else ''} kept as helper{'s' if added > 1 else ''}")
    notes.extend(_replaced_tests(source, submitted_by_id))
    return Rebuilt(nb, cells, manual, notes, left_out)


def _short_enough(submitted: NotebookNode, known: dict, notes: list[str]) -> tuple[NotebookNode, dict[str, str]]:
    """The submission without cells that are too long, and grade_id -> what is to be said of answers among those.

    What the source knows comes first: nobody's answer is left out because of the cells around it.
    """
    names = [_name(cell, known) for cell in submitted.cells]
    room, kept, others = MAX_CHARACTERS, set(), 0
    left_out: dict[str, str] = {}
    for index in sorted(range(len(names)), key=lambda index: names[index] not in known):
        size, name = len(submitted.cells[index].source), names[index]
        if size <= min(room, MAX_CELL_CHARACTERS):
            room -= size
            kept.add(index)
        elif name in known and role_of(known[name]) in ("answer", "manual"):
            whole = "" if size > MAX_CELL_CHARACTERS else "the notebook's text is "
            limit = MAX_CHARACTERS if whole else MAX_CELL_CHARACTERS
            left_out[name] = f"the answer cell {name} was left out: {whole}longer than {limit:,} characters"
        else:
            others += 1
    notes.extend(left_out.values())
    if others:
        notes.append(f"{others} {'cells were' if others > 1 else 'cell was'} left out: too long")
    for index in kept:
        left_out.pop(names[index], None)  # another copy of it is short enough
    cells = [cell for index, cell in enumerate(submitted.cells) if index in kept]
    return NotebookNode(submitted, cells=cells), left_out


def _name(cell: NotebookNode, known: dict) -> str:
    """The grade_id of a submitted cell; where a tool has dropped the metadata, its id, which we made the same."""
    grade_id, own_id = grade_id_of(cell), cell.get("id")
    return grade_id if grade_id in known or not isinstance(own_id, str) else own_id


def _by_grade_id(
    submitted: NotebookNode, known: dict, notes: list[str]
) -> tuple[dict[str, NotebookNode], dict[str, list[NotebookNode]]]:
    """The submitted cells that the source knows, and copies of answer cells that the answers may draw on.

    A cell that was copied or split in two is there twice. The last counts that defines something and is no stub.
    """
    all_of: dict[str, list[NotebookNode]] = {}
    for cell in submitted.cells:
        name = _name(cell, known)
        if name in known and cell.cell_type == known[name].cell_type:
            all_of.setdefault(name, []).append(cell)
    found, copies = {}, {}
    for name, cells in all_of.items():
        last = next((cell for cell in reversed(cells) if _is_answered(cell, known[name])), cells[-1])
        found[name] = last
        if len(cells) > 1 and role_of(known[name]) in ("answer", "manual"):
            same = _normal(last.source)
            others = [cell for cell in cells if _normal(cell.source) != same and STUB not in cell.source]
            kept = ", and what only another copy defines" if role_of(known[name]) == "answer" and others else ""
            notes.append(f"the cell {name} is there {_times(len(cells))}; the last answer counts{kept}")
            copies[name] = others
    return found, copies


def _is_answered(cell: NotebookNode, original: NotebookNode) -> bool:
    """Does a copy of an answer cell hold an answer: neither the stub, nor mere trials and comments?"""
    if STUB in cell.source or not cell.source.strip():
        return False
    if cell.cell_type != "code" or role_of(original) != "answer" or (tree := _tree(cell.source)) is None:
        return True
    kinds = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
    return any(isinstance(statement, kinds) for statement in tree.body)


def _times(count: int) -> str:
    return {2: "twice"}.get(count, f"{count} times")


def _extras(source: Source, submitted: NotebookNode, known: dict, found: dict) -> dict[int, list[NotebookNode]]:
    """The student's own cells, by the index of the source cell that they stand after.

    What was changed in a cell that is not an answer (an import added to the setup, a helper written into a demo) counts
    as a cell of the student's too. Prose does not, nor do test cells, unless the answer above them is gone: then the
    two may have been merged.
    """
    index_of = {grade_id_of(cell) or cell.get("id"): index for index, cell in enumerate(source.nb.cells)}
    tests = {
        t.grade_id: t for e in source.exercises if any(a.grade_id not in found for a in e.answers) for t in e.tests
    }
    ours = [cell for cell in source.nb.cells if role_of(cell) != "answer"]  # an answer may well be the reference's
    originals = {_normal(cell.source) for cell in ours}
    trees = {EMPTY, *(code_of(cell.source) for cell in ours if cell.cell_type == "code")}
    extras: dict[int, list[NotebookNode]] = {}
    here = 0
    for cell in submitted.cells:
        name = _name(cell, known)
        here = index_of.get(name, here)
        role = role_of(source.nb.cells[here]) if name in index_of else None
        if role in TEST_ROLES and name in tests and _is_changed(tests[name], cell):
            role = None
        if role in ("answer", "manual", "exercise", *TEST_ROLES) or _normal(cell.source) in originals:
            continue
        if role == "prose" or not cell.source.strip() or cell.cell_type not in ("code", "markdown"):
            continue
        if cell.cell_type == "code" and code_of(cell.source) in trees:
            continue  # an original that a formatter has passed over, or comments alone
        if grade_id_of(cell).startswith(tuple(known)) and role is None and name not in tests:
            continue  # a cell of an earlier release, which this one has no more
        extras.setdefault(here, []).append(cell)
    return extras


def _extra_cell(cell: NotebookNode, number: int) -> NotebookNode:
    new = new_code_cell(cell.source) if cell.cell_type == "code" else new_markdown_cell(cell.source)
    new.id = f"added-{number}"
    return new


def _replaced_tests(source: Source, submitted_by_id: dict[str, NotebookNode]) -> list[str]:
    """What is to be said of test cells that the submission deleted or changed: the originals judge it all the same."""
    tests = [test for exercise in source.exercises for test in exercise.tests]
    deleted = [test.grade_id for test in tests if test.grade_id not in submitted_by_id]
    changed = [
        t.grade_id for t in tests if t.grade_id in submitted_by_id and _is_changed(t, submitted_by_id[t.grade_id])
    ]
    said = {"deleted tests were put back": deleted, "changed tests were replaced by the originals": changed}
    return [f"{what}: {_listed(ids)}" for what, ids in said.items() if ids]


def _is_changed(test: TestCell, theirs: NotebookNode) -> bool:
    released = _without_hidden(test.source) if test.hidden else test.source
    if _normal(theirs.source) in (_normal(released), _normal(test.source)):
        return False
    return code_of(theirs.source) not in (code_of(released), code_of(test.source))  # a formatter changes no meaning


def _listed(ids: list[str]) -> str:
    return ", ".join(ids) if len(ids) <= 4 else f"{', '.join(ids[:3])} and {len(ids) - 3} more"


def _without_hidden(source: str) -> str:
    """A test cell as nbgrader releases it: the region of hidden tests cut out."""
    return re.sub(r"(?ms)^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*\n?", "", source)


def _normal(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


@lru_cache(maxsize=1024)
def code_of(source: str) -> str:
    """A cell's code without its layout and comments, to compare with; what is no plain Python stands for itself.

    As a digest: what is kept of many submissions stays small.
    """
    tree = _tree(source)
    try:
        text = _normal(source) if tree is None else ast.dump(tree)
    except (RecursionError, ValueError, MemoryError):  # ValueError: a number of more than 4,300 digits
        text = _normal(source)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def _tree(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


EMPTY = code_of("")
