"""What one student may use of the machine. The kernel holds these limits for each process or account.

Memory of all processes together is watched (watch.py). The processor is given by priority: students' processes stand
back behind the hub and the teacher's.
"""

import os
import resource
from collections.abc import Callable

MB = 2**20
FILE_MB = 2000
NICE = 5


def limit(memory_mb: int, processes: int) -> Callable[[], None]:
    """A function that limits the process that calls it, and all that come from it; for root, before it is a student.

    Args:
        memory_mb: what one process may allocate; beyond it, Python raises MemoryError.
        processes: how many the account may have at a time, threads included.
    """
    hard = {
        resource.RLIMIT_DATA: memory_mb * MB,
        resource.RLIMIT_NPROC: processes,
        resource.RLIMIT_FSIZE: FILE_MB * MB,
        resource.RLIMIT_CORE: 0,
    }

    def apply() -> None:
        for kind, value in hard.items():
            resource.setrlimit(kind, (value, value))
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
        os.umask(0o077)  # what a student makes in /tmp is closed to the others too

    return apply
