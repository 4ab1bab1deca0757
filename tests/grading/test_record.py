"""The gradebook: what nbgrader would have written, once and again, and what a person wrote stays."""

import datetime
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import nbformat
import pytest

from course.errors import CourseError
from course.grading.autograded import annotate, write_autograded
from course.grading.gradebook import open_gradebook
from course.grading.notebook import Source, read_source
from course.grading.record import read_timestamp, record, register, with_human_grades
from course.grading.verdict import CellVerdict, ExerciseVerdict, Verdict, exercise_verdict
from tests.grading import small_notebook as small

MANUAL = "A9_3-words"
DAY = datetime.datetime(2026, 1, 10, 12)


def source_at(root: Path, nb: nbformat.NotebookNode | None = None) -> Source:
    return read_source(small.write(nb or small.source(), root / small.ASSIGNMENT / small.NOTEBOOK))


def verdict_of(source: Source, student: str = "ada", earned: float = 1.0, **fields) -> Verdict:
    """A verdict in which each test cell earned this share of its points, and the manual answer waits."""
    cells, exercises = [], []
    for exercise in source.exercises:
        own = [
            CellVerdict(t.grade_id, exercise.id, t.view, t.hidden, earned * t.points, t.points, "passed")
            for t in exercise.tests
        ]
        cells += own
        exercises.append(
            exercise_verdict(exercise.id, exercise.title, own)
            if own
            else ExerciseVerdict(exercise.id, exercise.title, 0, exercise.points, "manual_pending")
        )
    return Verdict(student, source.assignment, source.notebook, "key", exercises, cells, **fields)


def answered(source: Source, text: str = "because") -> nbformat.NotebookNode:
    nb = nbformat.from_dict(source.nb)
    small.find(nb, MANUAL).source = text
    return nb


def write(gradebook, source: Source, verdict: Verdict, text: str = "because", timestamp=DAY) -> int | None:
    return record(gradebook, verdict, annotate(answered(source, text), verdict, source), timestamp)


def dump(path: Path) -> dict[str, list[tuple]]:
    with closing(sqlite3.connect(path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}


@pytest.fixture
def source(tmp_path) -> Source:
    return source_at(tmp_path / "solutions")


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "out" / "gradebook.db"


@pytest.fixture
def gradebook(path, source):
    with open_gradebook(path) as gradebook:
        register(gradebook, source)
        yield gradebook


def grade_of(gradebook, name: str, student: str = "ada"):
    return gradebook.find_grade(name, "small", small.ASSIGNMENT, student)


def test_scores_and_what_waits(gradebook, source):
    write(gradebook, source, verdict_of(source, earned=0.5))
    submission = gradebook.find_submission(small.ASSIGNMENT, "ada")
    assert (submission.score, submission.max_score) == (45, 100)
    assert submission.timestamp == DAY
    assert submission.needs_manual_grade
    assert {g.name for g in submission.notebooks[0].grades if g.needs_manual_grade} == {MANUAL}
    assert grade_of(gradebook, MANUAL).auto_score is None


def test_rows_are_those_of_nbgrader(gradebook, source, path, tmp_path):
    """What register writes is what nbgrader's own preprocessors write for the same notebook."""
    from nbgrader.api import Gradebook
    from nbgrader.preprocessors import ClearSolutions, ComputeChecksums, SaveCells

    theirs = tmp_path / "theirs.db"
    with open_gradebook(theirs):
        pass
    with Gradebook(f"sqlite:///{theirs}", "") as other:
        other.add_assignment(source.assignment)
    names = {"notebook": source.notebook, "assignment": source.assignment, "db_url": f"sqlite:///{theirs}"}
    nb, resources = nbformat.from_dict(source.nb), {"nbgrader": names}
    for step in (ClearSolutions(), ComputeChecksums(), SaveCells()):
        nb, resources = step.preprocess(nb, resources)

    def facts(database: Path) -> list[list[tuple]]:
        queries = (
            "SELECT name, course_id, duedate FROM assignment",
            "SELECT name, kernelspec FROM notebook",
            "SELECT name, type, max_score, cell_type FROM base_cell JOIN grade_cells USING (id)",
            "SELECT name, type FROM base_cell JOIN solution_cells USING (id)",
            "SELECT name, cell_type, locked, source, checksum FROM source_cell",
        )
        with closing(sqlite3.connect(database)) as connection:
            return [sorted(connection.execute(query)) for query in queries]

    assert facts(path) == facts(theirs)
    assert len(facts(path)[2]) == 6


def test_a_second_run_leaves_the_same_rows(path, source):
    def run() -> dict:
        with open_gradebook(path) as gradebook:
            register(gradebook, source)
            for student in ("ada", "bob"):
                write(gradebook, source, verdict_of(source, student, 0.5))
        return dump(path)

    first = run()
    assert len(first["grade"]) == 12
    assert run() == first


def test_what_a_person_graded_stays(gradebook, source):
    write(gradebook, source, verdict_of(source))
    grade = grade_of(gradebook, MANUAL)
    grade.manual_score, grade.needs_manual_grade = 7.0, False
    gradebook.find_comment(MANUAL, "small", small.ASSIGNMENT, "ada").manual_comment = "well put"
    gradebook.db.commit()

    write(gradebook, source, verdict_of(source, earned=0.5))
    grade = grade_of(gradebook, MANUAL)
    assert (grade.manual_score, grade.needs_manual_grade) == (7.0, False)
    assert gradebook.find_comment(MANUAL, "small", small.ASSIGNMENT, "ada").comment == "well put"
    assert grade_of(gradebook, "A9_1-values").auto_score == 10

    write(gradebook, source, verdict_of(source), text="something else")
    assert grade_of(gradebook, MANUAL).needs_manual_grade, "a rewritten answer needs a new look"
    write(gradebook, source, verdict_of(source), text="something else")
    assert grade_of(gradebook, MANUAL).needs_manual_grade, "and still does while nobody looked"
    assert grade_of(gradebook, MANUAL).manual_score == 7.0


def test_an_overridden_score_is_looked_at_again_when_the_automatic_one_changes(gradebook, source):
    write(gradebook, source, verdict_of(source, earned=0.0))
    grade = grade_of(gradebook, "A9_1-values")
    grade.manual_score, grade.needs_manual_grade = 15.0, False
    gradebook.db.commit()
    write(gradebook, source, verdict_of(source, earned=0.0))
    assert not grade_of(gradebook, "A9_1-values").needs_manual_grade
    write(gradebook, source, verdict_of(source, earned=0.5))
    grade = grade_of(gradebook, "A9_1-values")
    assert (grade.auto_score, grade.score, grade.needs_manual_grade) == (10, 15, True)


def test_human_grades_reach_the_verdict(gradebook, source):
    verdict = verdict_of(source, earned=0.5)
    write(gradebook, source, verdict)
    assert with_human_grades(gradebook, verdict) == verdict
    for name, score in ((MANUAL, 7.0), ("A9_1-values", 20.0)):
        grade = grade_of(gradebook, name)
        grade.manual_score, grade.needs_manual_grade = score, False
    gradebook.find_comment(MANUAL, "small", small.ASSIGNMENT, "ada").manual_comment = "well put"
    gradebook.db.commit()
    final = with_human_grades(gradebook, verdict)
    assert [e.score for e in final.exercises] == [35, 20, 7]
    assert [e.status for e in final.exercises] == ["partial", "partial", "partial"]
    assert final.exercises[2].message == "comment: well put"
    assert [e.score for e in verdict.exercises] == [25, 20, 0], "the verdict given is not changed"


def test_an_answer_that_is_not_there_gets_nothing_and_waits_for_nobody(gradebook, source):
    verdict = verdict_of(source, earned=0.0)
    verdict.exercises[2].status = "not_attempted"
    write(gradebook, source, verdict)
    grade = grade_of(gradebook, MANUAL)
    assert (grade.auto_score, grade.needs_manual_grade) == (0, False)
    assert gradebook.find_comment(MANUAL, "small", small.ASSIGNMENT, "ada").comment == "No response."


def test_a_submission_that_is_no_notebook_has_zeros(gradebook, source):
    exercises = [ExerciseVerdict(e.id, e.title, 0, e.points, "error", "no notebook") for e in source.exercises]
    verdict = Verdict("ada", source.assignment, source.notebook, "key", exercises)
    assert record(gradebook, verdict, None, None) is None
    grades = gradebook.find_submission(small.ASSIGNMENT, "ada").notebooks[0].grades
    assert {(g.auto_score, g.needs_manual_grade) for g in grades} == {(0, False)}


def test_what_could_not_be_graded_keeps_its_score_and_is_marked(gradebook, source):
    write(gradebook, source, verdict_of(source))
    failed = Verdict("ada", source.assignment, source.notebook, "key", notes=["the judge died"])
    record(gradebook, failed, None, DAY)
    grade = grade_of(gradebook, "A9_1-values")
    assert (grade.auto_score, grade.needs_manual_grade) == (20, True)


def test_a_test_cell_without_a_verdict_earns_nothing(gradebook, source):
    verdict = verdict_of(source)
    verdict.cells = [cell for cell in verdict.cells if cell.grade_id != "A9_1-values"]
    write(gradebook, source, verdict)
    assert grade_of(gradebook, "A9_1-values").auto_score == 0


def test_an_assignment_may_change_after_it_was_handed_in(gradebook, source, tmp_path):
    write(gradebook, source, verdict_of(source))
    kept = grade_of(gradebook, "A9_1-values").id
    nb = small.source()
    nb.cells = [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") != "A9_1-zero"]
    small.find(nb, "A9_1-values").metadata.nbgrader["points"] = 25
    nb.cells.insert(6, small.cell("visible", "A9_1-sign", "check.close(double(-1), -2)", 5, exercise="A9.1"))
    changed = source_at(tmp_path / "changed", nb)
    register(gradebook, changed)
    register(gradebook, changed)
    write(gradebook, changed, verdict_of(changed))
    grades = gradebook.find_submission_notebook("small", small.ASSIGNMENT, "ada").grades
    names = {test.grade_id for e in changed.exercises for test in e.tests} | {MANUAL}
    assert {g.name for g in grades} == names and len(grades) == len(names)
    assert grade_of(gradebook, "A9_1-values").id == kept
    assert gradebook.find_submission(small.ASSIGNMENT, "ada").score == 90


def test_lateness_counts_from_the_due_date_and_its_extension(gradebook, source):
    assert write(gradebook, source, verdict_of(source)) is None
    gradebook.update_or_create_assignment(source.assignment, duedate=DAY - datetime.timedelta(hours=2))
    assert write(gradebook, source, verdict_of(source)) == 7200
    assert write(gradebook, source, verdict_of(source), timestamp=None) is None
    gradebook.grant_extension(source.assignment, "ada", hours=3)
    assert write(gradebook, source, verdict_of(source)) == 0


def test_a_submission_is_recorded_whole_or_not_at_all(gradebook, source, path, monkeypatch):
    write(gradebook, source, verdict_of(source))
    before = dump(path)

    def fail(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("course.grading.record._record_answer", fail)
    for student in ("ada", "bob"):
        with pytest.raises(KeyboardInterrupt):
            write(gradebook, source, verdict_of(source, student, 0.0))
    assert dump(path) == before


@pytest.mark.parametrize("content", [b"", b"not a database, but a text that is long enough to look like one" * 20])
def test_a_file_that_is_no_gradebook_is_left_alone(tmp_path, content):
    path = tmp_path / "gradebook.db"
    path.write_bytes(content)
    with pytest.raises(CourseError) as caught, open_gradebook(path):
        pass
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_a_foreign_or_damaged_database_is_left_alone(tmp_path, path, source):
    foreign = tmp_path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE recipes (name)")
        connection.commit()
    with open_gradebook(path) as gradebook:
        register(gradebook, source)
    whole = path.read_bytes()
    cut, scribbled = tmp_path / "cut.db", tmp_path / "scribbled.db"
    cut.write_bytes(whole[:-20_000])
    scribbled.write_bytes(whole[:40_000] + b"scribble" * 1_000 + whole[48_000:])
    for file, reason in ((foreign, "not a gradebook"), (cut, "malformed"), (scribbled, "damaged|malformed")):
        content = file.read_bytes()
        with pytest.raises(CourseError, match=reason) as caught, open_gradebook(file):
            pass
        assert caught.value.exit_code == 1
        assert file.read_bytes() == content


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(CourseError, match="cannot be written") as caught,
        open_gradebook(tmp_path / "file" / "g.db"),
    ):
        pass
    assert caught.value.exit_code == 1


def test_errors_of_the_run_are_not_taken_for_errors_of_the_gradebook(path):
    with pytest.raises(FileNotFoundError), open_gradebook(path):
        raise FileNotFoundError("something else")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-10 12:00:00.000000 UTC", DAY),
        ("2026-01-10 12:00:00.250000 UTC\n", DAY.replace(microsecond=250_000)),
        ("2026-01-10 13:00:00 Europe/Berlin", DAY),
        ("2026-01-10T04:00:00-08:00", DAY),
        ("2026-01-10 12:00:00", DAY),
    ],
)
def test_timestamps_that_nbgrader_writes(tmp_path, text, expected):
    (tmp_path / "timestamp.txt").write_text(text)
    assert read_timestamp(tmp_path) == (expected, None)


@pytest.mark.parametrize("content", [b"", b"yesterday", b"12:00", b"\xff\xfe\x00", b"2026-99-99 12:00", b"<b>1</b>"])
def test_a_broken_timestamp_is_noted(tmp_path, content):
    (tmp_path / "timestamp.txt").write_bytes(content)
    moment, note = read_timestamp(tmp_path)
    assert moment is None and "timestamp.txt" in note


def test_no_timestamp_is_no_note(tmp_path):
    assert read_timestamp(tmp_path) == (None, None)


@pytest.mark.nightly
def test_nbgrader_makes_feedback_and_exports_from_what_we_wrote(tmp_path):
    """Those who use formgrader's button, or nbgrader's commands, find everything in its place."""
    small.course(tmp_path)
    source = read_source(tmp_path / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    verdict = verdict_of(source, earned=0.5)
    with open_gradebook(tmp_path / "gradebook.db") as gradebook:
        register(gradebook, source)
        nb = annotate(answered(source), verdict, source)
        record(gradebook, verdict, nb, DAY)
        write_autograded(tmp_path, verdict, nb)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def nbgrader(*words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr

    nbgrader("generate_feedback", small.ASSIGNMENT)
    page = (tmp_path / "feedback" / "ada" / small.ASSIGNMENT / "small.html").read_text(encoding="utf-8")
    assert "Score: 45.0 / 100.0" in page
    assert "secret_input" not in page
    nbgrader("export", "--to", "grades.csv")
    header, row = (tmp_path / "grades.csv").read_text(encoding="utf-8").splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["score"] == "45.0"
