"""An afternoon of a class in real browsers: a teacher, a student, and a hostile one. In order; each test goes on from
where the one before it ended."""

import json
import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Playwright, sync_playwright

from course.hub import accounts
from tests.hub import hostile
from tests.hub.classroom import ROOT, Classroom, classroom, command, free_ports, started
from tests.hub.pages import Person, person

ASSIGNMENT, NOTEBOOK = "01-attention", "attention"
PATH = f"{ASSIGNMENT}/{NOTEBOOK}.ipynb"
UNSAFE_SOFTMAX = '''def softmax(scores, dim=-1):
    """Overflows."""
    e = scores.exp()
    return e / e.sum(dim, keepdim=True)
'''
OVERFLOWS = "exp(1000) overflows and exp(-1000) underflows: shift each row before you exponentiate."
OVERFLOWING = ("A1_2-large", "A1_2-half", "A1_2-rows", "A1_2-gradient")  # the tests that see it
OPEN_ANSWER = "A wide map says that the query found no key that stands out."
COMMENT = "Say which of the two maps you mean."
LAB_SETTINGS = ".jupyter/lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(os.geteuid() != 0, reason="a class is made of accounts of the system, which root makes"),
]


@pytest.fixture(scope="module")
def room() -> Iterator[Classroom]:
    with classroom("ada", "mallory") as room:
        for name in ("ada", "mallory"):  # all cells are in the page, also those out of sight
            put(room, name, LAB_SETTINGS, '{"windowingMode": "none"}')
        yield room


@pytest.fixture(scope="module")
def browser() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def teacher(browser: Playwright, room: Classroom) -> Iterator[Person]:
    with person(browser, room, "teacher") as somebody:
        yield somebody


@pytest.fixture(scope="module")
def ada(browser: Playwright, room: Classroom) -> Iterator[Person]:
    with person(browser, room, "ada") as somebody:
        yield somebody


@pytest.fixture(scope="module")
def mallory(browser: Playwright, room: Classroom) -> Iterator[Person]:
    with person(browser, room, "mallory") as somebody:
        yield somebody


def put(room: Classroom, name: str, path: str, content: str) -> Path:
    """A file in somebody's home."""
    file = room.home(name) / path
    with accounts.acting_as(room.account(name)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return file


def sources() -> dict[str, str]:
    """The reference's cells, by grade_id."""
    cells = json.loads((ROOT / "solutions" / PATH).read_text())["cells"]
    return {c["metadata"]["nbgrader"]["grade_id"]: "".join(c["source"]) for c in cells if "nbgrader" in c["metadata"]}


def points(*exercises: str, without: tuple[str, ...] = ()) -> float:
    """What the test cells of these exercises are worth."""
    cells = json.loads((ROOT / "solutions" / PATH).read_text())["cells"]
    facts = [c["metadata"].get("nbgrader", {}) for c in cells]
    return sum(
        f["points"]
        for f in facts
        if f.get("grade") and f["grade_id"].split("-")[0] in exercises and f["grade_id"] not in without
    )


def as_account(room: Classroom, name: str, *command: str, **options: object) -> subprocess.Popen:
    """A process of somebody's, with the environment of somebody's server."""
    who = pwd.getpwnam(room.account(name))
    environment = {"PATH": f"{room.place.environment}/bin:/usr/bin:/bin", "HOME": who.pw_dir}
    return subprocess.Popen(
        command, user=who.pw_uid, group=who.pw_gid, extra_groups=[], cwd=who.pw_dir, env=environment, **options
    )


def attempts(room: Classroom, name: str, list_: list[list], mallory: Person | None = None) -> list[str]:
    """Results of attempts made by an account; in a terminal of Lab's if its page is given."""
    here = Path(__file__).with_name("attempts.py").read_text()
    if name == "root":
        script = "import sys; exec(sys.stdin.read()); print(json.dumps([attempt(*a) for a in json.loads(sys.argv[1])]))"
        command = ["python3", "-c", script.replace("exec(", "__name__ = 'attempts'; exec("), json.dumps(list_)]
        return json.loads(subprocess.run(command, input=here, capture_output=True, text=True, check=True).stdout)
    put(room, name, "attempts.py", here)
    put(room, name, "attempts.json", json.dumps(list_))
    results = room.home(name) / "results.json"
    results.unlink(missing_ok=True)
    if mallory:
        return json.loads(mallory.run_in_terminal("python attempts.py attempts.json results.json", results))
    assert as_account(room, name, "python", "attempts.py", "attempts.json", "results.json").wait(120) == 0
    return json.loads(results.read_text())


def port_of(server: int) -> int:
    """The port that the hub gave to a server."""
    variables = Path(f"/proc/{server}/environ").read_bytes().decode().split("\0")
    return urlparse(next(v for v in variables if v.startswith("JUPYTERHUB_SERVICE_URL=")).partition("=")[2]).port


def server_of(room: Classroom, name: str) -> int:
    """The process of somebody's server."""
    uid = pwd.getpwnam(room.account(name)).pw_uid
    return next(
        p for p in accounts.running({uid}) if b"jupyterhub.singleuser" in Path(f"/proc/{p}/cmdline").read_bytes()
    )


def test_the_teacher_releases_and_both_students_fetch(teacher: Person, ada: Person, mallory: Person):
    assert "Formgrader" in teacher.nbgrader_menu()
    teacher.formgrader("assign", ASSIGNMENT)
    teacher.formgrader("release", ASSIGNMENT)
    assert ada.nbgrader_menu().split() == ["Assignment", "List"]
    for student in (ada, mallory):
        student.fetch(ASSIGNMENT)


def test_a_student_answers_validates_and_submits(room: Classroom, ada: Person):
    reference = sources()
    right = reference["A1_1-answer"].replace("### BEGIN SOLUTION", "").replace("### END SOLUTION", "")
    ada.type_into(
        PATH,
        {"def scaled_dot_similarity": right, "def softmax": UNSAFE_SOFTMAX, "YOUR ANSWER HERE": OPEN_ANSWER},
    )
    said = ada.validate()
    assert OVERFLOWS in said
    assert "dot_similarity(q, k)" not in said, "A1.1 is right, and Validate shows what failed"
    ada.submit(ASSIGNMENT)
    cell = json.loads((room.home("ada") / PATH).read_text())
    assert OPEN_ANSWER in json.dumps(cell)


def test_a_hostile_student_forges_a_submission_and_the_exchange(room: Classroom, mallory: Person):
    notebook = room.home("mallory") / PATH
    with accounts.acting_as(mallory.account):
        hostile.forge(notebook, {"A1_2-answer": sources()["A1_2-answer"]})
    mallory.submit(ASSIGNMENT)
    put(room, "mallory", "exchange.py", hostile.INTO_THE_EXCHANGE)
    inbound = room.place.exchange / "attention" / "inbound"
    words = (inbound, mallory.account, room.account("ada"), room.place.course / "solutions" / ASSIGNMENT, "done")
    mallory.run_in_terminal(f"python exchange.py {' '.join(map(str, words))}", room.home("mallory") / "done")
    assert len(list(inbound.iterdir())) == 6, "two genuine submissions and four tricks"


def test_what_is_collected_is_each_student_s_own(room: Classroom, teacher: Person, mallory: Person):
    log = teacher.formgrader("collect", ASSIGNMENT)
    submitted = room.place.course / "submitted"
    assert sorted(path.name for path in submitted.iterdir()) == [room.account("ada"), mallory.account]
    assert OPEN_ANSWER in (submitted / room.account("ada") / PATH).read_text()
    assert not any(path.name == "stolen.ipynb" or path.is_symlink() for path in submitted.rglob("*"))
    assert f"belongs to '{mallory.account}'" in log and "'nobody+01-attention+no time at all' is no submission" in log
    assert "2097" not in (submitted / mallory.account / ASSIGNMENT / "timestamp.txt").read_text(), "the kernel's time"


def test_the_button_grades_in_the_sandbox_and_each_gets_the_true_score(teacher: Person, ada: Person, mallory: Person):
    for student in (ada, mallory):
        teacher.autograde(ASSIGNMENT, student.account)
    scores = teacher.scores(ASSIGNMENT, NOTEBOOK)
    assert scores[mallory.account] == f"{points('A1_2'):g} / 100", "one right answer, all else forged"
    assert scores[ada.account] == f"{points('A1_1') + points('A1_2', without=OVERFLOWING):g} / 100"


def test_points_by_hand_and_feedback_reach_the_student(room: Classroom, teacher: Person, ada: Person):
    automatic = float(teacher.scores(ASSIGNMENT, NOTEBOOK)[ada.account].split()[0])
    teacher.give_points(ASSIGNMENT, NOTEBOOK, ada.account, "A1_10-answer", 7, COMMENT)
    assert teacher.scores(ASSIGNMENT, NOTEBOOK)[ada.account] == f"{automatic + 7:g} / 100"
    teacher.formgrader("generate-feedback", ASSIGNMENT)
    teacher.formgrader("release-feedback", ASSIGNMENT)
    ada.fetch_feedback(ASSIGNMENT)
    (page,) = (room.home("ada") / ASSIGNMENT / "feedback").rglob("*.html")
    with ada.step("read the feedback"):
        ada.page.goto(f"{ada.server}/files/{page.relative_to(room.home('ada'))}")
        text = ada.page.locator("body").inner_text()
    assert f"{automatic + 7:g}" in text and "/ 100" in text
    assert OVERFLOWS in text
    assert COMMENT in text


def test_a_student_reaches_nothing_of_anybody_else_s(room: Classroom, ada: Person, mallory: Person):
    put(room, "ada", "loop.ipynb", loop())
    with ada.step("run a notebook that prints without end"):
        ada.open_notebook("loop.ipynb")
        ada.page.get_by_role("menuitem", name="Run", exact=True).click()
        ada.page.get_by_text("Run All Cells", exact=True).click()
        ada.page.locator(".jp-OutputArea-output", has_text="a secret of the kernel").first.wait_for(timeout=60_000)
    place, home = room.place, room.home("ada")
    uid, server = pwd.getpwnam(ada.account).pw_uid, server_of(room, "ada")
    exchange = place.exchange / "attention"
    forbidden = {
        "teacher": [
            ["read", place.course / "solutions" / PATH],
            ["read", place.course / "gradebook.db"],
            ["look", place.course],
            ["read", place.course / "submitted" / ada.account / PATH],
            ["look", exchange / "inbound"],
            ["look", exchange / "feedback"],
            ["write", exchange / "outbound" / PATH],
        ],
        "ada": [
            ["read", home / PATH],
            ["look", home],
            ["look", place.runtime / str(uid)],
            ["environment_of", server],
            ["disturb", server],
        ],
        "root": [
            ["read", place.hub / "cookie_secret"],
            ["read", place.hub / "jupyterhub.sqlite"],
            ["write", place.release / "course" / "check" / "__init__.py"],
            ["write", place.config / "everyone" / "nbgrader_config.py"],
            ["rename", exchange],
        ],
    }
    forbidden = {who: [[kind, *map(plain, words)] for kind, *words in list_] for who, list_ in forbidden.items()}
    for who, list_ in forbidden.items():
        for result in attempts(room, who, list_):
            assert not result.startswith("refused"), f"{who} may do this, so that a refusal means something: {result}"
    hub = room.address
    pages = [
        ["get", f"{ada.server}/api/contents"],
        ["get", f"{hub}/hub/api/users"],
        ["get", f"http://127.0.0.1:{place.port + 2}/api/routes", "none"],
    ]
    heard = ["overhear", uid, 6]
    all_ = [*(attempt for list_ in forbidden.values() for attempt in list_), *pages, heard]
    own = [["get", f"{mallory.server}/api/contents"], ["get", f"{hub}/hub/api/user"]]
    results = attempts(room, "mallory", [*all_, *own], mallory)
    assert all(result.startswith("got 200") for result in results[-2:]), results[-2:]
    assert {str(a): r for a, r in zip(all_, results, strict=False) if not r.startswith("refused")} == {}
    with unencrypted_kernel(room, "ada"):
        assert attempts(room, "mallory", [heard]) == ["overheard a kernel"], "the ear works"


def plain(word: object) -> object:
    return str(word) if isinstance(word, Path) else word


def loop() -> str:
    code = "import time\nwhile True:\n    print('a secret of the kernel', flush=True)\n    time.sleep(0.2)"
    cell = {"cell_type": "code", "metadata": {}, "source": code, "outputs": [], "execution_count": None, "id": "a"}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return json.dumps({"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


class unencrypted_kernel:  # noqa: N801
    """A kernel as Jupyter starts it unless told otherwise, of somebody who prints a secret."""

    CODE = """
import sys, time
from jupyter_client import KernelManager
manager = KernelManager()
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready(60)
client.execute("import time\\nwhile True: print('a secret of the kernel', flush=True); time.sleep(0.2)")
print("ready", flush=True)
sys.stdin.read()
manager.shutdown_kernel(now=True)
"""

    def __init__(self, room: Classroom, name: str):
        self.process = as_account(
            room, name, "python", "-c", self.CODE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> None:
        assert self.process.stdout.readline() == "ready\n"

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        assert self.process.wait(30) == 0


def test_there_is_no_debugger_which_would_listen_to_anybody(room: Classroom, teacher: Person, ada: Person):
    kernel = as_account(room, "ada", "python", "-c", FEATURES, stdout=subprocess.PIPE, text=True)
    features = kernel.communicate(timeout=120)[0]
    assert "kernel subshells" in features and "debugger" not in features
    for somebody in (teacher, ada):
        settings = somebody.page.goto(f"{somebody.server}/lab?reset").text()
        assert "@jupyterlab/debugger-extension" in settings.partition('"disabledExtensions"')[2].partition("]")[0]


FEATURES = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel()
print(client.kernel_info(reply=True, timeout=60)["content"]["supported_features"])
manager.shutdown_kernel(now=True)
"""


def test_nobody_takes_the_port_of_somebody_s_server(room: Classroom, teacher: Person):
    """Not when it has ended, while the proxy still leads there, and not when it starts, before it listens."""
    uid, server = pwd.getpwnam(teacher.account).pw_uid, server_of(room, "teacher")
    port = port_of(server)
    with ThreadPoolExecutor(1) as background:
        tries = background.submit(attempts, room, "mallory", [["inherit", port, 8], ["usurp", uid, 45]])
        teacher.page.wait_for_timeout(3000)
        os.kill(server, signal.SIGKILL)
        teacher.page.wait_for_timeout(12_000)  # the hub has noticed
        with teacher.step("come back"):
            teacher.page.goto(f"{room.address}/hub/spawn")
            teacher.page.locator("#jp-main-dock-panel").wait_for(timeout=90_000)
        results = tries.result()
    assert [result.split()[0] for result in results] == ["refused:", "refused:"], results
    assert port_of(server_of(room, "teacher")) == port, "the hub held it"
    assert attempts(room, "mallory", [["inherit", free_ports(), 1]])[0].startswith("has port"), "the hand works"


def test_limits_bite(room: Classroom, mallory: Person):
    most = room.place.memory_mb
    few = [["allocate", most * 2 // 3], ["multiply", 100], ["hoard", 2, most // 5, 4]]
    many = [["allocate", most + 100], ["multiply", room.place.processes + 1], ["hoard", 2, most * 2 // 3, 4]]
    allowed = attempts(room, "mallory", few, mallory)
    assert allowed == [f"has {most * 2 // 3} MB", "has 100 processes", "2 of 2 are left"]
    refused = attempts(room, "mallory", many, mallory)
    assert [r.split()[:2] for r in refused[:2]] == [["refused:", "MemoryError"], ["refused:", "BlockingIOError"]]
    assert refused[2] == "1 of 2 are left"
    assert f"{mallory.account} holds " in room.log.read_text()


def test_who_comes_later_gets_nothing_of_who_has_left(room: Classroom):
    def hub(*words: str) -> None:
        subprocess.run(command(room.place, *words), check=True, cwd=ROOT, stdout=subprocess.DEVNULL)

    hub("add", "zoe")
    number = pwd.getpwnam(room.account("zoe")).pw_uid
    assert room.place.prefix not in Path("/etc/subuid").read_text(), "one number each, which the watch knows"
    hub("remove", "zoe")
    assert room.home("zoe").stat().st_uid == 0
    hub("add", "ned")
    assert pwd.getpwnam(room.account("ned")).pw_uid > number


def test_ctrl_c_leaves_no_process_and_a_restart_finds_all_work(room: Classroom, browser: Playwright):
    uids = {pwd.getpwnam(name).pw_uid for name in accounts.ours(room.place)}
    as_account(room, "mallory", "setsid", "sleep", "1000")
    assert accounts.running(uids)
    assert room.stop() == 0
    assert accounts.running(uids) == []
    text = room.log.read_text()
    assert "processes of the class were still running and are ended" in text
    again = room.log.with_suffix(".again")
    try:
        with started(room.place, again) as second:
            assert second.passwords == {}, "accounts and passwords are those of before"
            second.passwords = room.passwords
            with person(browser, second, "teacher") as teacher, person(browser, second, "ada") as ada:
                assert ada.account in teacher.scores(ASSIGNMENT, NOTEBOOK)
                assert OPEN_ANSWER in (second.home("ada") / PATH).read_text()
    finally:
        again.unlink()
