"""What the first cell of a notebook runs where the course is missing."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from course.addresses import install_cell
from course.grading.notebook import plain_python, read_notebook
from course.grading.student_release import student_release
from course.install import NOT_FOR_NOTEBOOKS, is_installed, name_of, notebook_requirements, pip_arguments
from tests.ci import small_template as template
from tests.ci.environments import bare_environment

ROOT = Path(__file__).parents[1]
TEACHING_ROOMS = "check data device.py experiments metrics.py models plots pretrained.py training translator.py widgets"
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]


def codes() -> Iterator[str]:
    """The code that notebooks run: theirs, and that of the rooms that teach."""
    for room in TEACHING_ROOMS.split():
        path = ROOT / "course" / room
        yield from (file.read_text() for file in (path.rglob("*.py") if path.is_dir() else [path]))
    for path in (*ROOT.glob("lectures/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb")):
        yield from (plain_python(cell.source) for cell in read_notebook(path).cells if cell.cell_type == "code")


def imported(code: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_no_notebook_needs_what_is_left_to_the_server():
    """IPython is there wherever a notebook runs: only its display is used."""
    needed = {name for code in codes() for name in imported(code)} - {"IPython"}
    distributions = packages_distributions()
    names = {name_of(one) for name in needed for one in distributions.get(name, [])}
    assert "jaxtyping" in names and "torch" in names
    assert names & NOT_FOR_NOTEBOOKS == set()


def test_what_is_left_out_is_declared():
    assert {name_of(text) for text in DECLARED} >= NOT_FOR_NOTEBOOKS


def test_on_colab_nothing_that_is_there_is_touched(tmp_path: Path):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["torch>=99", "no_such.Thing>=1", "nbgrader>=0.9"]'
    )
    assert pip_arguments(tmp_path, keep_what_is_there=True) == [
        ["no_such.Thing>=1"],
        ["--no-deps", "--editable", str(tmp_path)],
    ]


def test_elsewhere_the_tested_versions_are_installed(tmp_path: Path):
    assert pip_arguments(ROOT, keep_what_is_there=False) == [
        ["--constraint", str(ROOT / "constraints.txt"), "--editable", str(ROOT)]
    ]
    assert pip_arguments(tmp_path, keep_what_is_there=False) == [["--editable", str(tmp_path)]]


def test_names_are_compared_as_indexes_do():
    assert name_of("Jupyter_client>=8; python_version > '3'") == "jupyter-client"
    assert is_installed("PyTest>=999") and not is_installed("no-such-thing")
    assert "torch" in map(name_of, notebook_requirements(ROOT))


# --- by night: environments that have no course

FIRST_CELLS = """
import sys, types
if {colab}:
    sys.modules["google"] = types.ModuleType("google")
    sys.modules["google.colab"] = types.ModuleType("google.colab")
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
try:
    import course
    raise SystemExit("the course was there before")
except ModuleNotFoundError:
    pass
for cell in ({cell!r}, "from course import check, install\\nfrom course.data import toy\\nimport jaxtyping"):
    shell.run_cell(cell).raise_error()
print("from", shell.user_ns["install"].__file__)
"""


def first_cells(programs: Path, folder: Path, cell: str, colab: bool) -> str:
    """Run a notebook's first cell and the import that follows it; returns where the course came from."""
    code = FIRST_CELLS.format(cell=cell, colab=colab)
    done = subprocess.run(
        [str(programs / "python"), "-c", code], cwd=folder, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().splitlines()[-1].removeprefix("from ")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The student release as a repository, as it would lie at the course's address."""
    folder = tmp_path_factory.mktemp("published") / "student"
    student_release(ROOT, folder)
    template.git(folder, "init", "--quiet", "--initial-branch=main")
    template.commit(folder)
    return folder


@pytest.mark.nightly
def test_colab_installs_from_the_address_and_the_next_cell_imports(published: Path, tmp_path: Path):
    """The address is a repository on this machine: a setting can't be one, so it is put into the cell itself."""
    programs = bare_environment(tmp_path)
    (tmp_path / "content").mkdir()
    cell = install_cell(published.as_uri())
    found = first_cells(programs, tmp_path / "content", cell, colab=True)
    assert Path(found) == tmp_path / "content" / "attention-course" / "course" / "install.py"
    (site_packages,) = programs.parent.glob("lib/python*/site-packages")
    installed = {path.name.partition("-")[0] for path in site_packages.glob("*.dist-info")}
    assert installed - {"pip", "setuptools"} == {"jaxtyping", "attention_course"}, "what was missing, and nothing else"


@pytest.mark.nightly
def test_a_fresh_kernel_installs_from_the_folder_that_holds_the_notebook(published: Path, tmp_path: Path):
    """As in VS Code, which starts a kernel in the notebook's own folder."""
    programs = bare_environment(tmp_path)
    found = first_cells(programs, published / "assignments" / "01-attention", install_cell(""), colab=False)
    assert Path(found).resolve() == published / "course" / "install.py"
    again = subprocess.run(
        [str(programs / "python"), "-c", "import course, jaxtyping; print(course.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert Path(again.stdout.strip()) == published / "course" / "__init__.py", "kernels that start later find it"
    assert sys.prefix not in again.stdout
