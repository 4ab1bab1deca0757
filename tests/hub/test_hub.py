"""The plain parts of the classroom server: what it makes, what it refuses, what it never touches."""

import json
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_server.serverapp import ServerApp
from traitlets.config import Config, PyFileConfigLoader

from course.errors import CourseError
from course.hub import accounts, copying, environment, prepare, spawner
from course.hub.__main__ import main
from course.hub.place import COURSE_ID, Place
from tests.hub.classroom import needs_root

ROOT = Path(__file__).parents[2]


def settings(path: Path) -> Config:
    return PyFileConfigLoader(path.name, path=str(path.parent)).load_config()


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


def test_kernels_need_no_port_and_encrypt_what_they_say(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COURSE_HUB_ROOT", "/somewhere")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", "/somewhere/run/1000")
    files = [prepare.CONFIG / "everyone" / name for name in ("jupyter_server_config.py", "nbgrader_config.py")]
    for kernels in (settings(file).KernelManager for file in files):
        assert (kernels.transport, kernels.transport_encryption) == ("ipc", "required")
    places = {settings(files[1]).KernelManager.connection_file for _ in range(2)}
    assert len(places) == 2 and all(place.startswith("/somewhere/run/1000/kernel-") for place in places)


@pytest.mark.parametrize(("name", "role"), [("nobody-teacher", "teacher"), ("nobody-ada", "student")])
def test_a_server_s_surroundings_name_its_role_and_lead_students_to_no_solutions(
    place: Place, name: str, role: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(spawner, "runtime", lambda place, name: "/somewhere/run/1000")
    variables = spawner.surroundings(place, name)
    assert variables["JUPYTER_CONFIG_PATH"].startswith(str(place.config / role))
    assert variables["PATH"].startswith(str(place.environment / "bin"))
    assert (str(place.course) in " ".join(variables.values())) == (role == "teacher")


def bind_as_somebody_else(port: int) -> subprocess.CompletedProcess:
    code = "import socket, sys; socket.create_server(('', int(sys.argv[1])), reuse_port=True)"
    return subprocess.run(["/usr/bin/python3", "-c", code, str(port)], user=54321, capture_output=True, text=True)


@needs_root
def test_the_port_of_a_server_is_nobody_else_s_before_and_after_it_runs(monkeypatch: pytest.MonkeyPatch):
    held = spawner.door("nobody-ada", "", "127.0.0.1")
    assert held is spawner.door("nobody-ada", "", "127.0.0.1"), "one for as long as the hub runs"
    port = held.getsockname()[1]

    def refused() -> bool:
        return "Address already in use" in bind_as_somebody_else(port).stderr

    assert refused(), "before it listens"
    spawner.turn_away(held)
    for _ in range(2):  # the server, and the one after it
        server = listening(os.dup(held.fileno()), monkeypatch)
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
        server.close()
        with socket.create_connection(("127.0.0.1", port)) as late:
            assert refused(), "after it ended"
            spawner.turn_away(held)
            late.settimeout(5)
            assert late.recv(1) == b"", "nobody waits for the next one"
    spawner.door.cache_clear()
    held.close()
    assert bind_as_somebody_else(0).returncode == 0, "any other port would do"


def listening(door: int, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """What a server listens on that gets this open file."""
    for name in ("_find_http_port", "_bind_http_server_tcp"):
        monkeypatch.setattr(ServerApp, name, getattr(ServerApp, name))  # to be undone
    monkeypatch.setenv("COURSE_HUB_DOOR", str(door))
    settings(prepare.CONFIG / "everyone" / "jupyter_server_config.py")
    assert "COURSE_HUB_DOOR" not in os.environ
    found = []
    server = SimpleNamespace(http_server=SimpleNamespace(add_socket=found.append))
    ServerApp._find_http_port(server)
    assert ServerApp._bind_http_server_tcp(server)
    assert not found[0].get_inheritable(), "it is not for kernels and terminals"
    return found[0]


def test_a_server_of_an_earlier_hub_is_not_taken_for_one_that_runs():
    ours = spawner.AccountSpawner()
    ours.load_state({"pid": os.getpid()})
    assert ours.pid == 0


def test_without_root_one_line_says_what_to_do(place: Place, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["--place", str(place.root)]) == 2
    error = capsys.readouterr().err
    assert "sudo make hub" in error and "could read solutions and grades" in error and error.count("\n") == 1


@needs_root
def test_a_taken_port_is_named(place: Place, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--place", str(place.root), "--port", str(port - 2)]) == 2
    assert f"port {port} is taken" in capsys.readouterr().err
    assert not place.root.exists(), "nothing was made"


@needs_root
def test_a_place_whose_name_is_too_long_for_a_socket_is_refused():
    prepare.may_start(Place(Path("/" + 46 * "x"), port=18000))
    with pytest.raises(CourseError, match="is 1 bytes too long"):
        prepare.may_start(Place(Path("/" + 47 * "x"), port=18000))


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
    assert modes == {"hub": 0o700, "course": 0o700, "home": 0o755, "run": 0o755, "exchange": 0o1777}
    prepare.make_folders(place)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Place]:
    """A place with an exchange, of a teacher who is `nobody`, and which any account can reach."""
    place = Place(Path(tempfile.mkdtemp(dir="/srv")), prefix="")
    place.hub.mkdir()
    place.exchange.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Place, "teacher", "nobody")
        prepare.open_exchange(place)
        yield place
    shutil.rmtree(place.root)


@needs_root
def test_the_exchange_has_nbgrader_s_modes_and_is_the_teacher_s(exchange: Place):
    course = exchange.exchange / COURSE_ID
    found = {path.name: (path.stat().st_uid, oct(path.stat().st_mode)[-4:]) for path in (course, *course.iterdir())}
    assert found == {
        COURSE_ID: (65534, "0755"),
        "outbound": (65534, "0755"),
        "inbound": (65534, "3733"),
        "feedback": (65534, "0711"),
    }


@needs_root
@pytest.mark.parametrize("name", [COURSE_ID, f"{COURSE_ID}/inbound"])
def test_root_follows_no_link_that_stands_in_the_exchange(exchange: Place, tmp_path: Path, name: str):
    """The teacher puts a link in the place of a folder; what it leads to keeps its owner and its mode."""
    target = tmp_path / "root's"
    (target / "outbound").mkdir(parents=True)
    before = [(path.stat().st_uid, path.stat().st_mode) for path in (target, target / "outbound")]
    folder = exchange.exchange / name
    folder.rename(folder.with_name("away"))
    folder.symlink_to(target)
    with pytest.raises(CourseError, match="is no folder"):
        prepare.open_exchange(exchange)
    assert [(path.stat().st_uid, path.stat().st_mode) for path in (target, target / "outbound")] == before
    assert [path.name for path in target.iterdir()] == ["outbound"]


@needs_root
def test_what_an_account_filed_under_any_name_is_root_s_when_it_leaves(
    exchange: Place, monkeypatch: pytest.MonkeyPatch
):
    inbound = exchange.exchange / COURSE_ID / "inbound"
    for name, owner in (("bob+01+now", 54321), ("zoe+01+now", 54321), ("bob+01+forged", 54322)):
        (inbound / name).mkdir()
        (inbound / name / "a.ipynb").touch()
        for path in (inbound / name, inbound / name / "a.ipynb"):
            os.chown(path, owner, owner)
    monkeypatch.setattr(accounts, "remove", lambda name, place: 54321)
    prepare.retire("bob", exchange)
    owners = {str(path.relative_to(inbound)): path.stat().st_uid for path in inbound.rglob("*")}
    assert {name for name, owner in owners.items() if owner == 0} == {
        "bob+01+now", "bob+01+now/a.ipynb", "zoe+01+now", "zoe+01+now/a.ipynb",
    }  # fmt: skip
    assert owners["bob+01+forged"] == 54322
    prepare.retire("bob", Place(exchange.root / "deleted"))


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
    (root / "course.toml").write_text("new")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        with pytest.raises(OSError, match="full"):
            renew()
    assert (course / "course.toml").read_text() == "old"
    assert renew() == [] and (course / "course.toml").read_text() == "new", "half a file is no edit"
    assert json.loads(memory.read_text()).keys() == {"solutions/a", "solutions/b", "course.toml"}


def half(path: Path, content: bytes) -> int:
    """Write as on a disk that is full."""
    with path.open("wb") as file:
        file.write(content[: len(content) // 2])
    raise OSError("full")
