"""`python -m tests.ci.lint`: every workflow file through check-jsonschema (GitHub's schema) and zizmor (safety)."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.ci.workflows import ROOT, WORKFLOWS

PROGRAMS = Path(sys.executable).parent


def schema(paths: Iterable[Path]) -> subprocess.CompletedProcess:
    """Hold the files to the schema that comes with check-jsonschema."""
    return _run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, paths))


def safety(paths: Iterable[Path]) -> subprocess.CompletedProcess:
    """Look for what attackers look for, without a network; .github/zizmor.yml says what is accepted, and why."""
    return _run("zizmor", "--offline", "--no-progress", "--config", ".github/zizmor.yml", *map(str, paths))


def _run(program: str, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(PROGRAMS / program), *words], cwd=ROOT, capture_output=True, text=True, timeout=120)


def main() -> int:
    done = [linter(WORKFLOWS) for linter in (schema, safety)]
    for one in done:
        print((one.stdout or one.stderr).strip())
    return int(any(one.returncode for one in done))


if __name__ == "__main__":
    sys.exit(main())
