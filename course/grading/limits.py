"""What an answer may use: set per assignment in its notebook's metadata (`course.limits`), with defaults.

CPU seconds are an exercise's own (`seconds` in its header's metadata); everything else is said here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from course.errors import CourseError

MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """One exercise's share of the machine. Sizes are in MB of 10^6 bytes; all processes of an answer count together.

    memory_mb: beyond what is shared with the zygote. processes: at a time, the first one included. file_mb: of one
    file. tmp_mb, tmp_files: of the private /tmp, home and /dev/shm together. reply_mb: of one value that is handed
    over. wall_per_cpu_second: how long an exercise may last, as a multiple of its CPU seconds: a machine may be busy.
    gpu_share: of the device's memory, where answers run on a GPU.
    """

    memory_mb: int = 2000
    processes: int = 64
    open_files: int = 256
    file_mb: int = 64
    tmp_mb: int = 128
    tmp_files: int = 4096
    reply_mb: int = 64
    wall_per_cpu_second: float = 6
    gpu_share: float = 0.25

    def to_dict(self) -> dict[str, float]:
        return asdict(self)

    @classmethod
    def read(cls, given: Mapping[str, object]) -> "Limits":
        """The defaults with what is given. CourseError names what is no limit or no positive number."""
        known = {field.name for field in fields(cls)}
        for name, value in given.items():
            if name not in known:
                raise CourseError(f"no limit is called {name!r}; there is {', '.join(sorted(known))}", 1)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise CourseError(f"the limit {name} must be a number above 0, not {value!r}", 1)
        return cls(**given)
