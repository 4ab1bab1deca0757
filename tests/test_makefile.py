"""The Makefile is the front door: what it lists, what it runs, and what it says when it can't.

Most tests run it in a bare copy whose .venv/bin/python is a shell script, so that they take milliseconds.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUESTS_TYPE = set("setup lab demo release student-release check grade validate test nightly lint clean".split())
OF_AN_OUTER_MAKE = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}


def makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as a newcomer's shell would: without the variables of a make that may be running this test."""
    environment = {name: value for name, value in os.environ.items() if name not in OF_AN_OUTER_MAKE}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def program(path: Path, script: str) -> Path:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A clone without an environment, at a path with a space in it."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder


@pytest.fixture
def ready(bare: Path) -> Path:
    """A clone whose environment is up to date; its Python only prints what it is asked to run."""
    program(bare / ".venv" / "bin" / "python", 'printf "%s " python "$@"; echo')
    (bare / ".venv" / ".installed").touch()
    return bare


def test_make_alone_lists_every_target_with_a_line_of_help(bare: Path):
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", make(bare).stdout, flags=re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", makefile(), flags=re.MULTILINE).group(1).split()
    assert set(listed) == set(phony) >= GUESTS_TYPE


def test_each_target_says_what_it_runs(ready: Path):
    """With a ready environment no target but lint, test, clean and help needs more than its own command."""
    for target in sorted(GUESTS_TYPE - {"clean", "nightly"}):
        done = make(ready, target, "NB=a b.ipynb", "A=01-attention")
        assert done.returncode == 0, (target, done.stderr)
        assert "pip install" not in done.stdout, target


def test_an_old_python_is_named_in_one_line(bare: Path):
    pretend = "import sys; sys.version_info = (3, 10, 13); exec(sys.argv[1])"
    run = f"{sys.executable} -c '{pretend}' \"$2\""
    program(bare / "old-python", f'case "$1" in --version) echo Python 3.10.13;; *) {run};; esac')
    done = make(bare, "lab", "PYTHON=./old-python")
    assert done.returncode == 2
    assert "./old-python is not Python 3.11 or newer (found: Python 3.10.13)" in done.stderr
    assert "make lab PYTHON=" in done.stderr
    assert not (bare / ".venv").exists()


def test_a_python_without_venv_is_named_in_one_line(bare: Path):
    program(bare / "no-venv", 'case "$2" in *ensurepip*) exit 1;; esac')
    done = make(bare, "setup", "PYTHON=./no-venv")
    assert done.returncode == 2
    assert "./no-venv has no venv" in done.stderr
    assert "apt-get install python3-venv" in done.stderr


def test_torch_is_installed_first_alone_and_plainly(bare: Path):
    program(bare / ".venv" / "bin" / "python", 'printf "%s " "$@" >> calls; echo >> calls')
    done = make(bare, "setup")
    assert done.returncode == 0, done.stderr
    (pin,) = re.findall(r"^torch==\S+$", (bare / "constraints.txt").read_text(), flags=re.MULTILINE)
    installs = [line.split() for line in (bare / "calls").read_text().splitlines() if " install " in line]
    assert [part for part in installs[0] if not part.startswith("--")] == ["-m", "pip", "install", pin]
    assert "--constraint" in installs[1]


def test_a_failed_install_is_tried_again(bare: Path):
    """The stamp stands for an environment that is whole; half an environment must not look ready."""
    program(bare / ".venv" / "bin" / "python", 'case "$*" in *--constraint*) exit 1;; esac')
    assert make(bare, "setup").returncode != 0
    assert not (bare / ".venv" / ".installed").exists()


def test_a_changed_pin_renews_the_environment(ready: Path):
    assert "pip install" not in make(ready, "setup").stdout
    future = (ready / ".venv" / ".installed").stat().st_mtime + 10
    os.utime(ready / "constraints.txt", (future, future))
    assert "pip install" in make(ready, "setup").stdout


def test_a_second_call_installs_nothing(bare: Path):
    program(bare / ".venv" / "bin" / "python", "")
    assert "pip install" in make(bare, "setup").stdout
    assert "pip install" not in make(bare, "setup").stdout


def test_jupyter_lab_opens_without_its_news(bare: Path):
    program(bare / ".venv" / "bin" / "python", "")
    make(bare, "setup")
    overrides = json.loads((bare / ".venv/share/jupyter/lab/settings/overrides.json").read_text())
    (settings,) = overrides.values()
    assert settings == {"fetchNews": "false", "checkForUpdates": False}


def test_a_dry_run_is_told_its_assignment_by_the_second_word(ready: Path):
    for words in (["dry-run", "03-transformer"], ["dry-run", "A=03-transformer"]):
        done = make(ready, *words)
        assert done.returncode == 0
        assert done.stdout.split("python ")[-1].split() == ["-m", "tests.dry_run", "03-transformer"]
    asked = make(ready, "dry-run")
    assert asked.returncode == 2 and "make: say which assignment, for example: make dry-run" in asked.stderr


@pytest.mark.parametrize("target", ["check", "validate"])
def test_a_target_that_needs_a_notebook_asks_for_it(ready: Path, target: str):
    done = make(ready, target)
    assert done.returncode == 2
    assert f"make {target} NB=" in done.stderr


@pytest.mark.parametrize("status", [0, 1])
def test_nightly_writes_its_results_and_keeps_the_status(ready: Path, status: int):
    pytest_says = r"noise\n===== slowest 10 durations =====\n3.00s call\n===== 2 passed in 3.21s =====\n"
    program(
        ready / ".venv" / "bin" / "python",
        f'case "$*" in *pytest*) printf "{pytest_says}"; exit {status};; *) echo Python 3.11.7;; esac',
    )
    done = make(ready, "nightly")
    assert (done.returncode == 0) == (status == 0)
    results = (ready / "nightly" / "RESULTS.md").read_text()
    assert "2 passed in 3.21s" in results
    assert "noise" not in results
    assert re.search(r"date: \d{4}-\d\d-\d\d", results)
    assert "`make nightly`" in results


def test_clean_leaves_the_environment_and_students_work(ready: Path):
    keep = [".venv/bin/python", "submitted/ada/01-attention/attention.ipynb", "gradebook.db"]
    for name in [*keep, "build/demo/grades.csv", "course/__pycache__/x.pyc", "tests/x.py"]:
        (ready / name).parent.mkdir(parents=True, exist_ok=True)
        (ready / name).touch()
    assert make(ready, "clean").returncode == 0
    assert all((ready / name).exists() for name in keep)
    assert not (ready / "build").exists()
    assert not (ready / "course" / "__pycache__").exists()
