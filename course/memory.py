"""How much memory a process of Linux holds, seen from outside: what the grader and the classroom's server measure with.

Files that a process has mapped, libraries say, are not counted: the kernel takes them back when it needs room.
"""

from pathlib import Path


def mapped(pid: int) -> int:
    """Bytes of anonymous and shared memory that a process has in its page tables; 0 if it is gone.

    Quickly read, and never too little: what several processes hold together, after a fork say, counts for each.
    """
    return _kilobytes(f"/proc/{pid}/status", ("RssAnon", "RssShmem")) * 1024


def proportional(pid: int) -> int:
    """The same, but of a page that n processes share only the n-th part."""
    return _kilobytes(f"/proc/{pid}/smaps_rollup", ("Pss_Anon", "Pss_Shmem")) * 1024


def _kilobytes(path: str, names: tuple[str, ...]) -> int:
    try:
        text = Path(path).read_text()
    except OSError:  # the process has ended, or this system has no /proc: then other limits decide
        return 0
    lines = (line.partition(":") for line in text.splitlines())
    return sum(int(value.split()[0]) for name, _, value in lines if name in names)
