"""What Linux says of a process from outside, in /proc: the grader and the classroom's server watch with it.

A process chooses its own name, which need not be text and may hold a carriage return: nothing that is read here may
trip over it.
"""

from pathlib import Path


def read(path: str | Path) -> str:
    """A file below /proc; "" if the process is gone, or if this system has no /proc."""
    try:
        return Path("/proc", path).read_bytes().decode(errors="replace")
    except OSError:
        return ""


def fields(pid: int, name: str) -> dict[str, str]:
    """The lines `NAME: VALUE` of a file in /proc/PID; none if the process is gone."""
    lines = (line.partition(":") for line in read(f"{pid}/{name}").split("\n"))
    return {name: value.strip() for name, _, value in lines}


def mapped(pid: int) -> int:
    """Bytes of anonymous and shared memory that a process has in its page tables; 0 if it is gone.

    Quickly read, and never too little: what several processes hold together, after a fork say, counts for each. Files
    that are mapped, libraries say, are not counted here or below: the kernel takes them back when it needs room.
    """
    return _bytes(fields(pid, "status"), "RssAnon", "RssShmem")


def proportional(pid: int) -> int:
    """The same, but of a page that n processes share only the n-th part."""
    return _bytes(fields(pid, "smaps_rollup"), "Pss_Anon", "Pss_Shmem")


def _bytes(sizes: dict[str, str], *names: str) -> int:
    """The sum of entries like `123 kB`; a kernel's own thread has none."""
    return sum(int(sizes[name].split()[0]) for name in names if name in sizes) * 1024
