"""The workflow files, held by maintained linters to schema and safety, and by these tests to what is promised."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.ci import lint
from tests.ci.workflows import CHECK, EXPRESSION, GRADE, ROOT, WORKFLOWS, read, scripts, steps, uses

CONTAINERS = [ROOT / ".devcontainer" / "devcontainer.json", ROOT / "template" / ".devcontainer" / "devcontainer.json"]


def test_the_linters_find_nothing():
    found = [lint.schema(WORKFLOWS), lint.safety(WORKFLOWS)]
    assert [one.returncode for one in found] == [0, 0], "".join(one.stdout + one.stderr for one in found)


def test_the_linters_find_what_is_wrong(tmp_path: Path):
    """A workflow that is open to injection, and one that is none: so that a green linter means something."""
    bad = tmp_path / ".github" / "workflows" / "bad.yml"
    bad.parent.mkdir(parents=True)
    bad.write_text(GRADE.read_text().replace('"$ASSIGNMENT" =~', '"${{ github.event.issue.title }}" =~', 1))
    found = lint.safety([bad])
    assert found.returncode and "template-injection" in found.stdout
    bad.write_text(GRADE.read_text().replace("timeout-minutes: 15", "timeout: 15"))
    assert lint.schema([bad]).returncode


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_githubs_own_at_a_major_version_and_keep_no_credentials(path: Path):
    for name, step in uses(path):
        assert re.fullmatch(r"actions/[\w-]+@v\d+", name)
        if name.startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False
    for job in read(path)["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            assert not EXPRESSION.search(step.get("run", "")), "an expression in a script can be injected into"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_workflow_asks_for_a_secret_or_may_write(path: Path):
    said = [
        *EXPRESSION.findall(path.read_text()),
        *(line for line in path.read_text().splitlines() if "inherit" in line),
    ]
    assert [text for text in said if "secrets" in text] == []
    jobs = read(path)["jobs"].values()
    for permissions in (read(path)["permissions"], *(job.get("permissions", {}) for job in jobs)):
        assert permissions in ({}, {"contents": "read"})


def test_student_code_runs_where_there_is_no_token_and_no_checkout():
    jobs = read(GRADE)["jobs"]
    assert [name for name, job in jobs.items() if job["permissions"]] == ["collect"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "collect": None,
        "grade": "collect",
        "publish": "grade",
    }
    for name, job in jobs.items():
        runs_it = any("course grade" in step.get("run", "") for step in job["steps"])
        assert runs_it == (name == "grade")
        has_checkout = any("checkout" in step.get("uses", "") for step in job["steps"])
        assert has_checkout == (name == "collect")
        assert "github.token" not in json.dumps(job)


@pytest.mark.parametrize(("path", "job"), [(CHECK, "check"), (GRADE, "grade")])
def test_both_allow_namespaces_and_try_the_sandbox_before_they_run_anything(path: Path, job: str):
    names = list(scripts(path, job))
    text = [step["run"] for step in scripts(path, job).values()]
    allows, tries, runs = (
        next(i for i, script in enumerate(text) if word in script)
        for word in (
            "apparmor_restrict_unprivileged_userns=0",
            "course doctor",
            "course ci" if job == "check" else "course grade",
        )
    )
    assert allows < tries < runs, names


def test_results_are_kept_when_the_check_is_red():
    upload = steps(CHECK, "check")[-1]
    assert upload["if"] == "${{ !cancelled() }}" and upload["with"]["path"] == "ci-results"


@pytest.mark.parametrize("path", CONTAINERS, ids=["course", "student"])
def test_the_dev_container_names_an_image_and_installs_what_was_tested(path: Path):
    container = json.loads(path.read_text())
    assert set(container) <= {
        "name", "image", "containerEnv", "postCreateCommand", "customizations", "forwardPorts", "portsAttributes",
    }  # fmt: skip
    assert re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:3\.11", container["image"])
    assert "ms-toolsai.jupyter" in container["customizations"]["vscode"]["extensions"]
    command = container["postCreateCommand"]
    assert command == "make setup" or "--constraint constraints.txt --editable ." in command
    assert subprocess.run(["bash", "-n", "-c", command]).returncode == 0
