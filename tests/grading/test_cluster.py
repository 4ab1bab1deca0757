"""`course grade --scheduler`: the verdicts of a local run from a Dask cluster, whatever happens to a worker."""

import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from course import cli
from course.errors import CourseError
from course.grading import cluster as module
from course.grading.cluster import Packed, cluster, judge_on_worker
from course.grading.judges import Job, Judged, JudgeFailed
from course.grading.notebook import read_source
from course.grading.rebuild import rebuild
from tests.grading import small_notebook as small

COURSE = Path(__file__).parents[2]


# --- what goes wrong before anything is judged


def test_an_address_where_nobody_answers_is_one_line_soon(monkeypatch):
    monkeypatch.setattr(module, "CONNECT_SECONDS", 1)
    with socket.socket() as taken:  # bound and not listening: nobody else can answer there
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(CourseError, match=f"no Dask scheduler answers at {address}") as caught, cluster(address):
            pass
    assert time.monotonic() - start < 15, "a second, and what a busy machine adds"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("address", ["8786", "host", "foo://host:1", "tcp://host"])
def test_what_is_no_address_is_a_matter_of_usage(address):
    with pytest.raises(CourseError, match="expected an address such as tcp://host:8786") as caught, cluster(address):
        pass
    assert caught.value.exit_code == 2


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match=r"pip install '\.\[cluster\]'"), cluster("tcp://127.0.0.1:1"):
        pass


# --- a scheduler and workers in threads, with judges that are quick


class QuickJudges:
    """Stands in for the warm processes: says of a job what its student's name asks for."""

    def __init__(self, sources):
        (self.source,) = sources
        self.closed = False

    def judge(self, job: Job) -> Judged:
        if job.student == "fails":
            raise JudgeFailed("the judge's process ended without a verdict")
        if job.student == "no sandbox":
            raise CourseError("the sandbox is not whole", 1)
        if job.student == "strange":
            raise ZeroDivisionError("by\nzero")
        return Judged([], [f"{self.source.assignment} {job.student}"])


@pytest.fixture
def benches(monkeypatch) -> list[QuickJudges]:
    """The benches that the workers of this process have started."""
    started: list[QuickJudges] = []

    @contextmanager
    def bench(sources, sandboxed, device):
        judges = QuickJudges(sources)
        started.append(judges)
        yield judges
        judges.closed = True

    monkeypatch.setattr(module, "bench", bench)
    monkeypatch.setattr(module, "BENCHES", module._Benches())
    return started


@pytest.fixture(scope="module")
def scheduler():
    """A scheduler with two workers of two threads each."""
    import distributed

    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=2,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as local:
        yield local


@pytest.fixture
def source(tmp_path):
    return read_source(small.write(small.source(), tmp_path / small.ASSIGNMENT / small.NOTEBOOK))


def job(source, student: str) -> Job:
    return Job(source.assignment, rebuild(source, source.nb), "secret", student)


def test_verdicts_come_back_and_a_source_starts_its_processes_once(scheduler, benches, source):
    with cluster(scheduler.scheduler_address) as judging:
        assert judging.width == 8
        futures = [judging.submit(source, job(source, f"student-{number}")) for number in range(20)]
        assert [future.result(30).cells for future in futures] == [
            [f"{small.ASSIGNMENT} student-{number}"] for number in range(20)
        ]
    assert len(benches) == 1, "the two workers share this process"


@pytest.mark.parametrize(
    ("student", "error", "words"),
    [
        ("fails", JudgeFailed, "the judge's process ended"),
        ("no sandbox", CourseError, "the sandbox is not whole"),
        ("strange", JudgeFailed, "ZeroDivisionError: by zero"),
    ],
)
def test_errors_stay_what_they_are(scheduler, benches, source, student, error, words):
    with cluster(scheduler.scheduler_address) as judging, pytest.raises(error, match=words):
        judging.submit(source, job(source, student)).result(30)


def test_a_worker_with_another_version_judges_nothing(benches, source):
    packed = Packed(Packed.of(source).body, "the key of another version")
    with pytest.raises(CourseError, match="another version"):
        judge_on_worker(packed, pickle.dumps(job(source, "ada")), True, "cpu")
    with pytest.raises(CourseError, match="another version"):
        judge_on_worker(Packed(b"no pickle of ours", ""), pickle.dumps(job(source, "ada")), True, "cpu")
    assert benches == []


def test_a_worker_keeps_the_processes_of_the_sources_used_last(benches, tmp_path):
    def one(name: str) -> None:
        source = read_source(small.write(small.source(), tmp_path / name / small.NOTEBOOK))
        judge_on_worker(Packed.of(source), pickle.dumps(job(source, "ada")), True, "cpu")

    for name in ("one", "two", "one", "three", "one", "two"):
        one(name)
    started = [(bench.source.assignment, bench.closed) for bench in benches]
    assert started == [("one", False), ("two", True), ("three", True), ("two", False)]


def test_processes_that_are_at_work_are_not_closed(benches, tmp_path):
    go_on, at_work = threading.Event(), threading.Event()

    class SlowJudges(QuickJudges):
        def judge(self, job):
            at_work.set()
            assert go_on.wait(20)
            assert not self.closed
            return super().judge(job)

    sources = [read_source(small.write(small.source(), tmp_path / name / small.NOTEBOOK)) for name in "abcd"]
    packed = [Packed.of(source) for source in sources]
    with ThreadPoolExecutor(1) as pool:
        with module.BENCHES.judges(packed[0], True, "cpu") as judges:
            judges.__class__ = SlowJudges
        slow = pool.submit(judge_on_worker, packed[0], pickle.dumps(job(sources[0], "ada")), True, "cpu")
        assert at_work.wait(20)
        for source, other in zip(sources[1:], packed[1:], strict=True):
            judge_on_worker(other, pickle.dumps(job(source, "bob")), True, "cpu")
        go_on.set()
        assert slow.result(20).cells == ["a ada"]


def test_when_the_scheduler_is_gone_the_run_ends(benches, source):
    import distributed

    go_on = threading.Event()

    class SlowJudges(QuickJudges):
        def judge(self, job):
            go_on.wait(20)
            return super().judge(job)

    local = distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )
    with module.BENCHES.judges(Packed.of(source), True, "cpu") as judges:
        judges.__class__ = SlowJudges
    with cluster(local.scheduler_address) as judging:
        future = judging.submit(source, job(source, "ada"))
        time.sleep(0.5)
        threading.Timer(1, go_on.set).start()
        local.close()
        with pytest.raises(CourseError, match=r"connection to the scheduler at tcp://.* was lost"):
            future.result(30)


# --- a real scheduler, real workers, the real judges


def start(*command: str, folder: Path) -> subprocess.Popen:
    """A process with a process group of its own."""
    environment = os.environ | {"PYTHONPATH": str(COURSE)}
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_for(condition, process: subprocess.Popen, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kill_group(process: subprocess.Popen) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


@pytest.fixture
def real_cluster(tmp_path) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """Address and the two workers' processes (each a nanny, whose child works with one thread)."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    file = folder / "scheduler.json"
    common = ("--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard")
    scheduler = start("distributed.cli.dask_scheduler", "--port", "0", *common, folder=folder)
    processes = [scheduler]
    try:
        wait_for(lambda: file.exists() and file.read_text().endswith("}"), scheduler)
        worker = ("distributed.cli.dask_worker", "--nthreads", "1", "--local-directory", str(folder), *common)
        processes += [start(*worker, folder=folder) for _ in range(2)]
        yield json.loads(file.read_text())["address"], processes[1:]
    finally:
        for process in processes:
            kill_group(process)


def small_course(root: Path, count: int) -> Path:
    """A class in which each call takes a moment, so that a worker is at work when it is killed."""
    nb = small.source()
    small.find(nb, "setup").source = "from course import check"
    small.find(nb, "A9_2").metadata.course["needs"] = ["A9.1"]
    path = small.write(nb, root / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)
    (root / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    for number in range(count):
        result = "number * number" if number % 3 == 1 else "2 * number"
        answer = f"import time\n\ndef double(number):\n    time.sleep(0.2)  # {number}\n    return {result}"
        submitted = small.solved(nbformat.read(path, as_version=4), {"A9_1-answer": answer, "A9_2-answer": small.TOTAL})
        small.write(submitted, root / "submitted" / f"student-{number}" / small.ASSIGNMENT / small.NOTEBOOK)
    (root / ".grading").mkdir()
    (root / ".grading" / "secret").write_text("the same inputs everywhere", encoding="utf-8")
    return root


def verdicts(root: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in (root / ".grading" / "verdicts").rglob("*.json")}


@pytest.mark.nightly
def test_a_worker_killed_in_mid_run_loses_nothing(real_cluster, tmp_path, monkeypatch, capsys):
    from tests.grading.test_nbgrader_engine import rows

    address, workers = real_cluster
    here = small_course(tmp_path / "here", 10)
    there = shutil.copytree(here, tmp_path / "there")
    run = start("course.cli", "grade", "--scheduler", address, folder=there)
    try:
        wait_for(lambda: len(verdicts(there)) >= 2, run)
        kill_group(workers[0])
        assert len(verdicts(there)) < 8, "the run was nearly over: let answers take longer"
        assert run.wait(120) == 0, (there / "log").read_text()
    finally:
        kill_group(run)
    monkeypatch.chdir(here)
    assert cli.main(["grade", "--jobs", "2"]) == 0
    assert len(verdicts(there)) == 10
    assert verdicts(there) == verdicts(here)
    assert rows(there) == rows(here)
    said = Counter(
        line.split(": ")[1].split()[0] for line in (there / "log").read_text().splitlines() if " of 10: " in line
    )
    assert said == Counter(verdicts(here).keys()), "each is graded once"
