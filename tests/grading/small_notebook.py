"""A source notebook of three small exercises, for the tests of release, self-check and validate.

Its answers are plain functions of numbers, so that a kernel is through with it in a moment.
"""

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ASSIGNMENT, NOTEBOOK = "09-small", "small.ipynb"
FLAGS = {
    "exercise": (False, False, True),
    "setup": (False, False, True),
    "answer": (False, True, False),
    "visible": (True, False, True),
    "hidden": (True, False, True),
    "manual": (True, True, False),
}

# Stands in for course.check, which imports torch: a kernel of these tests starts in half a second.
SETUP = """class CheckFailed(AssertionError):
    pass


class check:
    @staticmethod
    def close(actual, expected, mistakes=None):
        for message, value in (mistakes or {}).items():
            if actual == value:
                raise CheckFailed(message + "\\n\\nexpected and yours, side by side")
        if actual != expected:
            raise CheckFailed("the result differs from the expected value\\n\\nexpected and yours, side by side")"""
DOUBLE = """def double(number):
    \"\"\"Twice the number.\"\"\"
    ### BEGIN SOLUTION
    twice_the_number = number + number
    return twice_the_number
    ### END SOLUTION"""
TOTAL = """def total(numbers):
    \"\"\"The sum of the doubles of some numbers.\"\"\"
    ### BEGIN SOLUTION
    running_total = 0
    for entry in numbers:
        running_total += double(entry)
    return running_total
    ### END SOLUTION"""


def cell(role: str, grade_id: str, source: str, points: float | None = None, **facts: object) -> NotebookNode:
    make = new_markdown_cell if role in ("exercise", "manual", "prose") else new_code_cell
    node = make(source, id=grade_id.replace("_", "-") or "prose")
    node.metadata["course"] = {"role": role, **facts}
    if role in FLAGS:
        grade, solution, locked = FLAGS[role]
        flags = {"grade": grade, "solution": solution, "locked": locked, "task": False}
        node.metadata["nbgrader"] = {"schema_version": 3, "grade_id": grade_id, **flags}
        if points is not None:
            node.metadata["nbgrader"]["points"] = points
    return node


def header(exercise: str, title: str, points: int, minutes: int, difficulty: int, **facts: object) -> NotebookNode:
    text = f"### {exercise} {title}\n\n{points} points · {minutes} minutes · difficulty {difficulty} of 5"
    facts = {"title": title, "minutes": minutes, "difficulty": difficulty, "forbids": [], "needs": [], **facts}
    return cell("exercise", exercise.replace(".", "_"), text, exercise=exercise, **facts)


def hidden(line: str, body: str) -> str:
    return f"# {line}\n### BEGIN HIDDEN TESTS\n{body}\n### END HIDDEN TESTS"


def source() -> NotebookNode:
    """The notebook with its solutions, 90 + 10 points."""
    one, two, three = {"exercise": "A9.1"}, {"exercise": "A9.2"}, {"exercise": "A9.3"}
    visible_total = "check.close(total([1.0, 2.0]), 6.0)"
    seven = 'check.close(double(3.5), 7.0, mistakes={"the number is squared": 12.25})'
    hidden_double = "secret_input = 21.0\ncheck.close(double(secret_input), 42.0)"
    hidden_total = "check.close(total([4.0, 4.5, 0.5]), 18.0)"
    cells = [
        cell("prose", "", "# A small assignment"),
        cell("setup", "setup", SETUP),
        header("A9.1", "Double", 50, 5, 1),
        cell("answer", "A9_1-answer", DOUBLE, **one),
        cell("visible", "A9_1-values", seven, 20, **one),
        cell("visible", "A9_1-zero", "check.close(double(0.0), 0.0)", 10, **one),
        cell("hidden", "A9_1-hidden", hidden("A9.1, more values: 20 points", hidden_double), 20, **one),
        cell("demo", "A9-1-demo", "# NBVAL_CHECK_OUTPUT\nprint('double of 3:', double(3))", **one),
        header("A9.2", "Sum of doubles", 40, 10, 2, forbids=["math.fsum"]),
        cell("answer", "A9_2-answer", TOTAL, **two),
        cell("visible", "A9_2-values", visible_total, 25, **two),
        cell("hidden", "A9_2-hidden", hidden("A9.2, more values: 15 points", hidden_total), 15, **two),
        cell("demo", "A9-2-demo", "# NBVAL_CHECK_OUTPUT\nprint('total:', total([1, 2, 3]))", **two),
        header("A9.3", "In your own words", 10, 5, 1),
        cell("manual", "A9_3-words", "A model answer in some words.", 10, **three),
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return new_notebook(cells=cells, metadata=kernel)


def find(nb: NotebookNode, grade_id: str) -> NotebookNode:
    return next(node for node in nb.cells if node.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def write(nb: NotebookNode, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)
    return path


def course(root: Path) -> Path:
    """A course root that holds nothing but the small source notebook."""
    write(source(), root / "solutions" / ASSIGNMENT / NOTEBOOK)
    (root / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    return root


def solved(released: NotebookNode, answers: dict[str, str] | None = None) -> NotebookNode:
    """A student's copy of the released notebook; answers: grade_id -> source (without: the reference's)."""
    nb = nbformat.from_dict(released)
    if answers is None:
        answers = {"A9_1-answer": DOUBLE, "A9_2-answer": TOTAL}
    for grade_id, text in answers.items():
        find(nb, grade_id).source = text
    return nb
