"""The corpus under stock nbgrader, and the published table: `python -m tests.attacks.stock` writes docs/attacks.md.

Each attack gets a course, a gradebook and a home of its own, and is graded there as `nbgrader autograde` does it, with
nothing but short time-outs set. Attacks that need a fence (their HARMS) are not run here and named in the table. Takes
some ten minutes; with --keep, what the page says of stock nbgrader stays, and only new attacks are run there. The
column of `course grade` comes from one run of the whole class, as in test_attacks.py.
"""

import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import nbformat

from tests.attacks import classroom, target
from tests.attacks.classroom import PRIVATE, SURVIVOR, TROPHY, Attack
from tests.attacks.table import markdown, read

ROOT = Path(__file__).parents[2]
TOKEN = "decoy-token-6c1f0d"
# Not the inputs of hidden tests: nbgrader shows those to everyone, in the message of a failed test.
SECRETS = (TOKEN, PRIVATE, TROPHY, *target.MARKERS)
SECONDS = 90
LARGE = 2_000_000
CONFIG = """
c = get_config()
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
c.Execute.timeout = 8
c.Execute.startup_timeout = 60
"""
# Graded after an attacker that is meant for those who come later, in the same course.
VICTIM = "zzz-honest-wrong"
MEANT_FOR_OTHERS = ("startup_file", "gradebook_rewritten")


def main() -> None:
    """Run both graders on the corpus and write the table; with --keep, stock nbgrader on new attacks only."""
    page = ROOT / "docs" / "attacks.md"
    kept = read(page.read_text(encoding="utf-8")) if "--keep" in sys.argv and page.exists() else {}
    import nbgrader.apps  # noqa: F401 (takes seconds: once, before the forks)

    attacks = classroom.attacks()
    with tempfile.TemporaryDirectory(prefix="stock-") as folder:
        template = _template(Path(folder) / "template")
        honest = _honest_wrong()
        nothing = dict.fromkeys(target.POINTS, 0.0)
        assert _finish(honest, *_start(honest, template, Path(folder))) == _words(nothing, nothing, [])
        new = [attack for attack in attacks if attack.name not in kept]
        stock = kept | _in_stock_side_by_side(new, template, Path(folder))
        ours = _in_course(Path(folder) / "class", attacks)
    page.write_text(markdown(attacks, stock, ours), encoding="utf-8")


def _in_stock_side_by_side(attacks: list[Attack], template: Path, folder: Path) -> dict[str, str]:
    """Two at a time, started from one thread: a fork beside other threads may hang."""
    found = {attack.name: f"not run: {attack.harms}" for attack in attacks if attack.harms}
    harmless = [attack for attack in attacks if not attack.harms]
    for place in range(0, len(harmless), 2):
        pair = harmless[place : place + 2]
        started = [_start(attack, template, folder) for attack in pair]
        for attack, (root, worker) in zip(pair, started, strict=True):
            found[attack.name] = _finish(attack, root, worker)
            print(f"{attack.name}: {found[attack.name]}", flush=True)
    return found


def _honest_wrong() -> Attack:
    answers, _ = classroom.HONEST[VICTIM]
    return Attack("honest-wrong", "", "", "honest-wrong", answers, tuple(target.POINTS))


# ---- stock nbgrader -----------------------------------------------------------------------------------------------


def _template(root: Path) -> Path:
    """A course of stock nbgrader's with the target released and the honest submissions handed in."""
    target.course(root)
    (root / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    (root / ".grading").mkdir()
    for name in ("decoy.txt", ".grading/secret"):
        (root / name).write_text(TOKEN, encoding="utf-8")
    nbgrader = [str(Path(sys.executable).with_name("nbgrader")), "generate_assignment", target.ASSIGNMENT]
    subprocess.run(nbgrader, cwd=root, env=_environment(root), check=True, capture_output=True)
    return root


def _environment(home: Path) -> dict[str, str]:
    """nbgrader calls `alembic` from the PATH; HOME marks every process of a run, so that it can be found again."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    kept = {name: os.environ[name] for name in ("LANG", "VIRTUAL_ENV") if name in os.environ}
    decoy = {"COURSE_DECOY_TOKEN": TOKEN, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    return (
        kept | decoy | {"PATH": path, "HOME": str(home), "IPYTHONDIR": str(home / ".ipython"), "OMP_NUM_THREADS": "1"}
    )


def _start(attack: Attack, template: Path, folder: Path) -> tuple[Path, multiprocessing.Process]:
    """Hand one attack in, in a course of its own, and begin to grade it."""
    root = folder / attack.name
    shutil.copytree(template, root)
    released = nbformat.read(root / "assignments" / target.ASSIGNMENT / target.NOTEBOOK, as_version=4)
    for student in ("aa-honest-right", VICTIM):
        answers, _ = classroom.HONEST[student]
        words = PRIVATE if student == "aa-honest-right" else "Some words."
        target.hand_in(target.answered(released, answers, words), root / "submitted" / student / target.ASSIGNMENT)
    attack.write(released, root / "submitted")
    worker = multiprocessing.get_context("fork").Process(
        target=_autograde, args=(root, attack.student, attack.name in MEANT_FOR_OTHERS)
    )
    worker.start()
    return root, worker


def _finish(attack: Attack, root: Path, worker: multiprocessing.Process) -> str:
    """What came of it, in words."""
    worker.join(SECONDS)
    remarks = []
    alive = worker.is_alive()
    worker.kill()
    if alive:
        remarks.append(f"the grader hangs (ended after {SECONDS} s)")
    elif worker.exitcode:
        remarks.append("the grader dies")
    remarks += ["a process outlives the grading"] if _end_all(root) else []
    worker.join()
    result = root / "result.json"
    facts = json.loads(result.read_text()) if result.exists() else {}
    if facts.get("failed"):
        remarks.append("the submission can't be graded")
    if facts.get("victim", 0) > 0:
        remarks.append(f"a wrong submission that comes later gets {facts['victim']:g}")
    remarks += _traces(root / "autograded" / attack.student)
    given = _points(root / "gradebook.db", attack.student)
    shutil.rmtree(root)
    return _words(given, attack.deserves, remarks)


def _autograde(root: Path, student: str, and_victim: bool) -> None:
    """In a process of its own: what `nbgrader autograde` does, for the attacker and, if asked, then for the victim."""
    os.setsid()
    environment = _environment(root)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(root)
    with (root / "log.txt").open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import PyFileConfigLoader

    api = NbGraderAPI(config=PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config())
    first = api.autograde(target.ASSIGNMENT, student)
    if and_victim:
        api.autograde(target.ASSIGNMENT, VICTIM)
    victim = sum(_points(root / "gradebook.db", VICTIM).values())
    (root / "result.json").write_text(json.dumps({"failed": not first["success"], "victim": victim}))
    os._exit(0)  # what a forked process would still do at its end is not ours


def _points(path: Path, student: str) -> dict[str, float]:
    """exercise -> points, as the gradebook has them: a person's score before the automatic one."""
    query = """
        SELECT base_cell.name, coalesce(grade.manual_score, grade.auto_score, 0) + coalesce(grade.extra_credit, 0)
        FROM grade JOIN base_cell ON base_cell.id = grade.cell_id
        JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
        JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
        WHERE submitted_assignment.student_id = ?
    """
    points = dict.fromkeys(target.POINTS, 0.0)
    with contextlib.suppress(sqlite3.Error, UnicodeError), closing(sqlite3.connect(path)) as database:
        for name, score in database.execute(query, [student]):
            exercise = classroom.exercise_of(name)
            points[exercise] = points.get(exercise, 0.0) + score
    return points


def _traces(folder: Path) -> list[str]:
    """What the graded notebook, which becomes the feedback, holds that it should not."""
    remarks, text, size = [], "", 0
    for path in folder.rglob("*"):
        if path.is_file():
            size += path.stat().st_size
            if path.suffix == ".db":
                remarks.append("the gradebook is copied into the student's folder")
            if path.suffix == ".ipynb" and path.stat().st_size < 5 * LARGE:
                with contextlib.suppress(Exception):
                    text += "\n".join(_outputs(nbformat.read(path, as_version=4)))
    remarks += ["a secret leaks into the feedback"] if any(secret in text for secret in SECRETS) else []
    remarks += ["a script gets into the feedback"] if "<script" in text else []
    remarks += [f"{size / 1e6:.0f} MB are kept"] if size > LARGE else []
    return remarks


def _outputs(nb: nbformat.NotebookNode) -> list[str]:
    """The outputs; of a failed hidden test without the source that nbgrader prints in every traceback."""
    return [
        json.dumps(output.get("evalue", "") if output.output_type == "error" else output)
        for cell in nb.cells
        for output in cell.get("outputs", [])
    ]


def _end_all(home: Path) -> bool:
    """End whatever this run has left, known by its HOME; True if some of it had been made to outlive the run."""
    survived = False
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"HOME={home}\0".encode() in process.joinpath("environ").read_bytes():
                words = process.joinpath("cmdline").read_bytes() + process.joinpath("comm").read_bytes()
                survived |= SURVIVOR.encode() in words
                os.kill(int(process.name), signal.SIGKILL)
    return survived


# ---- course grade -------------------------------------------------------------------------------------------------


def _in_course(root: Path, attacks: list[Attack]) -> dict[str, str]:
    """Grade the whole class with `course grade`; attack -> what came of it."""
    import csv

    from course.grading.report import safe

    target.course(root)
    classroom.write_class(target.released(target.source()), root / "submitted")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "course.cli", "grade", "--jobs", "2"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, cwd=root, env=environment, start_new_session=True, timeout=600)
    if not (root / "reports" / "grades.csv").exists():
        print("course grade did not get through the class: its column stays empty", file=sys.stderr)
        return dict.fromkeys((attack.name for attack in attacks), "")
    with (root / "reports" / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["student"], row["exercise"]): row for row in csv.DictReader(file)}
    found = {}
    for attack in attacks:
        own = {e: rows[safe(attack.student), e] for e in target.POINTS if (safe(attack.student), e) in rows}
        given = {exercise: float(row["score"]) for exercise, row in own.items()}
        attacked = [own[e]["status"].replace("_", " ") for e in own if e in attack.zero]
        found[attack.name] = (
            _words(given, attack.deserves, list(dict.fromkeys(attacked))) if own else "not looked at, by name"
        )
    return found


def _words(given: dict[str, float], deserves: dict[str, float], remarks: list[str]) -> str:
    """`**5 of 0**; a remark`: the points given and deserved, where they differ in bold."""
    points, due = sum(given.values()), sum(deserves.values())
    said = f"{points:g} of {due:g}"
    return "; ".join([f"**{said}**" if points > due else said, *remarks])


if __name__ == "__main__":
    main()
