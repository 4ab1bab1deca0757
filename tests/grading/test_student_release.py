"""What students get: all that they need, and nothing else."""

import fnmatch
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course.errors import CourseError
from course.grading.leaks import hidden_test_lines, leaked, leaked_passage, secret_lines, text_of
from course.grading.notebook import read_notebook
from course.grading.release import release
from course.grading.student_release import TEXTBOOK, student_release
from tests.grading import small_notebook as small

ROOT = Path(__file__).parents[2]
MAY_BE_THERE = [
    ".gitignore",
    ".student-release/made-by-course",
    ".student-release/assignments/*",
    "README.md",
    "LICENSE",
    "LICENSE-PROSE",
    "CREDITS.md",
    "pyproject.toml",
    "constraints.txt",
    "environment.yml",
    "assignments/*",
    "lectures/*",
    "course/__init__.py",
    "course/cli.py",
    "course/device.py",
    "course/errors.py",
    "course/metrics.py",
    "course/models/*.py",
    "course/training/*.py",
    "course/check/*.py",
    "course/data/*",
    "course/plots/*.py",
    "course/widgets/*",
    "course/translator.py",
    "course/pretrained.py",
    "course/weights/*.safetensors",
    "course/experiments/*.py",
    "docs/models.md",
    "docs/results.md",
    "docs/student.md",
    "docs/wmt.md",
    *(
        f"course/grading/{name}.py"
        for name in "__init__ selfcheck handout kernel limits notebook own_work verdict".split()
    ),
    "course/grading/junit.py",
    "course/grading/doctor.py",
    ".student-release/outputs/*.json",
    ".github/workflows/check.yml",
    ".devcontainer/devcontainer.json",
    ".vscode/extensions.json",
    "course/install.py",
    *(f"course/grading/{name}.py" for name in "validate outputs rebuild nbval_report".split()),
    "course/grading/sandbox.py",
    *(f"course/ci/{name}.py" for name in "__init__ run notebook report changed fence".split()),
]
NEVER = ["*solution*", "*hidden*", "*gradebook*", "*.db", "*submitted*", "*.pyc", "*given*", "*test_*"]


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The student release of the course as it stands."""
    folder = tmp_path_factory.mktemp("out") / "student"
    student_release(ROOT, folder)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course of the small assignment, with the real package."""
    root = small.course(tmp_path / "course-root")
    (root / "course").symlink_to(ROOT / "course")
    for name in ("pyproject.toml", "environment.yml"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    release(root)
    return root


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_nothing_else_is_in_it_by_name(handed_out: Path):
    found = names(handed_out)
    assert [name for name in found if not any(fnmatch.fnmatch(name, allowed) for allowed in MAY_BE_THERE)] == []
    assert [name for name in found if any(fnmatch.fnmatch(name, never) for never in NEVER)] == []


def test_nothing_else_is_in_it_by_content(handed_out: Path):
    sources = [read_notebook(path) for path in sorted(ROOT.glob("solutions/*/*.ipynb"))]
    secret, tests = secret_lines(sources), hidden_test_lines(sources)
    assert len(secret) > 50
    for path in (path for path in handed_out.rglob("*") if path.is_file()):
        text = text_of(read_notebook(path)) if path.suffix == ".ipynb" else path.read_text(errors="replace")
        assert "BEGIN SOLUTION" not in text or path.suffix == ".py"
        textbook = any(
            path.is_relative_to(handed_out / part) for part in TEXTBOOK
        )  # may be read by anyone; it holds no hidden tests
        assert leaked_passage(text, tests if textbook else secret, least=2) == [], path
        if path.suffix == ".ipynb" and "assignments" in path.parts:
            assert leaked(text, secret) == [], path


def test_all_that_students_need_is_in_it(handed_out: Path):
    found = names(handed_out)
    assignments = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("assignments/*/*.ipynb")]
    assert assignments
    assert {*assignments, "pyproject.toml", "README.md", "course/check/__init__.py", "LICENSE"} <= set(found)
    for notebook in assignments:
        assert (handed_out / notebook).read_bytes() == (handed_out / ".student-release" / notebook).read_bytes()
    readme = (handed_out / "README.md").read_text()
    assert f"course check {sorted(assignments)[0]}" in readme
    assert "[test]" not in (handed_out / "environment.yml").read_text()


def run_inside(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """`course …` as students run it: with nothing of this repository on the path."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def test_the_check_runs_from_inside_it(handed_out: Path):
    for notebook in sorted(handed_out.glob("assignments/*/*.ipynb")):
        result = run_inside(handed_out, "-m", "course.cli", "check", str(notebook.relative_to(handed_out)))
        assert result.returncode == 1, result.stderr
        assert result.stderr == ""
        assert "not attempted" in result.stdout
        assert "ModuleNotFoundError" not in result.stdout


def test_who_asks_it_to_grade_is_told_whose_copy_it_is(handed_out: Path):
    result = run_inside(handed_out, "-m", "course.cli", "grade")
    assert result.returncode == 2
    assert result.stderr == "course: this command needs the teachers' copy of the course; this is a student's\n"


def test_only_its_own_modules_are_imported(handed_out: Path):
    code = (
        "import sys, course.cli, course.check\n"
        "from course.grading import selfcheck, own_work, doctor\n"
        "print(*(module.__file__ for name, module in sys.modules.items() if name.startswith('course')), sep='\\n')"
    )
    result = run_inside(handed_out, "-c", code)
    assert result.returncode == 0, result.stderr
    assert {Path(line).is_relative_to(handed_out) for line in result.stdout.split("\n") if line} == {True}


def test_students_who_work_in_place_are_told_what_they_deleted(root: Path, tmp_path: Path):
    folder = tmp_path / "student"
    student_release(root, folder)
    path = folder / "assignments" / small.ASSIGNMENT / small.NOTEBOOK
    nb = small.solved(nbformat.read(path, as_version=4))
    nb.cells.remove(small.find(nb, "A9_1-zero"))
    small.write(nb, path)
    result = run_inside(folder, "-m", "course.cli", "check", str(path.relative_to(folder)))
    assert result.returncode == 1, result.stderr
    assert "a test cell was deleted here" in result.stdout
    assert "25 of 25" in result.stdout


def test_a_former_release_is_replaced_and_its_git_stays(root: Path, tmp_path: Path):
    folder = tmp_path / "student"
    folder.mkdir()
    student_release(root, folder)
    (folder / ".git").mkdir()
    (folder / "old.txt").write_text("old")
    files = student_release(root, folder)
    assert (folder / ".git").is_dir()
    assert not (folder / "old.txt").exists()
    assert [path.as_posix() for path in files] == names(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["course-root", "student"]


def refused(root: Path, folder: Path) -> str:
    with pytest.raises(CourseError) as caught:
        student_release(root, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_other_folders_are_left_alone(root: Path, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("a year's work")
    assert "holds other things" in refused(root, tmp_path / "mine")
    assert names(tmp_path / "mine") == ["thesis.txt"]
    assert "is a file" in refused(root, tmp_path / "mine" / "thesis.txt")
    assert "holds other things" in refused(root, root)


def test_an_outdated_assignment_is_not_handed_out(root: Path, tmp_path: Path):
    path = root / "assignments" / small.ASSIGNMENT / small.NOTEBOOK
    path.write_text(path.read_text().replace("YOUR CODE HERE", "YOUR WORK HERE"))
    assert "Run `course release`" in refused(root, tmp_path / "student")
    assert not (tmp_path / "student").exists()


def test_a_lecture_that_gives_a_solution_away_is_named(root: Path, tmp_path: Path):
    lecture = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(small.TOTAL)])
    small.write(lecture, root / "lectures" / "01-sequences.ipynb")
    assert "lectures/01-sequences.ipynb holds lines of a solution" in refused(root, tmp_path / "student")


def test_a_lecture_that_would_not_run_is_named(root: Path, tmp_path: Path):
    lecture = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%time\nfrom course.given import attention")])
    small.write(lecture, root / "lectures" / "01-sequences.ipynb")
    assert "lectures/01-sequences.ipynb imports course.given" in refused(root, tmp_path / "student")
