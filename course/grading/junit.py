"""Verdicts as JUnit XML, which continuous integration and editors read."""

import re
from collections.abc import Collection
from pathlib import Path
from xml.etree import ElementTree

from course.errors import CourseError
from course.grading.verdict import CellVerdict

# What XML 1.0 cannot hold even when it is escaped.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(cells: list[CellVerdict], path: Path, suite: str, skipped: Collection[str] = ()) -> None:
    """Write a testcase for each test cell: a failure where a check failed, an error where something broke.

    skipped: outcomes that are no failure here, only skipped. CourseError if the file can't be written.
    """
    passed_over = [cell for cell in cells if cell.outcome in skipped]
    kinds = {"failed", "not_attempted", "forbidden", "missing"} - set(skipped)
    failures = [cell for cell in cells if cell.outcome in kinds]
    errors = [cell for cell in cells if cell.outcome in ("error", "timeout", "crashed")]
    counts = {"tests": len(cells), "failures": len(failures), "errors": len(errors), "skipped": len(passed_over)}
    root = ElementTree.Element("testsuite", name=_clean(suite), **{key: str(n) for key, n in counts.items()})
    for cell in cells:
        case = ElementTree.SubElement(root, "testcase", classname=cell.exercise, name=cell.grade_id)
        if cell in passed_over:
            ElementTree.SubElement(case, "skipped", message=cell.outcome.replace("_", " "))
        elif cell.outcome != "passed":
            tag = "error" if cell in errors else "failure"
            message = _clean(cell.message or cell.outcome.replace("_", " "))
            ElementTree.SubElement(case, tag, type=cell.outcome, message=message).text = message
    ElementTree.indent(root)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise CourseError(f"{path}: cannot be written ({error.strerror or error})") from None


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
