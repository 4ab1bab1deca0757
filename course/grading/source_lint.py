"""What an author can get wrong in a source notebook, found before students see it."""

import ast
import json
import re
from collections import Counter
from pathlib import Path

from nbformat import NotebookNode

from course.grading.notebook import TEST_ROLES, grade_id_of, read_notebook, role_of

TOTAL, MANUAL = 100, 10
BEGIN_SOLUTION, END_SOLUTION = "BEGIN SOLUTION", "END SOLUTION"
BEGIN_HIDDEN, END_HIDDEN = "BEGIN HIDDEN TESTS", "END HIDDEN TESTS"
ROLES = ("exercise", "setup", "given", "answer", *TEST_ROLES, "demo", "manual", "prose")
# nbgrader's flags of a cell: (grade, solution, locked)
FLAGS = {
    "exercise": (False, False, True),
    "answer": (False, True, False),
    "visible": (True, False, True),
    "hidden": (True, False, True),
    "manual": (True, True, False),
}
_FACTS = ("exercise", "title", "minutes", "difficulty")
# What students are told: `# Visible test: values (2 points)`; and in the opening, where it has a table of exercises,
# `| A1.1 Similarity | 9 | 20 |`, two to a line, and `**4 hours 40 minutes**`.
_TOLD = re.compile(r"\((\d+(?:\.\d+)?) points?\)")
_LISTED = re.compile(r"\| (A\d+\.\d+) [^|]+ \| ([\d.]+) \| (\d+) (?=\|)")
_WHOLE = re.compile(r"\*\*(\d+) hours?(?: (\d+) minutes)?\*\*")


def problems_of_assignment(paths: list[Path]) -> list[str]:
    """All that is wrong with the source notebooks of one assignment, a line each. Empty: they can be released."""
    found: list[str] = []
    automatic = manual = 0.0
    for path in paths:
        nb = read_notebook(path)
        problems = _ids(path) + _cells(nb) + _headers(nb) + _opening(nb)
        found += [f"{path.name}: {problem}" for problem in problems]
        automatic += _points(nb, TEST_ROLES)
        manual += _points(nb, ("manual",))
    if automatic + manual != TOTAL or manual != MANUAL:
        wanted = f"{TOTAL - MANUAL} automatic and {MANUAL} manual"
        found.append(f"the points are {automatic:g} automatic and {manual:g} manual, not {wanted}")
    return found


def _name(cell: NotebookNode) -> str:
    return f"cell {grade_id_of(cell) or cell.get('id', '')}"


def _points(nb: NotebookNode, roles: tuple[str, ...]) -> float:
    return sum(_cell_points(cell) for cell in nb.cells if role_of(cell) in roles)


def _cell_points(cell: NotebookNode) -> float:
    points = cell.metadata.get("nbgrader", {}).get("points", 0)
    return float(points) if isinstance(points, int | float) else 0.0


def _ids(path: Path) -> list[str]:
    """Cell ids must be in the file: nbformat would draw new ones each time, and no two releases would be equal."""
    ids = [cell.get("id") for cell in json.loads(path.read_text(encoding="utf-8")).get("cells", [])]
    if not all(ids):
        return ["some cells have no id; open and save it in JupyterLab"]
    return [f"cell id {i} stands twice" for i, count in Counter(ids).items() if count > 1]


def _cells(nb: NotebookNode) -> list[str]:
    found = []
    known: set[str] = set()
    grade_ids = Counter(grade_id_of(cell) for cell in nb.cells if grade_id_of(cell))
    found += [f"grade_id {grade_id} stands {n} times" for grade_id, n in grade_ids.items() if n > 1]
    for cell in nb.cells:
        role, facts = role_of(cell), cell.metadata.get("course", {})
        if role not in ROLES:
            found.append(f"{_name(cell)}: unknown role {role!r}")
        if role == "exercise":
            known.add(facts.get("exercise", ""))
        if role in FLAGS:
            found += [f"{_name(cell)}: {problem}" for problem in _graded_cell(cell, role, facts, known)]
    return found


def _graded_cell(cell: NotebookNode, role: str, facts: dict, known: set[str]) -> list[str]:
    """Problems of a cell that nbgrader must know: ids, flags, points, and what the role asks of the text."""
    found = []
    exercise = facts.get("exercise", "")
    grader = cell.metadata.get("nbgrader", {})
    first, _, view = grade_id_of(cell).partition("-")
    if exercise not in known:
        found.append(f"its exercise {exercise!r} has no header above it")
    if first != exercise.replace(".", "_") or (role != "exercise") != bool(view):
        wanted = exercise.replace(".", "_") + ("" if role == "exercise" else "-VIEW")
        found.append(f"its grade_id should read {wanted}")
    if tuple(bool(grader.get(flag)) for flag in ("grade", "solution", "locked")) != FLAGS[role]:
        found.append(f"nbgrader's flags do not suit the role {role}")
    if FLAGS[role][0] and _cell_points(cell) <= 0:
        found.append("it has no points")
    told = _TOLD.search(cell.source.partition("\n")[0]) if role in TEST_ROLES else None
    if told and float(told[1]) != _cell_points(cell):
        found.append(f"its first line says {told[1]} points, and it has {_cell_points(cell):g}")
    if role in ("answer", *TEST_ROLES):
        found += _code(cell.source, role)
    return found


def _code(source: str, role: str) -> list[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return [f"line {error.lineno}: {error.msg}"]
    if role == "answer":
        return [] if BEGIN_SOLUTION in source else [f"no ### {BEGIN_SOLUTION}"]
    found = []
    if (role == "hidden") != (BEGIN_HIDDEN in source):
        found.append(f"a {role} test {'needs' if role == 'hidden' else 'has'} ### {BEGIN_HIDDEN}")
    if not any(_calls_check(node) for node in ast.walk(tree)):
        found.append("it never calls check.…, so it could not earn its points")
    return found


def _calls_check(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return isinstance(node.func.value, ast.Name) and node.func.value.id == "check"


def _points_by_exercise(nb: NotebookNode) -> Counter[str]:
    points: Counter[str] = Counter()
    for cell in nb.cells:
        if role_of(cell) in (*TEST_ROLES, "manual"):
            points[cell.metadata.course.get("exercise", "")] += _cell_points(cell)
    return points


def _opening(nb: NotebookNode) -> list[str]:
    """The table of exercises in the first cell, if there is one, has each of them, with its points and minutes."""
    text = nb.cells[0].source if nb.cells else ""
    listed = {exercise: (float(points), int(minutes)) for exercise, points, minutes in _LISTED.findall(text)}
    if not listed:
        return []
    points, minutes = _points_by_exercise(nb), {}
    for cell in nb.cells:
        if role_of(cell) == "exercise":
            minutes[cell.metadata.course.get("exercise", "")] = cell.metadata.course.get("minutes", 0)
    found = [
        f"the opening's table should say {points[name]:g} points and {minutes.get(name, 0)} minutes of {name}"
        for name in sorted({*listed, *minutes})
        if listed.get(name) != (points[name], minutes.get(name))
    ]
    whole = _WHOLE.search(text)
    if whole and int(whole[1]) * 60 + int(whole[2] or 0) != sum(minutes.values()):
        found.append(f"the opening says {whole[0].strip('*')}; the exercises take {sum(minutes.values())} minutes")
    return found


def _headers(nb: NotebookNode) -> list[str]:
    """A header shows students what the metadata says."""
    points = _points_by_exercise(nb)
    found = []
    headers = [cell for cell in nb.cells if role_of(cell) == "exercise"]
    twice = Counter(cell.metadata.course.get("exercise", "") for cell in headers)
    found += [f"exercise {exercise} has {n} headers" for exercise, n in twice.items() if n > 1]
    for cell in headers:
        facts = cell.metadata.course
        missing = [fact for fact in _FACTS if fact not in facts]
        if missing:
            found.append(f"{_name(cell)}: its metadata lacks {', '.join(missing)}")
            continue
        found += [
            f"the header of {facts.exercise} does not show its {what}"
            for what, shown in _shown(cell.source, facts, points[facts.exercise]).items()
            if not shown
        ]
    return found


def _shown(text: str, facts: NotebookNode, points: float) -> dict[str, bool]:
    level = facts.difficulty
    stars = max((text.count(mark) for mark in "★●⬤◆🌶"), default=0)
    return {
        f"id {facts.exercise}": re.search(rf"\b{re.escape(facts.exercise)}\b", text) is not None,
        f"title {facts.title!r}": facts.title in text,
        f"{points:g} points": re.search(rf"(?<![\d.]){points:g}\W{{0,3}}points?\b", text) is not None,
        f"{facts.minutes} minutes": re.search(rf"(?<![\d.]){facts.minutes}\W{{0,3}}min", text) is not None,
        f"difficulty {level}": stars == level
        or re.search(rf"difficulty\W{{1,5}}{level}\b", text, re.IGNORECASE) is not None,
    }
