"""`course ci` on a small template repository: what is red, what is shown, what a student's text can't do."""

import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest

from course.ci import fence
from course.ci import run as room
from course.ci.changed import changed_notebooks, commit_of_event
from course.ci.notebook import Findings
from course.ci.report import annotations, command, markdown, summary
from course.ci.run import Options, ci
from course.cli import main
from course.grading.selfcheck import Row
from course.grading.verdict import CellVerdict
from tests.ci import small_template as template
from tests.ci.small_template import NOTEBOOK
from tests.grading import small_notebook as small

WRONG = "def double(number):\n    return number * number"
RIGHT = small.DOUBLE.replace("### BEGIN SOLUTION", "").replace("### END SOLUTION", "")
FORGES = 'def total(numbers):\n    raise ValueError("x\\n::error file=README.md::owned\\n##[error]owned | <b>%0A")'


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ci")
    return template.template_of(template.course_of(folder / "course-root"), folder / "student")


@pytest.fixture
def student(fresh: Path) -> Path:
    """The template as it was handed out; a test's changes are put back by the next."""
    template.git(fresh, "reset", "--hard", "--quiet", template.git(fresh, "rev-list", "--max-parents=0", "HEAD"))
    template.git(fresh, "clean", "-fdq")
    return fresh


@pytest.fixture
def on_github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The variables of a hosted runner; returns the file of the job's summary."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path / "summary.md"


def run(student: Path, out: Path, **options: object) -> int:
    return ci(Options(root=student, out=out, since="", **options))


def junit(out: Path) -> dict[str, str]:
    """grade_id -> passed, or the tag of what it is instead."""
    cases = ElementTree.parse(out / "09-small-small.xml").getroot().iter("testcase")
    return {case.get("name"): case[0].tag if len(case) else "passed" for case in cases}


# --- what is red


def test_what_nobody_has_begun_is_not_red(student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run(student, tmp_path) == 0
    assert set(junit(tmp_path).values()) == {"skipped"}
    assert "not attempted" in capsys.readouterr().out
    assert "❌" not in (tmp_path / "summary.md").read_text()


def test_what_is_right_is_green_and_an_output_that_differs_informs(student: Path, tmp_path: Path):
    """Validation never takes points, so it makes no push red. One exercise is not begun."""
    floats_only = "def double(number):\n    return 2 * number if isinstance(number, float) else 0"
    template.answer(
        student, {"A9_1-answer": floats_only, "A9_2-answer": "def total(numbers):\n    return 2 * sum(numbers)"}
    )
    assert run(student, tmp_path) == 0
    assert set(junit(tmp_path).values()) == {"passed"}
    text = (tmp_path / "summary.md").read_text()
    assert "| ✅ | A9.1 Double | 30 of 30 | + 20 | 0 of 1 as expected | passed |" in text
    assert "| ✅ | A9.2 Sum of doubles | 25 of 25 | + 15 | 1 of 1 as expected | passed |" in text
    assert "expected: double of 3: 6<br>got: double of 3: 0" in text


def test_what_was_begun_and_fails_is_red_and_named_where_it_stands(
    student: Path, tmp_path: Path, on_github: Path, capsys: pytest.CaptureFixture[str]
):
    template.answer(student, {"A9_1-answer": WRONG})
    assert run(student, tmp_path) == 1
    said = capsys.readouterr().out
    (error,) = (line for line in said.splitlines() if line.startswith("::error"))
    (warning,) = (line for line in said.splitlines() if line.startswith("::warning"))
    line = int(error.partition("line=")[2].partition(",")[0])
    assert "A9_1-answer" in (student / NOTEBOOK).read_text().splitlines()[line - 1]
    assert error.startswith(f"::error file={NOTEBOOK.as_posix()},line=") and error.endswith("::the number is squared")
    assert "A9-1-demo" in warning and "costs no points" in warning
    assert on_github.read_text() == (tmp_path / "summary.md").read_text()
    assert "the number is squared" in on_github.read_text()
    assert junit(tmp_path)["A9_1-values"] == "failure"


def test_a_file_that_is_no_notebook_is_one_line_and_red(
    student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (student / NOTEBOOK).write_text("{")
    assert run(student, tmp_path) == 1
    (said,) = (line for line in capsys.readouterr().out.splitlines() if "not a Jupyter notebook" in line)
    assert said.startswith(NOTEBOOK.as_posix())
    assert f"❌ {markdown(said)}" in (tmp_path / "summary.md").read_text()


def test_a_notebook_of_ones_own_is_neither_red_nor_checked(student: Path, tmp_path: Path):
    mine = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    small.write(mine, student / NOTEBOOK.with_name("scratch.ipynb"))
    (student / NOTEBOOK).unlink()
    assert run(student, tmp_path) == 0
    assert "No exercises in it" in (tmp_path / "summary.md").read_text()


@pytest.mark.nightly
def test_endless_loops_end(student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """One in an answer costs its exercise; when all takes too long, the notebook has one line."""
    template.answer(student, {"A9_1-answer": "def double(number):\n    while True:\n        pass"})
    assert run(student, tmp_path, cell_seconds=2) == 1
    assert "is there an endless loop?" in capsys.readouterr().out
    assert junit(tmp_path)["A9_1-values"] == "error"
    assert run(student, tmp_path, notebook_seconds=1) == 1
    assert "it took more than 0 minutes in all" in capsys.readouterr().out


def test_a_check_that_breaks_is_one_line(
    student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """As where the environment is damaged: the notebook's process ends before it has looked."""
    broken = tmp_path / "course"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('a broken wheel')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fence, "problem", lambda: "not tried here")
    monkeypatch.setattr(fence, "fence_environment", lambda: {"PYTHONPATH": str(tmp_path)})
    assert run(student, tmp_path / "out") == 1
    assert f"{NOTEBOOK.as_posix()}: the check ended with ImportError: a broken wheel" in capsys.readouterr().out


def test_what_takes_long_says_how_long(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(room, "WORD_EVERY", 0.3)
    assert room._run([sys.executable, "-c", "import time; time.sleep(0.8)"], 30) == ""
    assert all(re.fullmatch(r"  … \d+ s", line) for line in capsys.readouterr().out.splitlines() or ["nothing"])
    assert "minutes in all" in room._run([sys.executable, "-c", "import time; time.sleep(60)"], 0.5)


# --- what a student's code can reach


def test_the_fence_holds_here(on_github: Path):
    """The tests run where the grader's sandbox does: a fence that can't be made there is a fault of its own."""
    fence.problem.cache_clear()
    assert fence.problem() == ""
    assert fence.check_fence().state == "ok"


def test_code_in_a_notebook_reaches_neither_the_runner_nor_its_log(
    student: Path, tmp_path: Path, on_github: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A9.1 looks for a network, variables and other folders, and passes if it finds none; A9.2 says commands."""
    monkeypatch.setenv("ACTIONS_RUNTIME_TOKEN", "a token")
    looks = f"""def double(number):
    import os, socket
    found = sorted(name for name in os.environ if name.startswith(("GITHUB_", "ACTIONS_")))
    found += [name for _, name in socket.if_nameindex() if name != "lo"]
    for path in ("{student}/README.md", "{on_github}", "{student}/.github/workflows/check.yml"):
        try:
            open(path, "r+").close()
            found.append(path)
        except OSError:
            pass
    open("mine.txt", "w").close()
    if found:
        raise ValueError("found " + " ".join(found))
    return number + number"""
    on_github.touch()
    template.answer(student, {"A9_1-answer": looks, "A9_2-answer": FORGES})
    assert run(student, tmp_path) == 1
    assert "| ✅ | A9.1 Double | 30 of 30 |" in on_github.read_text(), on_github.read_text()
    heard = heard_by_the_runner(capsys.readouterr().out)
    assert [line.partition(" ")[0] for line in heard] == ["::error", "::warning"]
    assert heard[0].startswith(f"::error file={NOTEBOOK.as_posix()},") and "owned" in heard[0]
    assert "<b>" not in on_github.read_text() and "owned" in on_github.read_text()


@pytest.mark.nightly
def test_without_a_fence_the_environment_is_as_empty(student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(room.fence, "problem", lambda: "a container: …")
    monkeypatch.setenv("GITHUB_TOKEN", "a token")
    looks = "def double(number):\n    import os\n    assert 'GITHUB_TOKEN' not in os.environ\n    return 2 * number"
    template.answer(student, {"A9_1-answer": looks})
    assert run(student, tmp_path) == 0


def heard_by_the_runner(text: str) -> list[str]:
    """The lines that a runner takes for commands: `::` at a line's start or `##[` anywhere, unless they are stopped."""
    heard, token = [], None
    for line in text.splitlines():
        if token is not None:
            token = None if line.strip() == f"::{token}::" else token
        elif line.strip().startswith("::stop-commands::"):
            token = line.strip().removeprefix("::stop-commands::")
        elif line.strip().startswith("::") or "##[" in line:
            heard.append(line.strip())
    return heard


def test_commands_are_escaped_as_the_toolkit_does():
    assert command("error", "100 %\r\nnext", file="a,b:c.ipynb", line=3) == (
        "::error file=a%2Cb%3Ac.ipynb,line=3::100 %25%0D%0Anext"
    )


def test_a_message_is_a_line_of_text_in_markdown():
    said = markdown("a | b\n# <img src=x> [link](https://x.y) `code` @someone *&amp; \x1b[31m")
    assert "\n" not in said and "<" not in said and "\x1b" not in said
    assert "a \\| b" in said and "\\[link\\]" in said and "\\@someone" in said and "https://" not in said


def test_every_text_of_the_findings_is_escaped():
    """Whatever field a notebook's own text may come in by."""
    bad = "x\n::error::y |<i>"
    row = Row("A9.1", bad, 0.0, 1.0, 0.0, 0.0, "failed", [bad])
    cell = CellVerdict(bad, "A9.1", bad, False, 0.0, 1.0, "failed", bad)
    found = [Findings(bad, [row], [cell], [bad]), Findings(bad, problem=bad)]
    text = summary(found, bad)
    assert "<i>" not in text and not any(line.startswith("::") for line in text.splitlines())
    lines = [line for one in found for line in annotations(one)]
    assert len(lines) == 2 and not any("\n" in line for line in lines)


# --- what changed


def test_only_what_changed_is_checked(student: Path):
    start = template.git(student, "rev-parse", "HEAD")
    assert changed_notebooks(student, start)[0] == []
    template.answer(student, {"A9_1-answer": RIGHT})
    assert changed_notebooks(student, start)[0] == [student / NOTEBOOK], "not committed yet"
    now = template.commit(student)
    assert changed_notebooks(student, start)[0] == [student / NOTEBOOK]
    assert changed_notebooks(student, now)[0] == []
    copy = student / NOTEBOOK.with_name("mine, too.ipynb")
    copy.write_bytes((student / NOTEBOOK).read_bytes())
    assert changed_notebooks(student, now)[0] == [copy], "not known to git yet"
    (student / "constraints.txt").write_text("")
    assert len(changed_notebooks(student, now)[0]) == 2, "all are checked with it"


@pytest.mark.parametrize("since", ["0" * 40, "f" * 40, "--output=x", "main~7", ""])
def test_where_git_can_not_tell_all_are_checked(student: Path, since: str):
    notebooks, why = changed_notebooks(student, since)
    assert notebooks == [student / NOTEBOOK] and why.startswith("all notebooks")
    assert not (student / "x").exists()


def test_without_a_repository_all_are_checked(student: Path, tmp_path: Path):
    small.write(nbformat.read(student / NOTEBOOK, as_version=4), tmp_path / NOTEBOOK)
    assert changed_notebooks(tmp_path, "HEAD")[0] == [tmp_path / NOTEBOOK]


@pytest.mark.parametrize(
    ("event", "commit"),
    [
        ({"before": "a" * 40, "after": "b" * 40}, "a" * 40),
        ({"before": "0" * 40, "created": True}, ""),
        ({"pull_request": {"base": {"sha": "c" * 40}}, "action": "opened"}, "c" * 40),
        ({"pull_request": {"base": {"sha": "c" * 40}}, "action": "synchronize", "before": "a" * 40}, "c" * 40),
        ({"inputs": {}}, ""),
        ([], ""),
        ({"before": 7}, ""),
    ],
    ids=["push", "first push", "pull request", "a push to it", "by hand", "no event", "damaged"],
)
def test_the_event_says_where_a_push_began(tmp_path: Path, event: object, commit: str):
    path = tmp_path / "event.json"
    path.write_text(json.dumps(event))
    assert commit_of_event({"GITHUB_EVENT_PATH": str(path)}) == commit


def test_without_an_event_there_is_no_commit(tmp_path: Path):
    assert commit_of_event({}) == commit_of_event({"GITHUB_EVENT_PATH": str(tmp_path / "none")}) == ""


def test_outside_of_a_course_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["ci"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
