"""What a hostile student tries. Run as that student: `python attempts.py ATTEMPTS.json RESULTS.json`.

Each attempt is [kind, argument, …]; its result is what it got hold of, or the error, beginning with "refused". The same
attempts, made by whom they are allowed to, must succeed: only then does a refusal say anything.
"""

import contextlib
import json
import os
import resource
import select
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path


def read(path: str) -> str:
    with open(path, "rb") as file:
        return f"read {len(file.read(100))} bytes"


def look(path: str) -> str:
    return f"saw {len(os.listdir(path))} names"


def write(path: str) -> str:
    with open(path, "r+b"):
        return "could write"


def rename(path: str) -> str:
    os.rename(path, path + ".moved")
    os.rename(path + ".moved", path)
    return "renamed, and back"


def disturb(pid: int) -> str:
    os.kill(pid, 0)
    return "may send signals"


def get(address: str, token: str = "") -> str:
    """The token is this server's own unless another is given; "none" is none."""
    token = token or token_here()
    headers = {} if token == "none" else {"Authorization": f"token {token}"}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10) as answer:
        if "/hub/login" in answer.url or "/hub/api/oauth2" in answer.url:
            raise PermissionError("sent to the login page")
        return f"got {answer.status} from {address}"


def token_here() -> str:
    """JupyterHub's token: a server's children inherit it."""
    return os.environ["JUPYTERHUB_API_TOKEN"]


def environment_of(pid: int) -> str:
    return "its token" if b"JUPYTERHUB_API_TOKEN" in Path(f"/proc/{pid}/environ").read_bytes() else "no token"


def overhear(uid: int, seconds: float) -> str:
    """Listen on each port of this machine on which a user's kernels may publish what they print."""
    import zmq

    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ports = {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and int(row[7]) == uid}
    ears = []
    for port in ports:
        ear = zmq.Context.instance().socket(zmq.SUB)
        ear.linger = 0
        ear.subscribe(b"")
        ear.connect(f"tcp://127.0.0.1:{port}")
        ears.append(ear)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        for ear in ears:
            if ear.poll(50) and b"a secret of the kernel" in b"".join(ear.recv_multipart()):
                return "overheard a kernel"
    raise PermissionError(f"nothing to be heard on {len(ports)} ports")


def inherit(port: int, seconds: float) -> str:
    """Take a port that a server listens on as soon as it is let go."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_server(("127.0.0.1", port), reuse_port=True).close()
            return f"has port {port}"
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)


def usurp(uid: int, seconds: float) -> str:
    """Take all free ports when a server starts and before it listens; is one of them asked for that person's page?

    Those are left which the system prefers for going out, or nothing could come in.
    """
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    before, end = processes_of(uid), time.monotonic() + seconds
    while processes_of(uid) <= before and time.monotonic() < end:
        time.sleep(0.02)
    doors, knocks = {}, select.epoll()
    for port in range(32769, 65536, 2):
        with contextlib.suppress(OSError):
            door = socket.create_server(("127.0.0.1", port))
            doors[door.fileno()] = door
            knocks.register(door, select.EPOLLIN)
    while time.monotonic() < end:
        for door, _ in knocks.poll(0.2):
            visitor = doors[door].accept()[0]
            visitor.settimeout(1)
            with contextlib.suppress(OSError):
                if b"/user/" in (asked := visitor.recv(200)):
                    return f"was asked {asked[:60]!r}"
    raise PermissionError(f"nobody came to {len(doors)} ports")


def processes_of(uid: int) -> set[str]:
    found = set()
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and folder.stat().st_uid == uid:
                found.add(folder.name)
    return found


def allocate(megabytes: int) -> str:
    block = bytearray(megabytes * 2**20)
    return f"has {len(block) >> 20} MB"


def multiply(most: int) -> str:
    """As many processes as can be had, ended again at once."""
    children = []
    try:
        for _ in range(most):
            if (pid := os.fork()) == 0:
                time.sleep(60)
                os._exit(0)
            children.append(pid)
        return f"has {len(children)} processes"
    finally:
        for pid in children:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def hoard(processes: int, megabytes: int, seconds: float) -> str:
    """Several processes that each use memory: how many of them are left a while after all have it, or are gone?"""
    children, (reads, writes) = [], os.pipe()
    for _ in range(processes):
        if (pid := os.fork()) == 0:
            block = b"x" * (megabytes * 2**20)
            os.write(writes, block[:1])
            time.sleep(300)
            os._exit(0)
        children.append(pid)
    os.set_blocking(reads, False)
    ready, gone, end = 0, set(), time.monotonic() + 60
    while ready + len(gone) < processes and time.monotonic() < end:
        time.sleep(0.1)
        with contextlib.suppress(BlockingIOError):
            ready += len(os.read(reads, processes))
        gone |= {pid for pid in children if pid not in gone and os.waitpid(pid, os.WNOHANG) != (0, 0)}
    time.sleep(seconds)
    alive = [pid for pid in children if pid not in gone and os.waitpid(pid, os.WNOHANG) == (0, 0)]
    for pid in alive:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return f"{len(alive)} of {processes} are left"


ALL = (read, look, write, rename, disturb, get, environment_of, overhear, inherit, usurp, allocate, multiply, hoard)
KINDS = {kind.__name__: kind for kind in ALL}


def attempt(kind: str, *arguments: object) -> str:
    try:
        return KINDS[kind](*arguments)
    except (OSError, MemoryError, urllib.error.URLError) as error:
        return f"refused: {type(error).__name__} {error}"


if __name__ == "__main__":
    results = [attempt(*words) for words in json.loads(Path(sys.argv[1]).read_text())]
    scratch = Path(sys.argv[2] + ".part")
    scratch.write_text(json.dumps(results))
    scratch.rename(sys.argv[2])
