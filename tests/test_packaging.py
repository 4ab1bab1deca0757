"""The set-up tells one story: pyproject.toml, constraints.txt, environment.yml and the CI files agree."""

import ast
import importlib.metadata
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYPROJECT_TEXT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads(PYPROJECT_TEXT)
PROJECT = PYPROJECT["project"]
CORE = [Requirement(text) for text in PROJECT["dependencies"]]
EXTRAS = {name: [Requirement(text) for text in texts] for name, texts in PROJECT["optional-dependencies"].items()}
EVERYTHING = CORE + [requirement for extra in EXTRAS.values() for requirement in extra]

# Where constraints.txt was made; its pins are complete there, and pip adds what another system needs.
TESTED = {"python_version": "3.11", "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
CUDA_RUNTIME = ("nvidia-", "cuda-", "triton")  # what a torch built for CUDA brings; it pins them itself


# What `make setup` installs beside the package itself.
INSTALLED = "test"


def names(requirements: Iterable[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def read_pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


# --- pyproject.toml


@pytest.mark.parametrize("requirement", EVERYTHING, ids=lambda requirement: requirement.name)
def test_each_dependency_has_a_reason_beside_it(requirement: Requirement):
    line = next(line for line in PYPROJECT_TEXT.splitlines() if re.match(rf'\s+"{requirement.name}\W', line))
    _, _, reason = line.partition("#")
    assert len(reason.split()) >= 3, f"say in pyproject.toml why the course needs {requirement.name}"


def test_the_tests_have_every_extra():
    assert names(EVERYTHING) - names(CORE) == names(EXTRAS[INSTALLED])


def test_python_has_no_upper_cap():
    assert PROJECT["requires-python"] == ">=3.11"


def test_every_file_of_the_package_is_installed_with_it():
    """A folder without __init__.py, or a file that no pattern names, is there in a clone and gone in a wheel."""
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]["course"]
    package = ROOT / "course"
    data = {path for pattern in patterns for path in package.glob(pattern)}
    for path in package.rglob("*"):
        if path.is_dir() or "__pycache__" in path.parts:
            continue
        known = path in data or (path.suffix == ".py" and (path.parent / "__init__.py").is_file())
        assert known, path.relative_to(ROOT)


def imported_roots(folder: str) -> Iterator[tuple[Path, str]]:
    """Each file with the top-level name of each absolute import in it."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name.split(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield path, node.module.split(".")[0]


@pytest.mark.parametrize(
    ("folder", "allowed"),
    [("course", CORE + EXTRAS["cluster"] + EXTRAS["hub"] + EXTRAS["site"]), ("tests", EVERYTHING)],
)
def test_what_is_imported_is_declared(folder: str, allowed: list[Requirement]):
    """A package that only comes along with another one may go when that one no longer needs it."""
    distributions = importlib.metadata.packages_distributions()
    undeclared = set()
    for path, root in imported_roots(folder):
        if root in sys.stdlib_module_names or root in {"course", "tests"}:
            continue
        found = {canonicalize_name(name) for name in distributions.get(root, [root])}
        if not found & names(allowed):
            undeclared.add(f"{path.relative_to(ROOT)} imports {root}")
    assert not undeclared


# --- constraints.txt


@pytest.mark.parametrize("requirement", EVERYTHING, ids=lambda requirement: requirement.name)
def test_each_dependency_is_pinned_within_its_range(requirement: Requirement):
    pinned = read_pins()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pinned)


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """Names of all that the requirements lead to, as the installed packages tell it, on the tested system."""
    seen: dict[str, set[str]] = {}
    todo = list(requirements)
    while todo:
        requirement = todo.pop()
        name, extras = canonicalize_name(requirement.name), requirement.extras | {""}
        if name.startswith(CUDA_RUNTIME) or extras <= seen.get(name, set()):
            continue
        seen[name] = seen.get(name, set()) | extras
        try:
            texts = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # not needed on the system that runs this test; it must be pinned all the same
        for needed in map(Requirement, texts):
            if needed.marker is None or any(needed.marker.evaluate(TESTED | {"extra": e}) for e in extras):
                todo.append(needed)
    return set(seen)


def test_constraints_pin_the_whole_environment_and_nothing_else():
    needed, pinned = closure(EVERYTHING), set(read_pins())
    assert needed - pinned == set(), "not pinned"
    assert pinned - needed == set(), "pinned, and needed by nothing"


def test_pins_have_no_local_suffix():
    """`2.13.0+cpu` is a build; a pin names the release, so that a GPU machine may take its own build."""
    assert [f"{name}=={version}" for name, version in read_pins().items() if "+" in version] == []


def test_the_environment_is_the_pinned_one():
    differing = {}
    for name, version in read_pins().items():
        try:
            installed = importlib.metadata.version(name).split("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue  # test_constraints_pin… knows whether it is needed
        if installed != version:
            differing[name] = (installed, version)
    assert differing == {}, "installed, pinned: run `make setup`"


# --- environment.yml, pre-commit, CI


def test_conda_environment_adds_only_python_and_pip():
    """pyproject.toml is the one list of dependencies; conda's file says how to install it, and lists none."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["name"] == PROJECT["name"]
    python, pip, through_pip = environment["dependencies"]
    assert python == "python=" + PROJECT["requires-python"].removeprefix(">=")
    assert pip == "pip"
    constraint, course = through_pip["pip"]
    assert constraint == "--constraint constraints.txt"
    assert course == f"--editable .[{INSTALLED}]"


def test_make_installs_the_same_extra_as_conda():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"--constraint constraints.txt --editable '.[{INSTALLED}]'" in makefile


def test_pre_commit_runs_only_what_is_installed_here():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    for repository in config["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            assert hook["language"] == "system"
            assert hook["entry"].startswith(".venv/bin/")


def test_ci_runs_what_everybody_runs():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").rstrip().endswith("make test")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["test"]
    assert job["steps"][-1] == {"run": "make test"}
    assert "3.11" in job["strategy"]["matrix"]["python"]
