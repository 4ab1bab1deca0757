"""Who may import whom inside `course`, held with the syntax tree (imports inside functions count too).

The rooms that teach (all but check and the grader) and the grader live in one house and do
not know each other: a lecture can change without touching a score, and no score rests on the textbook's code.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "course"

FOUNDATION = {"errors", "device"}
MAY_IMPORT = {
    "errors": set(),
    "device": set(),
    "proc": set(),
    "settings": FOUNDATION,
    "install": set(),
    "addresses": FOUNDATION | {"settings"},
    "npm": FOUNDATION,
    "models": FOUNDATION,
    "data": FOUNDATION,
    "plots": FOUNDATION,
    "check": FOUNDATION,
    "given": FOUNDATION | {"data"},
    "training": FOUNDATION,
    "metrics": FOUNDATION,
    "translator": FOUNDATION | {"models", "data"},
    "pretrained": FOUNDATION | {"models", "data", "translator"},
    "experiments": FOUNDATION | {"models", "data", "training", "metrics", "plots", "translator", "pretrained"},
    "slides": FOUNDATION | {"npm"},
    "site": FOUNDATION | {"npm", "settings", "slides", "addresses"},
    "hub": FOUNDATION | {"proc", "npm", "settings"},
    "widgets": FOUNDATION | {"plots"},
    "grading": FOUNDATION | {"proc", "check", "settings", "addresses"},
    "ci": FOUNDATION | {"grading"},
    "similarity": FOUNDATION | {"grading"},
    "cli": FOUNDATION | {"ci", "similarity", "grading", "settings", "addresses"},
}
NOTEBOOK_IMPORTERS = {"importnb", "import_ipynb", "ipynb", "nbimporter"}
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    """The first folder or module below course/; `course/__init__.py` is the house itself, ''."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py").replace("__init__", "")


def imported_modules(path: Path) -> Iterator[str]:
    """Every module that a file imports, by its full name."""
    package = ["course", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            # `from course import check` imports course.check
            yield from ([f"{base}.{alias.name}" for alias in node.names] if base == "course" else [base])


def rooms_imported(path: Path) -> set[str]:
    parts = (module.split(".") for module in imported_modules(path))
    return {names[1] for names in parts if names[0] == "course" and len(names) > 1}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_arrows(path: Path):
    room = room_of(path)
    allowed = MAY_IMPORT[room] | {room} if room else set()
    assert rooms_imported(path) <= allowed


def test_every_room_has_its_arrows():
    assert {room_of(path) for path in FILES} - {""} <= set(MAY_IMPORT)


def test_the_arrows_have_no_circle():
    order: list[str] = []
    while len(order) < len(MAY_IMPORT):
        free = [room for room in MAY_IMPORT if room not in order and MAY_IMPORT[room] <= set(order)]
        assert free, "a circle among " + ", ".join(sorted(set(MAY_IMPORT) - set(order)))
        order += free


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_imports_a_notebook_a_test_or_a_solution(path: Path):
    roots = {module.split(".")[0] for module in imported_modules(path)}
    assert not roots & (NOTEBOOK_IMPORTERS | {"tests", "solutions", "assignments", "lectures"})


def test_the_command_imports_its_rooms_only_when_they_are_needed():
    """`course --help` is there at once: nothing heavy stands at the top of the command's module."""
    body = ast.parse((PACKAGE / "cli.py").read_text(encoding="utf-8")).body
    modules = {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module for node in body if isinstance(node, ast.ImportFrom)}
    assert {name for name in modules if name.split(".")[0] not in sys.stdlib_module_names} == {"course.errors"}


@pytest.mark.parametrize(
    ("line", "modules"),
    [
        ("import course.models.bert", {"course.models.bert"}),
        ("from course import check, data", {"course.check", "course.data"}),
        ("from . import wire", {"course.grading"}),
        ("from ..check import close", {"course.check"}),
        ("from .. import models", {"course.models"}),
        ("def later():\n    from course.plots import heat_map", {"course.plots"}),
    ],
)
def test_every_form_of_import_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, modules: set[str]):
    monkeypatch.setattr(f"{__name__}.PACKAGE", tmp_path)
    path = tmp_path / "grading" / "judge.py"
    path.parent.mkdir()
    path.write_text(line)
    assert set(imported_modules(path)) == modules
