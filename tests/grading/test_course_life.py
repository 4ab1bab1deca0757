"""A course as it goes: late submissions, more time for one, points of a person, several attempts, in one gradebook."""

import csv
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from course import cli
from course.grading.desk import Desk, Options
from course.grading.extensions import write_extensions
from course.grading.gradebook import open_gradebook
from course.grading.journal import Journal
from course.grading.judges import Job, JudgeFailed, Judges
from course.grading.notebook import read_source
from course.grading.record import register
from tests.grading import small_notebook as small

SQUARED = "def double(number): return number * number"
SETTINGS = f"""
[due]
"{small.ASSIGNMENT}" = 2026-10-19T23:59:00+02:00

[late]
grace_minutes = 10
percent_a_day = 20
"""
BEST = SETTINGS + '\n[attempts]\ncount = "best"\n'
IN_TIME, LATE = "2026-10-19 12:00:00 UTC", "2026-10-21 12:00:00 UTC"


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    nb = small.source()
    small.find(nb, "setup").source = "from course import check"
    small.write(nb, tmp_path / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    config = (Path(__file__).parents[2] / "nbgrader_config.py").read_text(encoding="utf-8")
    (tmp_path / "nbgrader_config.py").write_text(config, encoding="utf-8")
    (tmp_path / "course.toml").write_text(SETTINGS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def judged(monkeypatch) -> list[str]:
    """Who was judged since this list was emptied."""
    students: list[str] = []
    judge = Judges.judge

    def watched(judges: Judges, job: Job):
        students.append(job.student)
        return judge(judges, job)

    monkeypatch.setattr(Judges, "judge", watched)
    return students


def hand_in(root: Path, student: str, time: str, double: str = small.DOUBLE, attempt: str = "") -> None:
    """Put a submission to its place: the current one, or an earlier attempt."""
    source = read_source(root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    nb = small.solved(source.nb, {"A9_1-answer": double, "A9_2-answer": "def total(numbers): return 2 * sum(numbers)"})
    place = Path("attempts" if attempt else "submitted", student, small.ASSIGNMENT, attempt)
    small.write(nb, root / place / small.NOTEBOOK)
    (root / place / "timestamp.txt").write_text(time, encoding="utf-8")


def summary(root: Path) -> dict[str, dict[str, str]]:
    with (root / "reports" / "summary.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def row_of(root: Path, student: str) -> tuple[float, float | None, str]:
    """What the gradebook has: score, penalty, time."""
    with open_gradebook(root / "gradebook.db") as gradebook:
        submission = gradebook.find_submission(small.ASSIGNMENT, student)
        penalty = submission.notebooks[0].late_submission_penalty
        return submission.score, penalty, f"{submission.timestamp} UTC"


def give_points(root: Path, student: str, points: float) -> None:
    """What a person does in formgrader."""
    with open_gradebook(root / "gradebook.db") as gradebook:
        grade = gradebook.find_grade("A9_3-words", "small", small.ASSIGNMENT, student)
        grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


def page(root: Path, student: str) -> str:
    path = root / "feedback" / student / small.ASSIGNMENT / "small.html"
    return " ".join(path.read_text(encoding="utf-8").split())


def files(root: Path) -> dict[str, bytes]:
    names = ("reports", "feedback", "autograded", ".grading")
    paths = [path for name in names for path in (root / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def test_lateness_follows_points_and_extensions_without_judging_again(root, judged, capsys):
    hand_in(root, "ada", IN_TIME)
    hand_in(root, "late", LATE)
    assert cli.main(["grade"]) == 0
    found = summary(root)["late"]
    assert (found["score"], found["days_late"], found["percent_lost"], found["points_lost"], found["final_score"]) == (
        *("90", "2", "40", "36", "54"),
    )
    assert found["late"] == "1 d 14 h"
    assert (summary(root)["ada"]["points_lost"], summary(root)["ada"]["final_score"]) == ("", "90")
    assert row_of(root, "late")[:2] == (90, 36)
    assert row_of(root, "ada")[:2] == (90, None)
    assert "<strong>54</strong> of 100 points" in page(root, "late")
    assert "90 points for your answers; 2 days late: −40 % (36 points). Points that a person" in page(root, "late")
    assert "2 days late: −40 % (36 points)" in (root / "reports" / "class.html").read_text(encoding="utf-8")
    with (root / "reports" / "grades.csv").open(encoding="utf-8", newline="") as file:
        finals = {(r["student"], r["exercise"]): r["final_score"] for r in csv.DictReader(file)}
    assert (finals["late", "A9.1"], finals["ada", "A9.1"]) == ("30", "50")
    del judged[:]

    give_points(root, "late", 10)
    assert cli.main(["grade"]) == 0
    assert (summary(root)["late"]["score"], summary(root)["late"]["final_score"]) == ("100", "60")
    assert row_of(root, "late")[:2] == (100, 40)
    assert "<strong>60</strong> of 100 points" in page(root, "late")
    before = files(root)
    assert cli.main(["grade"]) == 0
    assert files(root) == before

    assert cli.main(["extend", "late", small.ASSIGNMENT, "--until", "2026-10-20T23:59+02:00"]) == 0
    assert cli.main(["grade"]) == 0
    assert (summary(root)["late"]["points_lost"], row_of(root, "late")[1]) == ("20", 20)
    assert "after the end of your extension" in page(root, "late")
    assert cli.main(["extend", "late", small.ASSIGNMENT, "--days", "5"]) == 0
    assert cli.main(["grade"]) == 0
    assert (summary(root)["late"]["final_score"], row_of(root, "late")[1]) == ("100", None)
    assert cli.main(["extend", "late", small.ASSIGNMENT, "--remove"]) == 0
    assert cli.main(["grade"]) == 0
    assert files(root) == before, "as if there had never been one"
    assert row_of(root, "late")[:2] == (100, 40)
    assert judged == []


def test_an_extension_that_was_given_in_nbgraders_way_is_left_alone(root, judged):
    hand_in(root, "late", LATE)
    with open_gradebook(root / "gradebook.db") as gradebook:
        register(gradebook, read_source(root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK))
        gradebook.update_or_create_assignment(small.ASSIGNMENT, duedate=datetime(2026, 10, 19, 21, 59))
        gradebook.add_student("late")
        gradebook.add_submission(small.ASSIGNMENT, "late")
        gradebook.grant_extension(small.ASSIGNMENT, "late", days=7)
    assert cli.main(["grade"]) == 0
    assert summary(root)["late"]["points_lost"] == ""
    write_extensions(root, {(small.ASSIGNMENT, "late"): datetime(2026, 10, 1, tzinfo=UTC)})
    assert cli.main(["grade"]) == 0
    assert summary(root)["late"]["days_late"] == "2", "an extension that ends before the due date is none"


def test_of_several_attempts_the_best_counts(root, judged, capsys):
    (root / "course.toml").write_text(BEST, encoding="utf-8")
    hand_in(root, "ada", "2026-10-18 12:00:00 UTC", "def double(number): return 0 * number", "1st")
    hand_in(root, "ada", IN_TIME, SQUARED, "2nd")
    hand_in(root, "ada", LATE)  # right, but 2 days late: 90 − 36
    hand_in(root, "bob", IN_TIME)
    assert cli.main(["grade"]) == 0
    assert sorted(judged) == ["ada"] * 3 + ["bob"]
    assert "4 submissions to grade" in capsys.readouterr().out
    found = summary(root)
    assert (found["ada"]["attempt"], found["ada"]["attempt_scores"]) == ("3 of 3", "50 50 54")
    assert (found["ada"]["score"], found["ada"]["final_score"]) == ("90", "54")
    assert (found["bob"]["attempt"], found["bob"]["attempt_scores"]) == ("", "")
    del judged[:]
    before = files(root)
    assert cli.main(["grade"]) == 0
    assert files(root) == before

    # With a day more to lose, an earlier attempt is the best; of two that are as good the earlier.
    settings = BEST.replace("percent_a_day = 20", "percent_a_day = 30")
    (root / "course.toml").write_text(settings, encoding="utf-8")
    assert cli.main(["grade"]) == 0
    assert (summary(root)["ada"]["attempt"], summary(root)["ada"]["attempt_scores"]) == ("1 of 3", "50 50 36")
    assert row_of(root, "ada") == (50, None, "2026-10-18 12:00:00 UTC")
    assert "Attempt 1 of 3 counts" in page(root, "ada")
    assert "handed in 2026-10-21 12:00:00 UTC: 36 points (90 before lateness)" in page(root, "ada")
    autograded = root / "autograded" / "ada" / small.ASSIGNMENT
    assert "return 0 * number" in (autograded / small.NOTEBOOK).read_text(), "a person reads the one that counts"
    assert (autograded / "timestamp.txt").read_text() == f"{LATE}\n", "nbgrader must not take it for outdated"

    # Points of a person don't move the choice.
    give_points(root, "ada", 10)
    assert cli.main(["grade"]) == 0
    assert (summary(root)["ada"]["attempt"], summary(root)["ada"]["final_score"]) == ("1 of 3", "60")

    (root / "course.toml").write_text(f"{settings}at_most = 1\n", encoding="utf-8")
    assert cli.main(["grade"]) == 0
    assert (summary(root)["ada"]["attempt"], summary(root)["ada"]["attempt_scores"]) == ("1 of 3", "50 - -")
    assert page(root, "ada").count("not judged") == 2

    (root / "course.toml").write_text(SETTINGS, encoding="utf-8")
    assert cli.main(["grade"]) == 0
    assert (summary(root)["ada"]["attempt"], summary(root)["ada"]["points_lost"]) == ("", "40")
    assert judged == [], "a verdict is looked up, whichever policy it was made under"


def test_an_attempt_more_is_judged_alone_and_a_mended_test_shows_what_counts_now(root, judged):
    (root / "course.toml").write_text(BEST, encoding="utf-8")
    hand_in(root, "ada", IN_TIME, SQUARED, "1st")
    hand_in(root, "ada", IN_TIME.replace("12:", "13:"), "def double(number): return 0 * number")
    assert cli.main(["grade"]) == 0
    assert summary(root)["ada"]["attempt"] == "1 of 2"
    path = root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK
    nb = read_source(path).nb
    small.find(nb, "A9_1-values").source = "check.close(double(0.0), 0.0)"  # now both pass it
    small.find(nb, "A9_1-hidden").source = "check.close(double(7.0), 0.0)"  # and this the second alone
    small.write(nb, path)
    assert cli.main(["grade"]) == 0
    assert (summary(root)["ada"]["attempt"], summary(root)["ada"]["score"]) == ("2 of 2", "90")
    with (root / "reports" / "changes.csv").open(encoding="utf-8", newline="") as file:
        assert [(r["exercise"], r["before"], r["after"]) for r in csv.DictReader(file)] == [("A9.1", "10", "50")]


@pytest.mark.nightly
def test_an_attempt_without_a_verdict_is_named_and_tried_again(root, monkeypatch, capsys):
    (root / "course.toml").write_text(BEST, encoding="utf-8")
    hand_in(root, "ada", IN_TIME, SQUARED, "1st")
    hand_in(root, "ada", LATE)
    judge = Judges.judge

    def fails_for_the_first(judges: Judges, job: Job):
        if SQUARED in job.rebuilt.answers.values():
            raise JudgeFailed("its judge ended")
        return judge(judges, job)

    monkeypatch.setattr(Judges, "judge", fails_for_the_first)
    assert cli.main(["grade"]) == 1
    assert "not graded: ada, 09-small: its judge ended" in capsys.readouterr().err
    assert summary(root)["ada"]["attempt_scores"] == "- 54"
    monkeypatch.setattr(Judges, "judge", judge)
    assert cli.main(["grade"]) == 0
    assert summary(root)["ada"]["attempt_scores"] == "50 54"


def test_a_due_date_comes_moves_and_goes_with_course_toml(root, judged):
    hand_in(root, "late", LATE)
    assert cli.main(["grade"]) == 0
    assert row_of(root, "late")[:2] == (90, 36)
    moved = SETTINGS.replace("2026-10-19", "2026-10-21")
    for settings, penalty in ((moved, None), (SETTINGS, 36), (SETTINGS.replace(f'"{small.ASSIGNMENT}" =', "# "), None)):
        (root / "course.toml").write_text(settings, encoding="utf-8")
        assert cli.main(["grade"]) == 0
        assert row_of(root, "late")[:2] == (90, penalty)
    with open_gradebook(root / "gradebook.db") as gradebook:
        gradebook.find_assignment(small.ASSIGNMENT).duedate = datetime(2026, 10, 19)
        gradebook.db.commit()
    assert cli.main(["grade"]) == 0
    assert row_of(root, "late")[1] is not None, "what formgrader gave stays"


def test_best_goes_by_an_extension(root, judged):
    (root / "course.toml").write_text(BEST, encoding="utf-8")
    hand_in(root, "ada", IN_TIME, SQUARED, "1st")
    hand_in(root, "ada", "2026-10-25 12:00:00 UTC")
    assert cli.main(["grade"]) == 0
    assert summary(root)["ada"]["attempt"] == "1 of 2", "90 less 80 % or 100 are less than 50"
    write_extensions(root, {(small.ASSIGNMENT, "ada"): datetime(2026, 10, 26, tzinfo=UTC)})
    assert cli.main(["grade"]) == 0
    assert (summary(root)["ada"]["attempt"], summary(root)["ada"]["final_score"]) == ("2 of 2", "90")


def test_a_name_that_fits_no_assignment_is_told(root, capsys):
    hand_in(root, "ada", IN_TIME)
    (root / "course.toml").write_text('[due]\n"09-smal" = 2026-10-19T23:59:00+02:00\n', encoding="utf-8")
    assert cli.main(["grade"]) == 2
    assert "[due] names '09-smal', which is no assignment; there is 09-small" in capsys.readouterr().err
    (root / "course.toml").write_text("", encoding="utf-8")
    write_extensions(root, {("09-smal", "ada"): datetime(2026, 10, 26, tzinfo=UTC)})
    assert cli.main(["grade"]) == 0
    assert "09-smal, of ada in extensions.csv; there is 09-small" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["last", "best"])
def test_what_changes_while_this_runs_is_named_and_the_others_are_graded(root, monkeypatch, capsys, count):
    (root / "course.toml").write_text(f'[attempts]\ncount = "{count}"\n', encoding="utf-8")
    hand_in(root, "ada", IN_TIME)
    hand_in(root, "bob", IN_TIME)
    assert cli.main(["grade"]) == 0
    waiting = Desk.waiting

    def replaced(desk: Desk, source, folder: Path):
        found = waiting(desk, source, folder)
        if folder.parent.name == "ada":
            hand_in(root, "ada", LATE, SQUARED)
        return found

    monkeypatch.setattr(Desk, "waiting", replaced)
    assert cli.main(["grade"]) == 1
    assert "not graded: " in (error := capsys.readouterr().err) and "ada" in error and "changed meanwhile" in error
    monkeypatch.setattr(Desk, "waiting", waiting)
    assert cli.main(["grade"]) == 0
    assert summary(root)["ada"]["score"] == "50"


def test_the_end_of_a_run_says_what_lateness_took(root, capsys):
    hand_in(root, "ada", IN_TIME)
    hand_in(root, "late", LATE)
    assert cli.main(["grade"]) == 0
    assert "late: 1 submission, 36 points taken" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--student", "ada", small.ASSIGNMENT], ["--exercise", "a9.1", small.ASSIGNMENT]])
def test_an_assignment_may_stand_behind_an_option(root, words):
    hand_in(root, "ada", IN_TIME)
    assert cli.main(["grade", *words]) == 0
    assert summary(root)["ada"]["score"] == "90"


def test_an_option_needs_a_word_of_its_own(root, capsys):
    hand_in(root, "ada", IN_TIME)
    assert cli.main(["grade", "--student", small.ASSIGNMENT]) == 2
    assert "name a student or an exercise behind the option" in capsys.readouterr().err


def test_a_desk_refuses_settings_that_make_no_sense_before_anything_is_judged(root):
    (root / "course.toml").write_text("[late]\npercent_a_day = 200\n", encoding="utf-8")
    assert cli.main(["grade"]) == 2
    hand_in(root, "ada", IN_TIME)
    with pytest.raises(Exception, match="percent_a_day is 200"):
        Desk(Options(root, root / "submitted", root), Journal(root))


@pytest.mark.nightly
def test_nbgraders_feedback_and_export_take_lateness_of_a_persons_points_too(root):
    hand_in(root, "late", LATE)
    assert cli.main(["grade"]) == 0
    give_points(root, "late", 10)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def nbgrader(*words: str) -> None:
        command = [sys.executable, "-m", "nbgrader", *words]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr

    nbgrader("export", "--to", "grades.csv")
    header, row = (root / "grades.csv").read_text(encoding="utf-8").splitlines()
    exported = dict(zip(header.split(","), row.split(","), strict=True))
    assert (exported["raw_score"], exported["late_submission_penalty"], exported["score"]) == ("100.0", "40.0", "60.0")
    give_points(root, "late", 5)
    nbgrader("generate_feedback", small.ASSIGNMENT, "--force")
    assert "Score: 57.0 / 100.0" in page(root, "late")
    nbgrader("autograde", small.ASSIGNMENT, "--force")
    assert row_of(root, "late")[:2] == (95, 38)
