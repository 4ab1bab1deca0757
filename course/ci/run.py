"""`course ci`: check and validate what a push changed, and say so where people look: a table, JUnit, annotations.

It works the same on GitHub, on another runner and by hand. An exercise that nobody has begun is not red; one that was
begun and that a visible test refuses is. Outputs that differ from the reference's inform, as ever.
"""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from course.ci import fence
from course.ci.changed import all_notebooks, changed_notebooks, commit_of_event
from course.ci.notebook import UNTOUCHED, Findings
from course.ci.report import annotations, summary
from course.errors import CourseError
from course.grading.junit import write_junit
from course.grading.selfcheck import SelfCheck, format_table

CELL_SECONDS, NOTEBOOK_SECONDS = 300.0, 1500.0
WORD_EVERY = 15.0  # seconds: what waits shows that it does


@dataclass(frozen=True)
class Options:
    """What `course ci` was asked. since: a commit; None asks the event that started this job."""

    root: Path
    out: Path
    since: str | None = None
    cell_seconds: float = CELL_SECONDS
    notebook_seconds: float = NOTEBOOK_SECONDS


def ci(options: Options) -> int:
    """Look at the notebooks that changed; return the exit code: 0, or 1 if one can't be read or an answer fails.

    Writes OUT/summary.md and OUT/ASSIGNMENT-NOTEBOOK.xml, and on GitHub the job's summary and annotations.
    CourseError if there are no notebooks at all, or if a file can't be written.
    """
    since = commit_of_event() if options.since is None else options.since
    notebooks, why = changed_notebooks(options.root, since)
    print(f"course ci: {len(notebooks)} of {len(all_notebooks(options.root))} notebooks, {why}", flush=True)
    unfenced = fence.problem() if notebooks else ""
    if unfenced:
        reason = unfenced.partition(": ")[0]
        print(f"course ci: run without a fence, as `course check` does ({reason}); see `course doctor`", flush=True)
    found = []
    for notebook in notebooks:
        print(f"\n{notebook.relative_to(options.root)}: a minute or two …", flush=True)
        one = _look_at(notebook, options, fenced=not unfenced)
        _show(one)
        _write_junit(one, options.out)
        found.append(one)
    _write_summary(summary(found, why), options.out)
    return int(any(one.problem or one.failed for one in found))


def _look_at(notebook: Path, options: Options, fenced: bool) -> Findings:
    """One notebook in a process of its own; what it does to that process is a line in the findings."""
    name = notebook.relative_to(options.root).as_posix()
    with tempfile.TemporaryDirectory(prefix="course-ci-") as scratch:
        findings = Path(scratch).resolve() / "findings.json"
        command = [sys.executable, "-m", "course.ci.notebook", str(notebook), str(options.root)]
        command += [str(findings), f"{options.cell_seconds:g}"]
        if fenced:
            command = fence.fenced(command, readable=[options.root], writable=[notebook.parent, findings.parent])
        ended = _run(command, options.notebook_seconds)
        try:
            return Findings.from_json(findings.read_text(encoding="utf-8"))
        except (OSError, ValueError, KeyError, TypeError):
            return Findings(name, problem=f"{name}: {ended or 'its findings can not be read'}")


def _run(command: list[str], seconds: float) -> str:
    """Run a command to its end; "" or why it ended otherwise. Shows nothing that it prints, but how long it takes."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=fence.fence_environment(), start_new_session=True,
    )  # fmt: skip
    try:
        said = _wait(process, seconds)
    except subprocess.TimeoutExpired:
        return f"it took more than {seconds / 60:.0f} minutes in all: is there an endless loop?"
    finally:
        if process.poll() is None:
            _kill(process)
            process.communicate()
    lines = said.decode(errors="replace").strip().splitlines()
    return f"the check ended with {(lines or ['no word'])[-1][:160]}" if process.returncode else ""


def _wait(process: subprocess.Popen, seconds: float) -> bytes:
    """What a process says on its standard error until it ends, or TimeoutExpired; meanwhile, how long it has taken."""
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=min(WORD_EVERY, seconds - passed))[1]
        print(f"  … {time.monotonic() - begun:.0f} s", flush=True)
    raise subprocess.TimeoutExpired(process.args, seconds)


def _kill(process: subprocess.Popen) -> None:
    """With what it started; behind the fence, all ends with it. A kernel ends itself when its parent is gone."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:  # Windows
        process.kill()


def _show(found: Findings) -> None:
    with _unheard():
        if found.problem or found.foreign:
            print(found.problem or "no exercises in it: nothing to check")
        else:
            print(format_table(SelfCheck(found.rows, found.cells, found.notes)))
            for output in found.differing:
                print(f"{output.exercise}: the output of {output.cell} is not as in the reference ({output.status})")
    if _on_github():
        for line in annotations(found):
            print(line)
    sys.stdout.flush()


@contextmanager
def _unheard() -> Iterator[None]:
    """On GitHub, let the runner read no commands in what is printed: a student's message may look like one."""
    token = secrets.token_hex(16)
    if _on_github():
        print(f"::stop-commands::{token}")
    yield
    if _on_github():
        print(f"::{token}::")


def _on_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _write_junit(found: Findings, out: Path) -> None:
    if found.cells:
        assignment, notebook = Path(found.notebook).parts[-2:]
        path = out / f"{assignment}-{Path(notebook).stem}.xml"
        write_junit(found.cells, path, suite=f"{assignment}/{notebook}", skipped=UNTOUCHED)


def _write_summary(text: str, out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "summary.md").write_text(text, encoding="utf-8")
        if shown := os.environ.get("GITHUB_STEP_SUMMARY"):
            with open(shown, "a", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise CourseError(f"{error.filename or out}: cannot be written ({error.strerror or error})", 1) from None
