"""`nbgrader autograde` and formgrader's button give what `course grade` gives: the same rows, notebooks and journal."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_output
from nbgrader.apps import NbGraderAPI
from traitlets.config import PyFileConfigLoader

from course.errors import CourseError
from course.grading import nbgrader_engine, sandbox
from course.grading.extensions import write_extensions
from course.grading.gradebook import open_gradebook
from course.grading.judges import JudgeFailed
from course.grading.notebook import read_source
from course.grading.record import register
from tests.grading import small_notebook as small

COURSE = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DUE = datetime(2026, 1, 10)
LATE_STUDENT = "late"
# A day costs 20 %, and the best attempt counts.
SETTINGS = """
[late]
percent_a_day = 20

[attempts]
count = "best"
"""
SQUARED = "def double(number): return number * number"
STUB = "raise NotImplementedError()"


def source_path(root: Path) -> Path:
    return root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK


def new_course(root: Path, config: str = "") -> Path:
    nb = small.source()
    small.find(nb, "setup").source = "from course import check"
    small.find(nb, "A9_2").metadata.course["needs"] = ["A9.1"]
    small.write(nb, source_path(root))
    text = (COURSE / "nbgrader_config.py").read_text(encoding="utf-8")
    (root / "nbgrader_config.py").write_text(text + config, encoding="utf-8")
    return root


def hand_in(root: Path, student: str, answers: dict[str, str] | None = None, name: str = small.NOTEBOOK) -> Path:
    nb = small.solved(nbformat.read(source_path(root), as_version=4), answers)
    return small.write(nb, root / "submitted" / student / small.ASSIGNMENT / name)


def forge(path: Path) -> None:
    """Wrong answers; the tests are gone or bear outputs and metadata that stock nbgrader would believe."""
    nb = nbformat.read(path, as_version=4)
    nb.metadata.kernelspec = {"name": "mine", "display_name": "mine", "language": "python"}
    nb.cells.remove(small.find(nb, "A9_1-hidden"))
    for cell in nb.cells:
        grader = cell.metadata.get("nbgrader", {})
        if grader.get("grade") and cell.cell_type == "code":
            cell.metadata.nbgrader |= {"solution": True, "points": 1000}
            cell.metadata.tags = ["skip-execution"]
            cell.outputs = [new_output("execute_result", {"text/plain": "1000"}, execution_count=1)]
    small.write(nb, path)


def hand_in_class(root: Path) -> None:
    hand_in(root, "right")
    hand_in(root, "wrong", {"A9_1-answer": SQUARED})
    hand_in(root, "stub", {"A9_1-answer": STUB, "A9_2-answer": STUB})
    hand_in(root, "broken").write_text("{ oops", encoding="utf-8")
    forge(hand_in(root, "forged", {"A9_1-answer": SQUARED, "A9_2-answer": STUB}))
    folder = hand_in(root, "links").parent
    (folder / "gradebook.db").symlink_to("../../../gradebook.db")
    (folder / "notes.txt").symlink_to(source_path(root))
    (folder / "torch.py").write_text("raise SystemExit", encoding="utf-8")
    hand_in(root, "renamed", name="my homework.ipynb")
    (hand_in(root, LATE_STUDENT).parent / "timestamp.txt").write_text("2026-01-10 00:01:00 UTC", encoding="utf-8")
    (hand_in(root, "no-time").parent / "timestamp.txt").write_text("yesterday, I think", encoding="utf-8")
    (hand_in(root, "extended").parent / "timestamp.txt").write_text("2026-01-12 00:00:00 UTC", encoding="utf-8")
    write_extensions(root, {(small.ASSIGNMENT, "extended"): datetime(2026, 1, 11, 1, tzinfo=UTC)})
    earlier = hand_in(root, "twice").parent
    (earlier / "timestamp.txt").write_text("2026-01-09 00:00:00 UTC", encoding="utf-8")
    (root / "attempts" / "twice" / small.ASSIGNMENT).mkdir(parents=True)
    earlier.rename(root / "attempts" / "twice" / small.ASSIGNMENT / "first")
    later = hand_in(root, "twice", {"A9_1-answer": SQUARED}).parent
    (later / "timestamp.txt").write_text("2026-01-10 00:01:00 UTC", encoding="utf-8")
    with open_gradebook(root / "gradebook.db") as gradebook:
        register(gradebook, read_source(source_path(root)))
        gradebook.update_or_create_assignment(small.ASSIGNMENT, duedate=DUE)


def run(root: Path, *command: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [BIN / command[0], *command[1:]], cwd=root, env=environment, capture_output=True, text=True, timeout=300
    )


def rows(root: Path) -> dict[tuple[str, str], tuple]:
    """What the gradebook holds: (student, cell) -> scores and flag; (student, cell, "") -> comment."""
    found = {}
    with open_gradebook(root / "gradebook.db") as gradebook:
        for submission in gradebook.assignment_submissions(small.ASSIGNMENT):
            student = submission.student.id
            late = (submission.total_seconds_late, submission.extension, submission.late_submission_penalty)
            found[student, "timestamp"] = (submission.timestamp, *late)
            for grade in (grade for notebook in submission.notebooks for grade in notebook.grades):
                scores = (grade.auto_score, grade.manual_score, grade.extra_credit, grade.score, grade.max_score)
                found[student, grade.name] = (*scores, bool(grade.needs_manual_grade))
            for comment in (comment for notebook in submission.notebooks for comment in notebook.comments):
                found[student, comment.name, ""] = (comment.auto_comment, comment.manual_comment)
    return found


def texts(root: Path, folder: str, pattern: str) -> dict[str, object]:
    paths = sorted((root / folder).rglob(pattern))
    read = (lambda path: nbformat.read(path, as_version=4)) if pattern.endswith(".ipynb") else Path.read_text
    return {str(path.relative_to(root)): read(path) for path in paths}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """One class graded in two places: (root of `course grade`, root of `nbgrader autograde`)."""
    folder = tmp_path_factory.mktemp("both ways")
    ours = new_course(folder / "ours")
    (ours / "course.toml").write_text(SETTINGS, encoding="utf-8")
    hand_in_class(ours)
    (ours / ".grading").mkdir()
    (ours / ".grading" / "secret").write_text("the same inputs in both", encoding="utf-8")
    theirs = folder / "theirs"
    shutil.copytree(ours, theirs, symlinks=True)
    for root, command in (
        (ours, ("course", "grade", "--jobs", "2")),
        (theirs, ("nbgrader", "autograde", small.ASSIGNMENT)),
    ):
        done = run(root, *command)
        assert done.returncode == 0, done.stderr[-2000:]
    return ours, theirs


def test_gradebooks_are_equal_row_by_row(both):
    ours, theirs = map(rows, both)
    assert len({student for student, *_ in ours}) == 11
    assert ours == theirs


def test_scores_are_those_that_the_answers_deserve(both):
    _, theirs = both
    scores = {}
    for (student, *name), values in rows(theirs).items():
        if len(name) == 1 and name != ["timestamp"]:
            scores[student] = scores.get(student, 0) + values[0] if values[0] is not None else scores.get(student, 0)
    full = dict.fromkeys(("right", "links", "renamed", LATE_STUDENT, "no-time", "extended", "twice"), 90)
    assert scores == full | {"wrong": 10, "forged": 10, "stub": 0, "broken": 0}
    assert rows(theirs)["right", "A9_3-words"][-1], "the manual answer waits for a person"


def test_journal_and_notebooks_are_equal(both):
    ours, theirs = both
    assert texts(ours, ".grading", "*.json") == texts(theirs, ".grading", "*.json")
    assert len(texts(theirs, "autograded", "*.ipynb")) == 10
    assert texts(ours, "autograded", "*.ipynb") == texts(theirs, "autograded", "*.ipynb")


def test_nothing_of_a_students_but_the_notebook_is_kept(both):
    ours, theirs = both
    assert {p.name for p in (theirs / "autograded").rglob("*") if not p.is_dir()} == {small.NOTEBOOK, "timestamp.txt"}
    times = texts(theirs, "autograded", "timestamp.txt")
    assert list(times.values()) == [f"2026-01-{time} UTC\n" for time in ("12 00:00:00", "10 00:01:00", "10 00:01:00")]
    assert times == texts(ours, "autograded", "timestamp.txt")
    assert not list((theirs / ".grading").glob("submitted-*"))


def test_late_penalties_are_as_configured(both):
    _, theirs = both
    with open_gradebook(theirs / "gradebook.db") as gradebook:
        penalties = {
            submission.student.id: submission.notebooks[0].late_submission_penalty
            for submission in gradebook.assignment_submissions(small.ASSIGNMENT)
        }
    assert penalties == dict.fromkeys(penalties) | {LATE_STUDENT: 18, "extended": 18}


def test_course_grade_finds_it_unchanged(both):
    _, theirs = both
    done = run(theirs, "course", "grade")
    assert "0 submissions to grade, 11 unchanged" in done.stdout, done.stderr


# --- formgrader's button: NbGraderAPI inside a server that goes on


def press_button(root: Path, student: str) -> dict:
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    config.CourseDirectory.root = str(root)
    return NbGraderAPI(config=config).autograde(small.ASSIGNMENT, student, force=True, create=True)


@pytest.fixture
def root(tmp_path):
    root = new_course(tmp_path / "course")
    hand_in(root, "ada")
    hand_in(root, "bob")
    return root


def test_the_button_grades_its_student_and_leaves_what_a_person_gave(root):
    assert press_button(root, "ada")["success"]
    with open_gradebook(root / "gradebook.db") as gradebook:
        grade = gradebook.find_grade("A9_3-words", "small", small.ASSIGNMENT, "ada")
        grade.manual_score, grade.needs_manual_grade = 7, False
        gradebook.db.commit()
    hand_in(root, "ada", {"A9_1-answer": SQUARED})
    pressed = press_button(root, "ada")
    assert pressed["success"], pressed
    found = rows(root)
    assert {student for student, *_ in found} == {"ada"}
    assert found["ada", "A9_1-values"][0] == 0
    assert found["ada", "A9_3-words"][1:] == (7, None, 7, 10, False)


@pytest.fixture
def no_judges(monkeypatch):
    """Judges that fail: what the engine does of itself, without the seconds that processes take to start."""

    class NoJudges:
        sandbox_is_whole = True

        def ready(self):
            if not self.sandbox_is_whole:
                raise CourseError("the sandbox is not whole", 1)

        def stop(self):
            pass

        def judge(self, job):
            raise JudgeFailed("the judge's process ended without a verdict")

    @contextmanager
    def bench(*arguments):
        yield NoJudges()

    monkeypatch.setattr(nbgrader_engine, "bench", bench)
    return NoJudges


def nothing_is_touched(root: Path, why: str) -> None:
    kept = small.write(small.source(), root / "autograded" / "ada" / small.ASSIGNMENT / small.NOTEBOOK)
    pressed = press_button(root, "*")
    assert not pressed["success"]
    assert pressed["log"].count("ERROR") == 1
    assert why in pressed["log"]
    assert kept.exists()


def test_without_bubblewrap_nothing_is_touched_and_one_line_says_why(root, monkeypatch):
    def no_bubblewrap():
        raise CourseError("there is no bubblewrap", 1)

    monkeypatch.setattr(sandbox, "bubblewrap", no_bubblewrap)
    nothing_is_touched(root, "there is no bubblewrap")


def test_with_a_layer_missing_nothing_is_touched_and_one_line_says_why(root, no_judges):
    no_judges.sandbox_is_whole = False
    nothing_is_touched(root, "the sandbox is not whole")


def test_no_verdict_is_an_error_of_nbgraders_that_the_next_press_mends(root, no_judges):
    pressed = press_button(root, "*")
    assert not pressed["success"]
    for student in ("ada", "bob"):
        assert f"not graded: {student}, 09-small: the judge's process ended" in pressed["log"]
        assert not (root / "autograded" / student / small.ASSIGNMENT).exists()
        assert rows(root)[student, "A9_1-values"][-1], "a person is asked to look"
    assert not list((root / ".grading").rglob("*.json"))


def test_students_whom_the_configuration_leaves_out_are_left_out(root, no_judges):
    with (root / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write('\nc.CourseDirectory.student_id_exclude = "bob"\n')
    pressed = press_button(root, "*")
    assert "not graded: ada" in pressed["log"]
    assert "not graded: bob" not in pressed["log"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('c.CourseDirectory.db_url = "postgresql://host/grades"', "must be a file of SQLite's, not postgresql"),
        ('c.CourseDirectory.directory_structure = "{nbgrader_step}/{assignment_id}/{student_id}"', "STEP/STUDENT"),
    ],
)
def test_settings_that_the_engine_cannot_honour_are_one_line(root, no_judges, config, words):
    shutil.copytree(root / "submitted" / "ada" / small.ASSIGNMENT, root / "submitted" / small.ASSIGNMENT / "ada")
    with (root / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(f"\n{config}\n")
    pressed = press_button(root, "ada")
    assert not pressed["success"]
    assert words in pressed["log"]


# --- the other way round: without our three lines nbgrader runs the same test cells in a plain kernel


@pytest.mark.nightly
def test_the_same_notebook_grades_in_a_plain_kernel_with_stock_nbgrader(tmp_path, both):
    root = new_course(tmp_path / "stock")
    config = (root / "nbgrader_config.py").read_text(encoding="utf-8")
    before, _, rest = config.partition("# `nbgrader autograde` and formgrader's button")
    stock = before + rest[rest.index("# For whoever takes these lines out") :]
    (root / "nbgrader_config.py").write_text(stock, encoding="utf-8")
    hand_in(root, "right")
    hand_in(root, "wrong", {"A9_1-answer": SQUARED})
    for command in ("generate_assignment", "autograde"):
        done = run(root, "nbgrader", command, small.ASSIGNMENT)
        assert done.returncode == 0, done.stderr[-2000:]
    ours = {key: values for key, values in rows(both[1]).items() if key[0] in ("right", "wrong")}
    found = rows(root)
    assert {key[1]: values for key, values in found.items() if key[0] == "right" and len(key) == 2}.keys()
    for key, values in ours.items():
        if len(key) == 2 and key[1] != "timestamp":
            assert found[key][0] == values[0], key
