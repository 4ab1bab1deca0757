"""The plain parts of the classroom server: what it makes, what it refuses, what it never touches."""

import json
import os
import pwd
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from traitlets.config import Config, PyFileConfigLoader

from course import memory
from course.errors import CourseError
from course.hub import accounts, copying, environment, limits, prepare, spawner, watch
from course.hub.__main__ import main
from course.hub.place import COURSE_ID, Place

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acts as other accounts, which only root can")


def settings(path: Path) -> Config:
    return PyFileConfigLoader(path.name, path=str(path.parent)).load_config()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place(tmp_path / "class", port=18000, prefix="nobody-")
    for name, value in place.as_environment().items():
        monkeypatch.setenv(name, value)
    return place


def test_a_place_survives_its_way_through_the_environment(place: Place):
    assert Place.from_environment() == place


def test_the_hub_listens_on_this_machine_alone_and_lets_in_the_class_alone(place: Place):
    hub = settings(prepare.CONFIG / "jupyterhub_config.py")
    addresses = (hub.JupyterHub.bind_url, hub.JupyterHub.hub_bind_url, hub.ConfigurableHTTPProxy.api_url)
    assert addresses == tuple(f"http://127.0.0.1:{port}" for port in (18000, 18001, 18002))
    assert hub.Spawner.ip == "127.0.0.1"
    assert hub.JupyterHub.authenticator_class == "pam"
    assert hub.LocalAuthenticator.allowed_groups == {"nobody-class"}
    assert not hub.Authenticator.allow_all and not hub.Authenticator.admin_users
    assert str(place.hub) in hub.JupyterHub.db_url and str(place.hub) in hub.JupyterHub.cookie_secret_file


def test_a_lecturer_s_own_settings_are_read_last(place: Place):
    place.root.mkdir()
    place.own_settings.write_text("c.Spawner.ip = '::1'\n")
    assert settings(prepare.CONFIG / "jupyterhub_config.py").Spawner.ip == "::1"


def test_the_course_s_name_is_the_same_everywhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COURSE_HUB_ROOT", "/somewhere")
    everyone = settings(prepare.CONFIG / "everyone" / "nbgrader_config.py")
    assert everyone.Exchange.root == "/somewhere/exchange"
    assert everyone.CourseDirectory.course_id == COURSE_ID
    assert settings(ROOT / "nbgrader_config.py").CourseDirectory.course_id == COURSE_ID


def test_kernels_encrypt_what_they_say(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COURSE_HUB_ROOT", "/somewhere")
    for path in ("jupyter_server_config.py", "nbgrader_config.py"):
        assert settings(prepare.CONFIG / "everyone" / path).KernelManager.transport_encryption == "required"


@pytest.mark.parametrize(("name", "role"), [("nobody-teacher", "teacher"), ("nobody-ada", "student")])
def test_a_server_s_surroundings_name_its_role_and_lead_students_to_no_solutions(place: Place, name: str, role: str):
    variables = spawner.surroundings(place, name)
    assert variables["JUPYTER_CONFIG_PATH"].startswith(str(place.config / role))
    assert variables["PATH"].startswith(str(place.environment / "bin"))
    assert (str(place.course) in " ".join(variables.values())) == (role == "teacher")


@pytest.mark.parametrize("name", ["Ada", "a b", "root;", "", "a+b", "x" * 40, "../ada"])
def test_a_name_that_is_no_account_s_is_refused(place: Place, name: str):
    with pytest.raises(CourseError, match="can't be an account"):
        accounts.account(name, place)


@needs_root
def test_an_account_that_was_not_made_here_is_never_touched(place: Place):
    """`nobody` and `daemon` are on every Linux machine; with such a prefix their names would be ours."""
    theirs = Place(place.root, prefix="daem")
    before = [tuple(entry) for entry in pwd.getpwall()]
    with pytest.raises(CourseError, match=r"was not made for .*: it is left alone"):
        accounts.make("on", theirs)
    for act in (accounts.remove, accounts.new_password):
        with pytest.raises(CourseError, match="no account of this class"):
            act("on", theirs)
    assert [tuple(entry) for entry in pwd.getpwall()] == before


def test_without_root_one_line_says_what_to_do(place: Place, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["--place", str(place.root)]) == 2
    error = capsys.readouterr().err
    assert "sudo make hub" in error and "could read solutions and grades" in error and error.count("\n") == 1


@needs_root
def test_a_taken_port_is_named(place: Place, capsys):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--place", str(place.root), "--port", str(port - 2)]) == 2
    assert f"port {port} is taken" in capsys.readouterr().err
    assert not place.root.exists(), "nothing was made"


def test_a_folder_that_holds_other_things_is_left_alone(place: Place):
    place.root.mkdir()
    (place.root / "thesis.tex").touch()
    with pytest.raises(CourseError, match="holds other things"):
        prepare.make_folders(place)
    assert [path.name for path in place.root.iterdir()] == ["thesis.tex"]


def test_a_folder_that_students_can_not_pass_is_refused(place: Place):
    with pytest.raises(CourseError, match="students can't pass"):  # pytest's own folder is closed
        prepare.make_folders(place)


def test_each_folder_has_its_mode(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(environment, "is_open", lambda path: True)
    prepare.make_folders(place)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.root.iterdir()}
    assert modes == {"hub": 0o700, "course": 0o700, "home": 0o755, "exchange": 0o1777}
    prepare.make_folders(place)


def test_a_python_in_a_closed_folder_is_seen_as_closed(tmp_path: Path):
    python = tmp_path / "python"
    python.touch(mode=0o755)
    assert environment.is_open(Path("/usr/bin/env"))
    tmp_path.chmod(0o700)
    assert not environment.is_open(python)


@needs_root
def test_the_teacher_s_course_is_renewed_and_edits_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(copying, "PARTS", ("solutions", "course.toml"))
    root, course, memory = tmp_path / "root", tmp_path / "copy", tmp_path / "memory.json"
    (root / "solutions").mkdir(parents=True)
    course.mkdir()
    for name in ("solutions/a", "solutions/b", "solutions/gone", "course.toml"):
        (root / name).write_text("old")

    def renew() -> list[str]:
        digests, kept = copying.renew(root, course, memory, "root")
        copying.remember(digests, memory)
        return kept

    assert renew() == []
    (course / "solutions/a").write_text("the teacher's")
    (course / "gradebook.db").write_text("grades")
    (root / "solutions/a").write_text("new")
    (root / "solutions/b").write_text("new")
    (root / "solutions/gone").unlink()
    assert renew() == ["solutions/a"]
    contents = {str(path.relative_to(course)): path.read_text() for path in course.rglob("*") if path.is_file()}
    assert contents == {
        "solutions/a": "the teacher's",
        "solutions/b": "new",
        "course.toml": "old",
        "gradebook.db": "grades",
    }
    assert renew() == [], "said once"
    assert json.loads(memory.read_text()).keys() == {"solutions/a", "solutions/b", "course.toml"}


@needs_root
def test_limits_hold_for_a_process_that_starts_under_them():
    code = "import os, resource as r; print(r.getrlimit(r.RLIMIT_DATA), r.getrlimit(r.RLIMIT_NPROC), "
    code += "os.nice(0), oct(os.umask(0)))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], preexec_fn=limits.limit(300, 50), capture_output=True, text=True
    )
    assert done.stdout.split("\n")[0] == f"({300 * limits.MB}, {300 * limits.MB}) (50, 50) {limits.NICE} 0o77"
    greedy = [sys.executable, "-S", "-c", "bytearray(400 * 2**20)"]
    assert (
        "MemoryError" in subprocess.run(greedy, preexec_fn=limits.limit(300, 50), capture_output=True, text=True).stderr
    )
    assert subprocess.run(greedy).returncode == 0


def test_the_watch_ends_the_largest_process_and_a_server_last():
    held = {10: 400, 11: 500, 12: 200}
    assert watch.to_end(held, 1100, set()) is None
    assert watch.to_end(held, 1000, set()) == 11
    assert watch.to_end(held, 1000, {11}) == 10
    assert watch.to_end({11: 1001}, 1000, {11}) == 11


def test_the_watch_counts_once_what_forked_processes_share():
    code = "import os, time; b = b'x' * (200 * 2**20); [os.fork() or time.sleep(60) for _ in '123']; "
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", code + "print('.', flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == ".\n"
    family = [p for p in watch.processes({os.getuid()})[os.getuid()] if process.pid in (p, accounts.parent(p))]
    held = watch.total(family, 0)
    assert len(held) == 4
    assert 200 * limits.MB < sum(held.values()) < 260 * limits.MB
    assert sum(watch.total(family, 2**50).values()) > 800 * limits.MB, "the quick look is never too low"
    os.killpg(process.pid, 9)
    process.wait()
    assert memory.proportional(process.pid) == 0 == memory.mapped(process.pid)


@needs_root
def test_processes_are_ended_also_where_they_do_not_want_to():
    uid = 54321
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(["/usr/bin/python3", "-S", "-c", code], user=uid, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    start = time.monotonic()
    assert accounts.end_processes([uid], seconds=0.3) == 1
    assert process.wait(5) == -9 and time.monotonic() - start < 5
