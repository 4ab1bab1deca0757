"""Where the classroom's files are, and who may enter each folder."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

COURSE_ID = "attention"  # as in nbgrader_config.py; a test compares the two
PLACE, PORT = Path("/srv/attention-hub"), 8000
_PREFIX = "COURSE_HUB_"


@dataclass(frozen=True)
class Place:
    """The folder of one classroom server, and the ports of this machine that it takes: port, port + 1, port + 2.

    root: everyone may pass, nobody may write but root.
    prefix: what the names of its accounts begin with.
    memory_mb: of all processes of a student together; processes: at a time, threads count.
    """

    root: Path = PLACE
    port: int = PORT
    memory_mb: int = 3000
    processes: int = 400
    prefix: str = "attn-"

    @property
    def address(self) -> str:
        """Where this machine finds the hub."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def teacher(self) -> str:
        """The account that owns the course."""
        return f"{self.prefix}teacher"

    @property
    def group(self) -> str:
        """The group that all accounts of the class, and no others, are in."""
        return f"{self.prefix}class"

    @property
    def hub(self) -> Path:
        """The hub's own: cookie secret, database, proxy, what was last copied. Root's alone."""
        return self.root / "hub"

    @property
    def course(self) -> Path:
        """The teacher's course, with solutions, submissions and gradebook. The teacher's alone."""
        return self.root / "course"

    @property
    def release(self) -> Path:
        """What students get, as `course student-release` builds it. For all to read."""
        return self.root / "release"

    @property
    def environment(self) -> Path:
        """The Python that everyone's notebooks run with. For all to read."""
        return self.root / "environment"

    @property
    def config(self) -> Path:
        """Settings of the servers. For all to read."""
        return self.root / "config"

    @property
    def runtime(self) -> Path:
        """A folder for each account, by its number and closed to the others: the sockets of its kernels."""
        return self.root / "run"

    @property
    def exchange(self) -> Path:
        """nbgrader's exchange."""
        return self.root / "exchange"

    @property
    def homes(self) -> Path:
        """A home for each account, closed to the others."""
        return self.root / "home"

    @property
    def own_settings(self) -> Path:
        """A file of JupyterHub's settings that is read last, if someone wrote it."""
        return self.root / "hub_config.py"

    def as_environment(self) -> dict[str, str]:
        """Variables from which `from_environment` makes this place again, in the hub's process."""
        return {_PREFIX + name.upper(): str(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_environment(cls) -> "Place":
        given = {name: os.environ.get(_PREFIX + name.upper()) for name in cls.__dataclass_fields__}
        kinds = {name: type(getattr(cls, name)) for name in given}
        return replace(cls(), **{name: Path(v) if name == "root" else kinds[name](v) for name, v in given.items() if v})
