"""The library's reference: a page for each public module, written for Sphinx's autodoc."""

import importlib
import pkgutil
from collections.abc import Mapping
from pathlib import Path

# The rooms whose names reach students and authors. course.given is not among them: its code is answers.
ROOMS = {
    "check": "what a test cell calls",
    "check.tolerance": "how far two values may lie apart",
    "models": "the systems of the lectures, a file each",
    "data": "the corpora",
    "training": "the training loop",
    "metrics": "how good a model is",
    "plots": "the figures",
    "widgets": "the sliders around them",
    "device": "where tensors live",
    "pretrained": "models that were trained before class",
    "translator": "a translation model with its words",
}
INTRODUCTION = """
The library
===========

The modules that lectures, assignments and their authors import. Shapes stand in the signatures:
``Float[Tensor, "*batch queries d_k"]`` is a tensor of floats whose last two axes are called *queries* and *d_k*;
``*batch`` stands for any number of leading ones. Rows are vectors; masks are boolean, and True means may attend.
*[source]* beside a name leads to its code.
"""


def write_reference(to: Path, rooms: Mapping[str, str] = ROOMS) -> None:
    """Write `to`/index.rst and a page for each module of the rooms, as the package has them."""
    to.mkdir(parents=True)
    for room in rooms:
        modules = modules_of(f"course.{room}")
        (to / f"{room}.rst").write_text(
            page(f"course.{room}", [f"{name} <{room}.{name}>" for name in modules]), encoding="utf-8"
        )
        for name in modules:
            (to / f"{room}.{name}.rst").write_text(page(f"course.{room}.{name}", []), encoding="utf-8")
    table = [f"   * - :doc:`course.{room} <{room}>`\n     - {what}\n" for room, what in rooms.items()]
    listed = ".. list-table::\n\n" + "".join(table)
    (to / "index.rst").write_text(
        "\n".join([INTRODUCTION, listed, toctree([f"{room} <{room}>" for room in rooms], hidden=True)]),
        encoding="utf-8",
    )


def modules_of(name: str) -> list[str]:
    """The modules of a package; none of a module, nor of a package that says itself what is public."""
    package = importlib.import_module(name)
    if hasattr(package, "__all__"):
        return []
    return sorted(info.name for info in pkgutil.iter_modules(getattr(package, "__path__", [])))


def page(module: str, below: list[str]) -> str:
    """A module's page; a package's lists its modules."""
    title = f"``{module}``"
    parts = [title, "=" * len(title), "", f".. automodule:: {module}", "   :members:", ""]
    return "\n".join([*parts, *([toctree(below)] if below else [])])


def toctree(pages: list[str], hidden: bool = False) -> str:
    lines = "".join(f"   {page}\n" for page in pages)
    return ".. toctree::\n" + ("   :hidden:\n" if hidden else "   :maxdepth: 1\n") + "\n" + lines
