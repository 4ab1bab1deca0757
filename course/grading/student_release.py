"""`course student-release`: the folder that students get. An allow-list builds it, so that nothing slips in.

It is a template repository, too: with a workflow that checks what is pushed, and a container to open it in.
"""

import ast
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from course.addresses import badges
from course.errors import CourseError
from course.grading.handout import PRISTINE
from course.grading.leaks import hidden_test_lines, leaked, leaked_passage, secret_lines, text_of
from course.grading.notebook import read_notebook
from course.grading.outputs import OUTPUTS, write_outputs
from course.grading.release import RELEASED, SOURCES, assignments_in, release, verify
from course.settings import read_settings

MARKER = Path(".student-release", "made-by-course")
# What teaches shares lines with answers, and none with hidden tests.
TEXTBOOK = tuple(Path(name) for name in ("course/models", "course/experiments"))
# What is copied, if the course has it, and why students need it.
ALLOWED = {
    "lectures": "what is taught",
    "assignments": "what they work on",
    "pyproject.toml": "makes `pip install -e .` work, and the command `course`",
    "constraints.txt": "the versions that were tested",
    "LICENSE": "named by pyproject.toml",
    "LICENSE-PROSE": "named by pyproject.toml",
    "CREDITS.md": "named by pyproject.toml",
    "course/__init__.py": "the package that notebooks import",
    "course/errors.py": "one-line errors of the command",
    "course/cli.py": "the command `course`",
    "course/device.py": "notebooks: where tensors live",
    "course/install.py": "the first cell of a notebook: installs what is missing",
    "course/metrics.py": "notebooks: BLEU and the like",
    "course/models": "notebooks: the textbook's models; the grader keeps them out of the student process",
    "course/training": "notebooks: the training loop",
    "course/check": "the visible tests call it",
    "course/data": "notebooks: the corpora",
    "course/plots": "notebooks: the figures",
    "course/widgets": "lectures: the sliders",
    "course/translator.py": "lectures: a translation model with its words",
    "course/pretrained.py": "lectures: loads trained models",
    "course/weights": "lectures: those models",
    "course/experiments": "lectures: how those models were trained, and what they are measured by",
    "docs/models.md": "lectures refer to it: the textbook's contents",
    "docs/results.md": "lectures refer to it: what the models reach",
    "docs/wmt.md": "lectures refer to it: the paper's own training",
    "docs/student.md": "the guide: from a fresh laptop to the first check, and what to do when something breaks",
    "course/grading/__init__.py": "holds what `course check` and `course doctor` are made of:",
    "course/grading/selfcheck.py": "`course check`",
    "course/grading/handout.py": "`course check`: what was deleted or changed",
    "course/grading/kernel.py": "`course check`: runs the notebook",
    "course/grading/notebook.py": "`course check`: reads exercises",
    "course/grading/limits.py": "`course check`: part of a source notebook",
    "course/grading/own_work.py": "`course check`: names forbidden calls",
    "course/grading/verdict.py": "`course check`: points and status",
    "course/grading/junit.py": "`course check --junit`",
    "course/grading/doctor.py": "`course doctor`",
    "course/grading/validate.py": "`course validate`",
    "course/grading/outputs.py": "`course validate`: finds the reference's outputs",
    "course/grading/rebuild.py": "`course validate`: puts answers into the notebook as it was handed out",
    "course/grading/nbval_report.py": "`course validate`: what nbval found",
    "course/ci": "`course ci`: check and validate what a push changed",
    "course/grading/sandbox.py": "`course ci`: finds bubblewrap",
}
# What lies in here goes to the top of the student release: a workflow, a container, an editor's recommendations.
TEMPLATE = "template"
REQUIRED = ("assignments", "pyproject.toml", "course/check", "course/cli.py", "course/grading/selfcheck.py")
IGNORED = shutil.ignore_patterns(".*", "__pycache__", "*.pyc", "*.egg-info")
# The command's own imports are made when a sub-command runs; most of its rooms are for instructors.
LAZY = Path("course", "cli.py")
GITIGNORE = ".venv/\n__pycache__/\n*.egg-info/\n.ipynb_checkpoints/\nci-results/\n"
MARK = """Built by `course student-release`; building again replaces this folder.
assignments/ in here are untouched copies: `course check` compares a notebook with them.
"""
README = """# Attention and transformers

You have the {contents}, and the Python package `course` that the notebooks import.
{launch}
## Install

With Python 3.11 or newer, in this folder:

    python3 -m venv .venv
    . .venv/bin/activate                 # Windows: .venv\\Scripts\\activate
    pip install --constraint constraints.txt --editable .
    jupyter lab

With conda: `conda env create -f environment.yml`, then `conda activate attention-course`.

docs/student.md says the same for Windows, VS Code and Colab, and what to do when a message puzzles you.

## Work

Open {example}. Each exercise says what it asks, how many points it is worth and about how long it takes. Write your
answers into the cells that raise `NotImplementedError`; you may add cells of your own. Then ask

    course check {example}

It runs your notebook from top to bottom in a fresh kernel and shows, exercise by exercise, what the visible tests say.
Your file is not changed.

    course validate {example}

holds what the demonstrations print to what they print with right answers. It informs; it gives no points.

## Push

Kept in a repository on GitHub, this folder checks itself: each push runs `course ci` on the notebooks that it changed
and shows their exercises in the run's summary. What you have not begun is not red; what you have begun and a visible
test refuses is. Elsewhere, and by hand, the same command is

    course ci                        # all assignments
    course ci --since main           # what changed since a commit

Keep the repository private: others would read your answers.

## What is graded

- The visible tests, and hidden ones that look at the same answers from other sides. Each test cell has its own points:
  all of them or none.
- The open question, which a person reads.
- Your own work: an exercise that asks you to build something lists the ready-made calls that don't count.

Test cells that you change or delete are put back before grading. Warnings cost nothing. An answer that never ends costs
the exercise that it stands in.

## Hand in

Run `course check` once more, save, and hand in the notebook under the name that it has, in the way your teachers told
you. Nothing else is needed: neither outputs nor other files are looked at.

Code is under the MIT licence (LICENSE), prose under CC BY 4.0 (LICENSE-PROSE).
"""


def student_release(root: Path, destination: Path) -> list[Path]:
    """Build what students get; return the relative paths of its files.

    The destination must be new, empty or a former student release (which is replaced; a `.git` in it stays).
    CourseError if it is something else, if assignments/ is out of date, or if the release would leak or not run.
    """
    destination = destination.absolute()
    _raise_if_taken(destination)
    release(root, check_only=True)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".student-", dir=destination.parent) as scratch:
            new = Path(scratch) / "new"
            _build(root, new)
            problems = _leaks(root, new) + _missing_imports(new)
            if problems:
                raise CourseError("the student release was not built: " + "; ".join(problems), 1)
            files = sorted(path.relative_to(new) for path in new.rglob("*") if path.is_file())
            _put(new, destination)
    except OSError as error:
        raise CourseError(f"{error.filename or destination}: {error.strerror or error}", 1) from None
    return files


def _raise_if_taken(destination: Path) -> None:
    if not destination.exists():
        return
    if not destination.is_dir():
        raise CourseError(f"{destination} is a file; name a new or empty folder")
    if any(destination.iterdir()) and not (destination / MARKER).is_file():
        raise CourseError(f"{destination} holds other things than a student release; name a new or empty folder")


def _build(root: Path, new: Path) -> None:
    for name in REQUIRED:
        if not (root / name).exists():
            raise CourseError(f"{root / name} is missing, and students need it")
    for name in ALLOWED:
        _copy(root / name, new / name)
    _copy(root / RELEASED, new / PRISTINE)
    if (root / TEMPLATE).is_dir():
        shutil.copytree(root / TEMPLATE, new, dirs_exist_ok=True)
    sources = sorted((root / SOURCES).glob("*/*.ipynb"))
    (new / OUTPUTS).mkdir(parents=True)
    write_outputs(((path.relative_to(root / SOURCES), read_notebook(path)) for path in sources), new)
    (new / MARKER).write_text(MARK, encoding="utf-8")
    (new / ".gitignore").write_text(GITIGNORE, encoding="utf-8")
    (new / "README.md").write_text(_readme(new, read_settings(root).address), encoding="utf-8")
    environment = root / "environment.yml"
    if environment.is_file():  # without what only tests need
        text = environment.read_text(encoding="utf-8").replace("--editable .[test]", "--editable .")
        kept = [line for line in text.splitlines() if "tests/" not in line and "make " not in line]
        (new / "environment.yml").write_text("\n".join(kept) + "\n", encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=IGNORED)
    elif source.is_file():
        shutil.copyfile(source, target)


def _readme(new: Path, address: str) -> str:
    example = next(path.relative_to(new) for path in sorted((new / RELEASED).glob("*/*.ipynb")))
    contents = "lectures (`lectures/`), the assignments" if (new / "lectures").is_dir() else "assignments"
    links = badges(address, example.as_posix())
    launch = f"\n{links}\n" if links else ""
    return README.format(contents=f"{contents} (`assignments/`)", example=example.as_posix(), launch=launch)


def _leaks(root: Path, new: Path) -> list[str]:
    """What gives a solution or a hidden test away, a line each."""
    sources, found = [], []
    for name in assignments_in(root):
        own = [read_notebook(path) for path in sorted((root / SOURCES / name).glob("*.ipynb"))]
        found += [f"{name}/{problem}" for problem in verify(new / RELEASED / name, own)]
        sources += own
    secret, tests = secret_lines(sources), hidden_test_lines(sources)
    for path in sorted((new / OUTPUTS).rglob("*.json")):
        lines = leaked(text_of(json.loads(_text(path))), secret)
        found += [f"{path.relative_to(new)} leaks the line {line[:60]!r}" for line in lines]
    for path in _others(new):
        text = text_of(read_notebook(path)) if path.suffix == ".ipynb" else _text(path)
        teaches = any(path.is_relative_to(new / part) for part in TEXTBOOK)
        if passage := leaked_passage(text, tests if teaches else secret):
            found.append(f"{path.relative_to(new)} holds lines of a solution or hidden test ({passage[0][:60]!r} …)")
    return found


def _others(new: Path) -> Iterator[Path]:
    """The files that were not generated from a source notebook."""
    for path in sorted(new.rglob("*")):
        inside = path.relative_to(new)
        if path.is_file() and not inside.is_relative_to(RELEASED) and not inside.is_relative_to(PRISTINE):
            yield path


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _missing_imports(new: Path) -> list[str]:
    """Modules of the course that a released file imports and students do not get."""
    found = []
    for path in sorted([*new.rglob("*.py"), *new.rglob("*.ipynb")]):
        name = path.relative_to(new)
        if name == LAZY or name.is_relative_to(PRISTINE):
            continue
        missing = sorted(module for module in _imports(path) if not _is_there(module, new))
        found += [f"{name} imports {module}, which students do not get" for module in missing]
    return found


def _imports(path: Path) -> set[str]:
    if path.suffix == ".ipynb":
        codes = [cell.source for cell in read_notebook(path).cells if cell.cell_type == "code"]
    else:
        codes = [_text(path)]
    modules = set()
    for code in codes:
        try:
            tree = ast.parse(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", code))
        except SyntaxError:
            continue  # a lecture may show one
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                inside = node.module == "course"  # `from course import check` imports course.check
                modules |= {f"course.{alias.name}" for alias in node.names} if inside else {node.module}
    return {module for module in modules if module.split(".")[0] == "course"}


def _is_there(module: str, new: Path) -> bool:
    path = new.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def _put(new: Path, destination: Path) -> None:
    old = new.with_name("old")
    if destination.exists():
        destination.rename(old)
    try:
        new.rename(destination)
    except OSError:
        if old.exists():
            old.rename(destination)
        raise
    if (old / ".git").exists():
        (old / ".git").rename(destination / ".git")
