"""Reads workflow files as GitHub does, as far as the course's own use it, and runs the scripts of their steps."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TEST, GRADE = (ROOT / ".github" / "workflows" / name for name in ("test.yml", "grade.yml"))
CHECK = ROOT / "template" / ".github" / "workflows" / "check.yml"
WORKFLOWS = sorted([*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("template/.github/workflows/*.yml")])
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
# What a hosted runner's shell of its own does: `bash -e FILE`; with `shell: bash` it would add -o pipefail.
SHELL = ("bash", "-e")


def read(path: Path) -> dict:
    """The workflow; YAML's `on` stays a word."""
    text = path.read_text(encoding="utf-8")
    return yaml.safe_load(re.sub(r"(?m)^on:", '"on":', text))


def steps(path: Path, job: str) -> list[dict]:
    return read(path)["jobs"][job]["steps"]


def scripts(path: Path, job: str) -> dict[str, dict]:
    """Name -> step, for the steps that run a script."""
    return {step["name"]: step for step in steps(path, job) if "run" in step}


def uses(path: Path) -> Iterator[tuple[str, dict]]:
    """Every action that a workflow uses, with its step."""
    for job in read(path)["jobs"].values():
        for step in job["steps"]:
            if "uses" in step:
                yield step["uses"], step


@dataclass
class Runner:
    """A runner's view: a workspace, the files that a job writes to, what expressions stand for.

    home: where the package is, for a `python` and a `course` that are this test's own interpreter. Without it, they are
    those of `programs`, such as a virtual environment's.
    """

    workspace: Path
    scratch: Path
    home: Path | None = None
    programs: Path | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.summary.touch()
        if self.programs is None:
            self.programs = self.scratch / "bin"
            self.programs.mkdir(exist_ok=True)
            for name, words in (("python", ""), ("python3", ""), ("course", "-m course.cli ")):
                program = self.programs / name
                program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n', encoding="utf-8")
                program.chmod(0o755)

    @property
    def summary(self) -> Path:
        return self.scratch / "summary.md"

    def run(self, step: dict, timeout: float = 600) -> subprocess.CompletedProcess:
        """Execute one step's script as a runner does; its output and exit code are for the test to judge."""
        script = self.scratch / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        own = {name: self.resolved(value) for name, value in step.get("env", {}).items()}
        return subprocess.run(
            [*SHELL, str(script)],
            cwd=self.workspace,
            env=self._environment() | own,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    def resolved(self, text: str) -> str:
        """A text whose expressions are replaced; KeyError for one that this runner knows nothing of."""
        return EXPRESSION.sub(lambda match: self.values[match[1]], text)

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "OMP_NUM_THREADS") if name in os.environ}
        return kept | {
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            **({"PYTHONPATH": str(self.home)} if self.home else {}),
            "PYTHONDONTWRITEBYTECODE": "1",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            **self.environment,
        }
