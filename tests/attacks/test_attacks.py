"""Every attack of corpus/ in one class with honest submissions: no undeserved point, no harm to others, no leak.

One run of `course grade` judges them all; what follows looks at what it left. That the attacks are what they say, and
no slips of the pen, the same corpus shows under stock nbgrader: `python -m tests.attacks.stock` makes docs/attacks.md.
"""

import csv
import io
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

from course.grading.output import DIRECTION_MARKS
from course.grading.report import safe
from tests.attacks import classroom, target
from tests.attacks.classroom import HONEST, PRIVATE, SURVIVOR, TROPHY

ROOT = Path(__file__).parents[2]
ATTACKS = classroom.attacks()
TOKEN = "decoy-token-6c1f0d"
SECRET = "decoy0secret0decoy0secret0decoy0"
# What no student may come to see. The number is an input of hidden tests.
SECRETS = (TOKEN, SECRET, PRIVATE, TROPHY, str(target.HIDDEN_INPUT), *target.MARKERS)
MAX_SECONDS = 120


@dataclass(frozen=True)
class Run:
    """What one `course grade` left."""

    root: Path
    code: int
    out: str
    error: str
    seconds: float

    def grades(self) -> dict[tuple[str, str], float]:
        """(student as the file spells it, exercise) -> points."""
        with (self.root / "reports" / "grades.csv").open(encoding="utf-8", newline="") as file:
            return {(row["student"], row["exercise"]): float(row["score"]) for row in csv.DictReader(file)}

    def statuses(self, student: str) -> dict[str, str]:
        with (self.root / "reports" / "grades.csv").open(encoding="utf-8", newline="") as file:
            return {row["exercise"]: row["status"] for row in csv.DictReader(file) if row["student"] == safe(student)}

    def gradebook(self, student: str) -> dict[str, tuple]:
        """cell -> (automatic score, manual score, extra credit), as nbgrader keeps them."""
        query = """
            SELECT base_cell.name, grade.auto_score, grade.manual_score, grade.extra_credit
            FROM grade JOIN base_cell ON base_cell.id = grade.cell_id
            JOIN submitted_notebook ON submitted_notebook.id = grade.notebook_id
            JOIN submitted_assignment ON submitted_assignment.id = submitted_notebook.assignment_id
            WHERE submitted_assignment.student_id = ?
        """
        with closing(sqlite3.connect(self.root / "gradebook.db")) as database:
            try:
                return {name: tuple(scores) for name, *scores in database.execute(query, [student])}
            except UnicodeEncodeError:  # a name that is no text: no gradebook can hold it
                return {}

    def pages(self, student: str) -> dict[Path, str]:
        """What this student may come to see: feedback, the autograded notebook, rows of the reports."""
        files = [
            path
            for part in ("feedback", "autograded")
            for path in (self.root / part / student).rglob("*")
            if path.is_file()
        ]
        pages = {path: path.read_text(encoding="utf-8") for path in files}
        for name in ("grades.csv", "summary.csv"):
            lines = (self.root / "reports" / name).read_text(encoding="utf-8").splitlines()
            pages[Path(name)] = "\n".join(line for line in lines if safe(student) in line)
        return pages


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """The whole class, graded once, in a session of its own: whoever kills a group of processes kills that."""
    root = target.course(tmp_path_factory.mktemp("attacks") / "course")
    classroom.write_class(target.released(target.source()), root / "submitted")
    (root / "decoy.txt").write_text(TOKEN, encoding="utf-8")
    (root / ".grading").mkdir()
    (root / ".grading" / "secret").write_text(SECRET, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COURSE_DECOY_TOKEN": TOKEN}
    command = [sys.executable, "-m", "course.cli", "grade", "--jobs", "2"]
    start = time.monotonic()
    with (root / "out.txt").open("w+b") as out, (root / "error.txt").open("w+b") as error:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=error,
            start_new_session=True,
        )
        try:
            code = process.wait(4 * MAX_SECONDS)
        finally:
            process.kill()
            process.wait()
        texts = [Path(file.name).read_text(encoding="utf-8", errors="surrogateescape") for file in (out, error)]
    return Run(root, code, *texts, time.monotonic() - start)


# ---- each attack --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_no_undeserved_point(run, attack):
    grades, student = run.grades(), safe(attack.student)
    given = {exercise: grades[student, exercise] for exercise in target.POINTS if (student, exercise) in grades}
    assert given in (attack.deserves, {})  # {}: a folder that is no student's, of which the run says so
    assert grades.get((safe(attack.student), target.MANUAL), 0.0) == 0
    for cell, (auto, manual, extra) in run.gradebook(attack.student).items():
        assert not manual and not extra
        assert not auto or classroom.exercise_of(cell) not in attack.zero


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_nothing_is_left_to_the_grader_to_explain(run, attack):
    """Whatever was handed in has a verdict: "could not be graded" is the grader's fault, and no student's to reach."""
    assert "ungraded" not in run.statuses(attack.student).values()


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_nothing_leaks(run, attack):
    found = {
        (path.name, secret) for path, page in run.pages(attack.student).items() for secret in SECRETS if secret in page
    }
    assert not found


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_the_attack_is_no_slip_of_the_pen(attack):
    """Answers compile (those that attack the compiler aside), and there is something to try in each file."""
    assert attack.tries.count(". ") >= 1 and attack.source
    assert attack.answers or attack.submit is not target.hand_in or attack.student != attack.name.replace("_", "-")
    if attack.name in ("nested_parentheses", "large_number", "many_magics"):
        return
    for grade_id, text in attack.answers.items():
        compile(text, grade_id, "exec")


def test_wrong_answers_are_wrong_and_right_ones_right():
    """In one plain process, without any attack: what the corpus builds on."""
    import torch
    from torch import nn

    from course import check
    from course.check import CheckFailed, ledger
    from tests.attacks.answers import RIGHT, all_wrong

    for answers, right in ((RIGHT, True), (all_wrong(""), False)):
        for cell in target.source().cells:
            if cell.metadata.course.role not in ("visible", "hidden"):
                continue
            names = {"torch": torch, "F": nn.functional, "nn": nn, "check": check}
            for text in answers.values():
                exec(text, names)
            ledger.reset()
            if right:
                exec(cell.source, names)
                assert ledger.passed
            else:
                with pytest.raises(CheckFailed):
                    exec(cell.source, names)


# ---- the class ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("student", HONEST)
def test_honest_submissions_get_what_they_deserve(run, student):
    _, deserved = HONEST[student]
    grades = run.grades()
    assert {exercise: grades[student, exercise] for exercise in target.POINTS} == deserved
    cells = run.gradebook(student)
    for exercise, points in deserved.items():
        assert (
            sum(auto or 0 for cell, (auto, _, _) in cells.items() if classroom.exercise_of(cell) == exercise) == points
        )
    assert run.statuses(student)[target.MANUAL] == "manual_pending"


def test_the_grader_survives_in_good_time(run):
    assert run.code == 0, run.error
    assert "Traceback" not in run.error
    assert run.seconds < MAX_SECONDS


def test_nobody_writes_into_the_log(run):
    """A line for each submission and no more, without a terminal's escapes."""
    for text in (run.out, run.error):
        assert "\x1b" not in text and "\r" not in text and "\x07" not in text
    assert sum(": mallory" in line for line in run.out.splitlines()) <= 2
    assert "\n1 of 1: mallory" not in run.out


def test_no_process_of_an_attacker_is_left(run):
    survivors = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = process.joinpath("cmdline").read_bytes() + process.joinpath("comm").read_bytes()
        except OSError:
            continue
        if SURVIVOR.encode() in words:
            survivors.append((process.name, words))
    assert not survivors


def test_what_is_not_the_attackers_is_as_it_was(run):
    assert (run.root / "decoy.txt").read_text(encoding="utf-8") == TOKEN
    assert (run.root / ".grading" / "secret").read_text(encoding="utf-8") == SECRET
    assert sorted(path.name for path in (run.root / "solutions" / target.ASSIGNMENT).iterdir()) == [target.NOTEBOOK]
    assert (run.root / "solutions" / target.ASSIGNMENT / target.NOTEBOOK).read_text() == target.source_text()
    assert not list(run.root.glob("autograded/*/*/*.db")) and not list(run.root.glob("autograded/*/*/secret*"))


@pytest.mark.parametrize("name", ["grades.csv", "summary.csv"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_of_a_spreadsheet_begins_with_a_formula(run, name, separator):
    """Spreadsheets of some countries take a semicolon for the separator, whatever the file was written with."""
    text = (run.root / "reports" / name).read_text(encoding="utf-8")
    cells = [cell for row in csv.reader(io.StringIO(text), delimiter=separator) for cell in row]
    assert not [cell for cell in cells if cell.lstrip(" \t'\"")[:1] in tuple("=+@") and cell[:1] != "'"]


class _Tags(HTMLParser):
    """Collects what a page would run or fetch."""

    def __init__(self):
        super().__init__()
        self.live: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "iframe", "object", "embed", "img", "link", "base", "form"):
            self.live.append(tag)
        for name, value in attrs:
            target_of = "".join((value or "").split()).lower()
            if name.startswith("on") or name in ("srcdoc", "src", "formaction"):
                self.live.append(f"{tag} {name}")
            if name in ("href", "xlink:href") and target_of.startswith(("javascript:", "data:", "vbscript:")):
                self.live.append(f"{tag} {name}={value}")


def test_no_page_holds_anything_that_runs(run):
    pages = [*run.root.glob("feedback/*/*/*.html"), run.root / "reports" / "class.html"]
    assert len(pages) > len(ATTACKS) / 2
    for page in pages:
        text, tags = page.read_text(encoding="utf-8"), _Tags()
        tags.feed(text)
        assert not tags.live, (page.parent.parent.name, tags.live)
        assert not set(DIRECTION_MARKS) & set(text)
        assert len(text.encode()) < 5_000_000


def test_what_is_kept_of_a_submission_is_small(run):
    large = [
        (str(path.relative_to(run.root)), path.stat().st_size)
        for part in ("feedback", "autograded", ".grading")
        for path in (run.root / part).rglob("*")
        if path.is_file() and path.stat().st_size > 1_000_000
    ]
    assert not large


# ---- the table ----------------------------------------------------------------------------------------------------


def test_the_published_table_has_every_attack():
    table = (ROOT / "docs" / "attacks.md").read_text(encoding="utf-8")
    assert not [attack.name for attack in ATTACKS if f"| `{attack.name}` |" not in table]


def test_the_corpus_has_every_row_of_the_research():
    rows = {attack.source.rpartition(" ")[2] for attack in ATTACKS if attack.source.startswith("research §3")}
    assert rows == {*map(str, range(1, 33)), "F"}
    assert sum(attack.source == "this design" for attack in ATTACKS) >= 15
