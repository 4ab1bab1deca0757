"""Which code a number depends on: the experiment's own module and all of the course that it imports, near or far."""

import ast
import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from course.experiments.common import Experiment

COURSE = Path(__file__).parents[1]


def digest(experiment: Experiment) -> str:
    """Of all code, and all files of data, that its numbers may depend on: a changed model has new results."""
    found = hashlib.sha256()
    for file in files(experiment):
        found.update(file.read_bytes())
    return found.hexdigest()[:12]


def files(experiment: Experiment) -> list[Path]:
    """The modules that the experiment imports, also through others, and what lies beside the corpora."""
    seen, waiting = set(), [experiment.run.__module__]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += imported(module_file(name))
    tables = [path for path in (COURSE / "data").iterdir() if path.is_file() and path.suffix != ".py"]
    return sorted({*map(module_file, seen), *tables})


def imported(file: Path) -> Iterator[str]:
    """The course's modules that a file names in its imports, those inside functions included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.startswith("course.") and module_file(name))


def module_file(name: str) -> Path | None:
    """Where a module lies; None for a name that is no module, a function for instance."""
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # a name inside a module that is no package
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin)
