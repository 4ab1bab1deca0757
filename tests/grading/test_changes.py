"""Whose points changed after a test did: told from the verdict that is replaced, the same after a killed run."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

import course
from course import cli
from course.grading import journal as journal_module
from course.grading.journal import Journal, submission_digest, verdict_key
from course.grading.judges import Job, Judges
from course.grading.limits import Limits
from course.grading.notebook import read_source
from course.grading.report import write_reports
from course.grading.submissions import Submission
from course.grading.verdict import Change, ExerciseVerdict, Verdict
from tests.grading import small_notebook as small

STUDENTS = ("ada", "bob", "cem", "dot")
MOVED = ["wrong", small.ASSIGNMENT, "A9.1", "10", "30", "partly right: the number is squared"]


def verdict(student: str, key: str, **scores: float) -> Verdict:
    exercises = [ExerciseVerdict(name, name, score, 10, "partial") for name, score in scores.items()]
    return Verdict(student, small.ASSIGNMENT, "small", key, exercises)


def graded(journal: Journal, new: Verdict, submitted: str = "a submission") -> list[Change]:
    """What `course grade` does with a verdict; returns the changes that the journal then holds."""
    journal.put(journal.compared(new, submitted))
    return journal.get(new.assignment, new.student).changes


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path)


def test_points_that_differ_under_other_tests_are_changes_in_the_order_of_the_notebook(journal):
    assert graded(journal, verdict("ada", "old", b=3, a=4, c=5)) == []
    assert graded(journal, verdict("ada", "new", b=7, a=4, c=0.5)) == [Change("b", 3, 7), Change("c", 5, 0.5)]


def test_an_exercise_that_is_new_or_gone_counts_as_zero_there(journal):
    graded(journal, verdict("ada", "old", a=4, gone=2, nothing=0))
    assert graded(journal, verdict("ada", "new", a=4, added=3)) == [Change("added", 0, 3), Change("gone", 2, 0)]


def test_another_submission_has_no_changes(journal):
    graded(journal, verdict("ada", "old", a=4), "a submission")
    assert graded(journal, verdict("ada", "new", a=9), "another one") == []


def test_the_same_judged_again_keeps_its_changes_and_the_next_tests_begin_anew(journal):
    graded(journal, verdict("ada", "old", a=4))
    graded(journal, verdict("ada", "new", a=9))
    assert graded(journal, verdict("ada", "new", a=9)) == [Change("a", 4, 9)]
    assert graded(journal, verdict("ada", "newer", a=9)) == []


def test_a_verdict_from_before_there_were_changes_is_read_and_has_none(journal, tmp_path):
    graded(journal, verdict("ada", "old", a=4))
    (path,) = tmp_path.glob(".grading/verdicts/*/ada.json")
    fields = json.loads(path.read_text(encoding="utf-8"))
    del fields["submitted"], fields["changes"]
    path.write_text(json.dumps(fields), encoding="utf-8")
    assert journal.get(small.ASSIGNMENT, "ada").score == 4
    assert graded(journal, verdict("ada", "new", a=9)) == []


@pytest.mark.parametrize("done", [0, 2, 4])
def test_a_run_that_was_killed_and_goes_on_gives_the_same_bytes(tmp_path, done):
    def run(out: Path, key: str, score: float, students: tuple[str, ...] = STUDENTS) -> None:
        journal = Journal(out)
        for number, student in enumerate(students):
            kept = journal.get(small.ASSIGNMENT, student)
            known = kept is not None and kept.key == key
            graded(journal, kept if known else verdict(student, key, a=score + number))

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for out in (whole, killed):
        run(out, "old", 1)
    run(killed, "new", 5, STUDENTS[:done])
    run(killed, "new", 5)
    run(whole, "new", 5)
    expected = everything(whole)
    assert everything(killed) == expected
    run(killed, "new", 5)
    assert everything(killed) == expected
    assert expected["reports/changes.csv"].count(b"\n") == 1 + len(STUDENTS)


def everything(out: Path) -> dict[str, bytes]:
    """Journal and reports, byte for byte."""
    write_reports(out, Journal(out).all(), {})
    files = [path for path in out.rglob("*") if path.is_file() and path.name != "secret"]
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


# ---- the key ----------------------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path):
    return read_source(small.course(tmp_path) / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)


SUBMISSION = Submission("ada", small.ASSIGNMENT, Path("ada"), Path("ada/small.ipynb"), b"{}")


def test_the_digest_of_a_submission_is_of_its_name_and_content_alone():
    digests = [
        submission_digest(submission)
        for submission in (
            SUBMISSION,
            replace(SUBMISSION, content=b"[]"),
            replace(SUBMISSION, path=Path("ada/other.ipynb")),
            replace(SUBMISSION, path=None, content=b""),
        )
    ]
    assert len(set(digests)) == 4
    assert submission_digest(replace(SUBMISSION, student="bob", folder=Path("bob"))) == digests[0]


def test_the_key_names_all_that_decides_a_verdict(source, monkeypatch):
    def key(submission=SUBMISSION, secret="secret", setting=""):
        journal_module._versions.cache_clear()
        return verdict_key(source, submission, secret, setting)

    first = key()
    assert key() == first
    others = [
        key(replace(SUBMISSION, content=b"[]")),
        key(replace(SUBMISSION, student="bob")),
        key(secret="another"),
        key(setting="cuda"),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(journal_module.platform, "python_version", lambda: "3.99.0")
        others.append(key())
    with monkeypatch.context() as patch:
        patch.setattr(journal_module.platform, "machine", lambda: "abacus")
        others.append(key())
    for package in ("torch", "numpy"):
        with monkeypatch.context() as patch:
            real = journal_module.version
            patch.setattr(
                journal_module, "version", lambda name, package=package, real=real: real(name) + "x" * (name == package)
            )
            others.append(key())
    small.find(source.nb, "A9_1-values").source += "\n# changed"
    source = replace(source)  # as read anew: what a source has found of itself once it keeps
    others.append(key())
    source = replace(source, limits=Limits(memory_mb=3))
    others.append(key())
    assert len({first, *others}) == 1 + len(others)


@pytest.mark.parametrize(
    "name", ["check/values.py", "grading/judge.py", "device.py", "data/words.txt", "given/a09_small.py"]
)
def test_a_file_of_the_library_that_changes_changes_the_key_though_it_was_read_before(
    source, monkeypatch, tmp_path, name
):
    package = tmp_path / "course"
    path = package / name
    path.parent.mkdir(parents=True)
    path.write_text("one")
    monkeypatch.setattr(course, "__file__", str(package / "__init__.py"))
    monkeypatch.setattr("course.grading.program.GIVEN", package / "given")
    before = verdict_key(source, SUBMISSION, "secret")
    assert verdict_key(source, SUBMISSION, "secret") == before
    path.write_text("other")
    assert verdict_key(source, SUBMISSION, "secret") != before


def test_the_library_is_read_once_for_a_whole_class(source, monkeypatch):
    journal_module._digest_of_files.cache_clear()
    for number in range(5):
        verdict_key(source, replace(SUBMISSION, student=f"s{number}"), "secret")
    assert journal_module._digest_of_files.cache_info().misses == 1


# ---- the whole command ------------------------------------------------------------------------------------------


def test_after_a_test_was_changed_its_exercise_is_judged_and_the_report_shows_whose_points_changed(
    tmp_path, monkeypatch, capsys
):
    nb = small.source()
    small.find(nb, "setup").source = "from course import check"
    path = small.write(nb, tmp_path / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    for student, answer in (("right", small.DOUBLE), ("wrong", "def double(number): return number * number")):
        handed_in = nbformat.from_dict(nb)
        small.find(handed_in, "A9_1-answer").source = answer
        small.write(handed_in, tmp_path / "submitted" / student / small.ASSIGNMENT / small.NOTEBOOK)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["grade"]) == 0
    assert changes(tmp_path) == []
    small.find(nb, "A9_1-hidden").source = "check.close(double(2.0), 4.0)"  # a square is a double there
    small.write(nb, path)
    wanted = []
    judge = Judges.judge

    def watched(judges: Judges, job: Job):
        wanted.append((job.student, job.wanted))
        return judge(judges, job)

    monkeypatch.setattr(Judges, "judge", watched)
    assert cli.main(["grade"]) == 0
    assert sorted(wanted) == [("right", {"A9.1"}), ("wrong", {"A9.1"})], "the other exercise was not judged again"
    assert "points changed: 1 student\n" in capsys.readouterr().out
    assert changes(tmp_path) == [MOVED]
    alone = written(tmp_path)
    assert "10 → 30" in (tmp_path / "reports" / "class.html").read_text(encoding="utf-8")
    assert cli.main(["grade", "--force"]) == 0
    assert wanted[2:] == [(student, None) for student, _ in wanted[2:]], "everything was judged again"
    assert written(tmp_path) == alone, "the same bytes as when one exercise alone was judged"
    del wanted[:]
    assert cli.main(["grade", "--exercise", "A9.2"]) == 0
    assert sorted(wanted) == [("right", {"A9.2"}), ("wrong", {"A9.2"})]
    assert written(tmp_path) == alone
    for words in (["A9.7"], ["A9.3"], ["A9.2", "A1.1"]):  # A9.3 is read by a person
        assert cli.main(["grade", "--exercise", *words]) == 2
        assert ": 09-small has A9.1, A9.2\n" in capsys.readouterr().err


def written(out: Path) -> dict[str, bytes]:
    """All that a run leaves but the gradebook, byte for byte."""
    files = [path for name in ("reports", "feedback", "autograded", ".grading") for path in (out / name).rglob("*")]
    return {str(path.relative_to(out)): path.read_bytes() for path in files if path.is_file()}


def changes(out: Path) -> list[list[str]]:
    with (out / "reports" / "changes.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]
