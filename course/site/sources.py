"""What the site is made of: copies of what is public, and the pages that list them.

The list below is all that Sphinx ever sees of the repository. solutions/, tests/ and stand-ins are not on it, so no
link and no directive can reach them.
"""

import os
import re
import shutil
from pathlib import Path

from course.errors import CourseError

PUBLIC = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "CREDITS.md",
    "LICENSE",
    "LICENSE-PROSE",
    "docs/*",
    "lectures/*.ipynb",
    "assignments/*/*.ipynb",
)
# In the order in which the sidebar shows them; a page of docs/ that is not named here comes after the last.
FOR_STUDENTS = ("student", "exercises", "models", "results")
FOR_TEACHERS = (
    *("lecturer", "slides", "classroom", "course-life", "grader", "similarity", "ci", "maintainer"),
    *("coverage", "wmt", "attacks"),
)
ABOUT = ("CHANGELOG", "CONTRIBUTING", "CREDITS", "licences")
FRONT = "README"  # becomes the index
# Files that a page may hand out by a link to them. Nothing of solutions/, tests/ or course/given.
ON_REQUEST = (
    "*.toml",
    "*.txt",
    "*.yml",
    "Makefile",
    "nbgrader_config.py",
    ".devcontainer/*",
    ".github/workflows/*",
    "course/*.py",
    *(
        f"course/{room}/**/*"
        for room in "check ci data grading hub models plots similarity site training widgets".split()
    ),
)
LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")


def gather(root: Path, to: Path) -> None:
    """Copy what is public in the course's folder `root` to the new folder `to`, with the site's index.

    Raises:
        CourseError: there is no README.md or no lecture.
    """
    if not (root / f"{FRONT}.md").is_file() or not any(root.glob("lectures/*.ipynb")):
        raise CourseError(f"{root} has no README.md or no lectures/: run this in the course's folder, or name it.")
    for pattern in PUBLIC:
        for path in sorted(root.glob(pattern)):
            copy = to / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    allowed = {path.resolve() for pattern in ON_REQUEST for path in root.glob(pattern)}
    for page in sorted(to.rglob("*.md")):
        hand_out(page, root, to, allowed)
    front = (root / f"{FRONT}.md").read_text(encoding="utf-8")
    (to / "index.md").write_text(front + toctrees(to), encoding="utf-8")
    (to / "licences.md").write_text(licences(), encoding="utf-8")


def hand_out(page: Path, root: Path, to: Path, allowed: set[Path]) -> None:
    """Copy what a page links to, if it is among the files that are allowed; Sphinx names what is missing then."""
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        name = os.path.relpath(page.parent / target, to)
        if (root / name).is_file() and (root / name).resolve() in allowed:
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, to / name)


def toctrees(to: Path) -> str:
    """The sidebar: what is there, in its order."""
    docs = {path.stem for path in to.glob("docs/*.md")}
    for_students, for_teachers = ([name for name in group if name in docs] for group in (FOR_STUDENTS, FOR_TEACHERS))
    for_teachers += sorted(docs - {*for_students, *for_teachers})
    return "".join(
        [
            toctree("Lectures", sorted(f"lectures/{path.stem}" for path in to.glob("lectures/*.ipynb"))),
            toctree(
                "Assignments",
                sorted(f"{path.parent.relative_to(to)}/{path.stem}" for path in to.glob("assignments/*/*.ipynb")),
            ),
            toctree("For students", [f"docs/{name}" for name in for_students]),
            toctree("Library", ["reference/index"]),
            toctree("For teachers and maintainers", [f"docs/{name}" for name in for_teachers]),
            toctree("About", [name for name in ABOUT if name == "licences" or (to / f"{name}.md").is_file()]),
        ]
    )


def toctree(caption: str, pages: list[str]) -> str:
    lines = "\n".join(pages)
    return f"\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n"


def licences() -> str:
    """A page with the text of both licences."""
    parts = [("Code", "LICENSE"), ("Prose", "LICENSE-PROSE")]
    shown = [f"## {what}\n\n```{{literalinclude}} {name}\n:language: text\n```\n" for what, name in parts]
    return "\n".join(["# Licences\n", *shown])
