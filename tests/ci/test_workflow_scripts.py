"""The steps of the workflows, run as a runner does: pushes of a student, submissions of the sample class."""

import csv
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.ci import small_template as template
from tests.ci.environments import bare_environment
from tests.ci.workflows import CHECK, GRADE, ROOT, Runner, scripts
from tests.grading import small_notebook as small
from tests.sample_class import students, undeserved, write_class

ONLY_ON_HOSTED_RUNNERS = {"Allow the fence", "Allow the sandbox"}  # they write a kernel's switch, as root
ASSIGNMENT = "06-beyond"
INPUTS = {"inputs.assignment": ASSIGNMENT, "inputs.submitted": "submitted", "inputs.artifact": ""}


def event(folder: Path, before: str) -> dict[str, str]:
    """The variables of a push that began at a commit."""
    path = folder / "event.json"
    path.write_text(json.dumps({"before": before, "forced": False}), encoding="utf-8")
    return {"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(path)}


def annotations(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith(("::error", "::warning"))]


# --- a student's push


def test_a_push_with_a_wrong_answer_is_red_and_says_why(tmp_path: Path):
    """The template as a repository, a push to it, and a checkout of what was pushed."""
    repository = template.template_of(template.course_of(tmp_path / "course-root"), tmp_path / "student")
    before = template.git(repository, "rev-parse", "HEAD")
    template.answer(repository, {"A9_1-answer": "def double(number):\n    return number * number"})
    template.commit(repository)
    template.git(tmp_path, "clone", "--quiet", str(repository), str(tmp_path / "checkout"))
    checkout = tmp_path / "checkout"
    runner = Runner(checkout, tmp_path / "runner", home=checkout, environment=event(tmp_path, before))
    steps = scripts(CHECK, "check")
    doctor = runner.run(steps["Say what this machine has, and try the fence"])
    assert "ok    fence" in doctor.stdout, doctor.stdout + doctor.stderr
    check = runner.run(steps["Check what changed"])
    assert check.returncode == 1, check.stderr
    assert "1 of 1 notebooks, changed since" in check.stdout
    assert [line.partition(" ")[0] for line in annotations(check.stdout)] == ["::error", "::warning"]
    assert "the number is squared" in runner.summary.read_text()
    assert (checkout / "ci-results" / "09-small-small.xml").is_file()
    assert template.git(checkout, "status", "--porcelain") == "", "what it writes is ignored by git"


# --- submissions: collect and publish


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A private repository of the small course, with one submission."""
    root = template.course_of(tmp_path / "private")
    handed_in = root / "submitted" / "ada" / small.ASSIGNMENT / small.NOTEBOOK
    small.write(small.source(), handed_in)
    return root


def collected(private: Path, tmp_path: Path, **inputs: str) -> subprocess.CompletedProcess:
    values = INPUTS | {"inputs.assignment": small.ASSIGNMENT} | {f"inputs.{key}": text for key, text in inputs.items()}
    runner = Runner(private, tmp_path / "runner", home=ROOT, values=values)
    return runner.run(scripts(GRADE, "collect")["Pack the course and what was handed in"])


def test_the_course_and_the_submissions_are_packed(private: Path, tmp_path: Path):
    (private / ".git").mkdir()
    (private / ".git" / "config").write_text("extraheader = AUTHORIZATION")
    done = collected(private, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 submissions of 09-small" in done.stdout
    with tarfile.open(private / "to-grade.tar.gz") as packed:
        names = packed.getnames()
    assert f"./handed-in/ada/{small.ASSIGNMENT}/{small.NOTEBOOK}" in names
    assert f"./solutions/{small.ASSIGNMENT}/{small.NOTEBOOK}" in names
    assert not any(name.startswith("./.git/") for name in names), "a checkout's credentials may lie there"


@pytest.mark.parametrize(
    ("inputs", "line"),
    [
        ({"assignment": "../../etc"}, "no assignment can be called that"),
        ({"assignment": "$(touch owned)"}, "no assignment can be called that"),
        ({"assignment": "07-none"}, "solutions/07-none is not here"),
    ],
)
def test_a_wrong_input_is_one_line(private: Path, tmp_path: Path, inputs: dict[str, str], line: str):
    done = collected(private, tmp_path, **inputs)
    assert done.returncode == 2 and line in done.stdout
    assert not (private / "owned").exists()


def test_that_nobody_handed_in_is_one_line(private: Path, tmp_path: Path):
    shutil.rmtree(private / "submitted" / "ada")
    done = collected(private, tmp_path)
    assert done.returncode == 1 and "nobody handed 09-small in" in done.stdout


def test_what_is_published_are_numbers(tmp_path: Path):
    reports = tmp_path / "grades" / "reports"
    reports.mkdir(parents=True)
    head = "student assignment exercise score max_score status message".split()
    rows = [
        ["<b>ada|", "09-small", "A9.1", "20", "20", "passed", ""],
        ["bob", "09-small", "A9.1", "5", "20", "partial", "::error::|x"],
    ]
    with (reports / "grades.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    runner = Runner(tmp_path, tmp_path / "runner", home=ROOT)
    done = runner.run(scripts(GRADE, "publish")["Show how the class did"])
    assert done.returncode == 0, done.stderr
    text = runner.summary.read_text()
    assert "2 submissions graded" in text and "| 09-small | A9.1 | 1 of 2 | 12.5 | 20 |" in text
    assert "ada" not in text and "bob" not in text and "::error" not in text


# --- all of it, by night


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_class(tmp_path_factory.mktemp("class"), ASSIGNMENT)


def copy_of_the_course(target: Path) -> Path:
    """The files of this repository as they stand, without what git ignores."""
    listed = template.git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def run_all(runner: Runner, steps: Iterable[dict]) -> list[subprocess.CompletedProcess]:
    """Every script of a job, in its order, to the first that fails."""
    done = []
    for step in steps:
        if step["name"] not in ONLY_ON_HOSTED_RUNNERS:
            done.append(runner.run(step, timeout=1500))
            if done[-1].returncode:
                break
    return done


@pytest.mark.nightly
def test_pushes_of_the_sample_class_through_the_whole_workflow(handed_in: Path, tmp_path: Path):
    """From a bare environment: installed as the workflow says, then one push after the other."""
    from course.grading.student_release import student_release

    student_release(ROOT, tmp_path / "student")
    template.git(tmp_path / "student", "init", "--quiet", "--initial-branch=main")
    before = template.commit(tmp_path / "student")
    programs = bare_environment(tmp_path)
    red = {}
    for student in ("reference", "half-finished", "sums-the-sequences", "turned-round"):
        (notebook,) = (handed_in / student / ASSIGNMENT).glob("*.ipynb")
        shutil.copy(notebook, tmp_path / "student" / "assignments" / ASSIGNMENT / "beyond.ipynb")
        after = template.commit(tmp_path / "student")
        environment = event(tmp_path, before)
        runner = Runner(
            tmp_path / "student", tmp_path / f"runner-{student}", programs=programs, environment=environment
        )
        done = run_all(runner, scripts(CHECK, "check").values())
        assert "1 of 6 notebooks, changed since" in done[-1].stdout, done[-1].stdout + done[-1].stderr
        red[student] = done[-1].returncode
        cases = ElementTree.parse(tmp_path / "student" / "ci-results" / f"{ASSIGNMENT}-beyond.xml").iter("testcase")
        failing = {case.get("classname") for case in cases if len(case) and case[0].tag != "skipped"}
        named = {
            line.partition("title=")[2].partition(" ")[0] for line in annotations(done[-1].stdout) if "::error" in line
        }
        assert failing == named
        before = after
    assert red == {"reference": 0, "half-finished": 0, "sums-the-sequences": 1, "turned-round": 1}


def without_installing(steps: dict[str, dict]) -> list[dict]:
    """For the interpreter that has all: a bare environment of links is none that the sandbox could be shown."""
    installs = scripts(CHECK, "check")["Install the course"]["run"]
    assert steps["Install the course"]["run"].removeprefix("set -euo pipefail\n") == installs, "that one is run above"
    return [step for name, step in steps.items() if name != "Install the course"]


@pytest.mark.nightly
def test_submissions_of_the_sample_class_through_the_whole_workflow(handed_in: Path, tmp_path: Path):
    """Collect, grade, publish: each job in a folder of its own, with what its artifact brings and nothing else."""
    chosen = [one for one in students(ASSIGNMENT) if one.id in ("reference", "half-finished", "looks-back")]
    private = copy_of_the_course(tmp_path / "private")
    for one in chosen:
        shutil.copytree(handed_in / one.id, private / "submitted" / one.id)
    (collect,) = run_all(
        Runner(private, tmp_path / "c", home=private, values=INPUTS), scripts(GRADE, "collect").values()
    )
    assert collect.returncode == 0, collect.stderr

    (tmp_path / "grade").mkdir()
    shutil.move(private / "to-grade.tar.gz", tmp_path / "grade")
    shutil.rmtree(private)
    runner = Runner(tmp_path / "grade", tmp_path / "g", home=tmp_path / "grade", values=INPUTS)
    done = run_all(runner, without_installing(scripts(GRADE, "grade")))
    assert done[-1].returncode == 0, done[-1].stdout + done[-1].stderr
    grades = tmp_path / "grade" / "grades"
    rows = list(csv.DictReader((grades / "reports" / "grades.csv").open(encoding="utf-8")))
    assert undeserved(ASSIGNMENT, rows, chosen) == []
    assert (grades / "gradebook.db").is_file() and list((grades / "feedback").rglob("*.html"))

    (tmp_path / "publish").mkdir()
    shutil.move(grades, tmp_path / "publish")
    runner = Runner(tmp_path / "publish", tmp_path / "p", home=ROOT)
    (publish,) = run_all(runner, scripts(GRADE, "publish").values())
    assert publish.returncode == 0, publish.stderr
    assert f"{len(chosen)} submissions graded" in runner.summary.read_text()
