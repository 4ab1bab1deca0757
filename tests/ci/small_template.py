"""A template repository of the small assignment: what `make student-release` builds, with a history in git."""

import os
import subprocess
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output

from course.grading.release import release
from course.grading.student_release import student_release
from tests.ci.workflows import ROOT
from tests.grading import small_notebook as small

NOTEBOOK = Path("assignments", small.ASSIGNMENT, small.NOTEBOOK)
PRINTED = {"A9-1-demo": "double of 3: 6\n", "A9-2-demo": "total: 12\n"}
SHARED = ("course", "template", "pyproject.toml", "constraints.txt", "environment.yml")
AS_STUDENT = {
    "GIT_AUTHOR_NAME": "student", "GIT_AUTHOR_EMAIL": "student@localhost",
    "GIT_COMMITTER_NAME": "student", "GIT_COMMITTER_EMAIL": "student@localhost",
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
}  # fmt: skip


def course_of(root: Path) -> Path:
    """A course of the small assignment that stores its marked outputs, with the real package."""
    small.course(root)
    nb = small.source()
    for cell in nb.cells:
        if cell.id in PRINTED:
            cell.outputs = [new_output("stream", name="stdout", text=PRINTED[cell.id])]
    small.write(nb, root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    for name in SHARED:
        (root / name).symlink_to(ROOT / name)
    release(root)
    return root


def template_of(root: Path, folder: Path) -> Path:
    """Build the student release of a course and make it a repository with one commit."""
    student_release(root, folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder)
    return folder


def git(folder: Path, *words: str) -> str:
    environment = {**os.environ, **AS_STUDENT}
    done = subprocess.run(["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    """Commit all that changed; returns the commit's name."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=work")
    return git(folder, "rev-parse", "HEAD")


def answer(folder: Path, answers: dict[str, str] | None) -> NotebookNode:
    """Write answers (None: the reference's) into the notebook as it was handed out."""
    released = nbformat.read(folder / ".student-release" / NOTEBOOK, as_version=4)
    nb = small.solved(released, answers)
    small.write(nb, folder / NOTEBOOK)
    return nb
