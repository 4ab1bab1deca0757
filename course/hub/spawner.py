"""Starts a person's server as that person: JupyterHub's local spawner, with limits, without root's environment."""

import contextlib
import os
import pwd
import socket
from collections.abc import Callable
from functools import cache

from jupyterhub.spawner import LocalProcessSpawner

from course.hub.limits import limit
from course.hub.place import Place

LOCALE = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}


class AccountSpawner(LocalProcessSpawner):
    """One server for one account. The teacher's starts in the course, a student's at home."""

    async def start(self) -> tuple[str, int]:
        make_runtime(Place.from_environment(), self.user.name)
        door = self._door()
        self.port = door.getsockname()[1]
        self.popen_kwargs = self.popen_kwargs | {"pass_fds": (door.fileno(),)}
        return await super().start()

    async def poll(self) -> int | None:
        status = await super().poll()
        if status is not None:
            turn_away(self._door())
        return status

    def load_state(self, state: dict) -> None:
        """Know nothing of a server of an earlier hub: by now its port, and its process's number, may be another's."""
        super().load_state(state)
        self.pid = 0

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        place, become = Place.from_environment(), super().make_preexec_fn(name)
        restrict = limit(place.memory_mb, place.processes)

        def start_teacher() -> None:
            become()
            os.chdir(place.course)  # where nbgrader looks for its settings

        def start_student() -> None:
            restrict()
            become()

        return start_teacher if name == place.teacher else start_student

    def get_env(self) -> dict[str, str]:
        given = {name: value for name, value in super().get_env().items() if name.startswith("JUPYTER")}
        given["COURSE_HUB_DOOR"] = str(self._door().fileno())
        return self.user_env(given | LOCALE | surroundings(Place.from_environment(), self.user.name))

    def _door(self) -> socket.socket:
        return door(self.user.name, self.name, self.ip)


@cache
def door(account: str, server: str, address: str) -> socket.socket:
    """The port of a server, the same for as long as the hub runs; the server gets it as an open file and listens there.

    It is root's, also before a server listens and after one has ended: whoever else bound it would be that person's
    server to the proxy, and get the cookies of that person's browser.
    """
    held = socket.socket()  # without SO_REUSEADDR, with which others could bind it, too
    held.bind((address, 0))
    held.setblocking(False)
    return held


def turn_away(held: socket.socket) -> None:
    """Refuse those who knocked after a server ended: the port still listens, and they would wait for the next one."""
    with contextlib.suppress(OSError):  # nobody waits, or nothing ever listened
        for _ in range(socket.SOMAXCONN):
            held.accept()[0].close()


def make_runtime(place: Place, name: str) -> None:
    """An account's folder for the sockets of its kernels."""
    who, folder = pwd.getpwnam(name), runtime(place, name)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    os.chown(folder, who.pw_uid, who.pw_gid)


def runtime(place: Place, name: str) -> str:
    """Where that folder is: under the number, since a socket's path must be short."""
    return str(place.runtime / str(pwd.getpwnam(name).pw_uid))


def surroundings(place: Place, name: str) -> dict[str, str]:
    """The variables of one person's processes."""
    role = "teacher" if name == place.teacher else "student"
    variables = {
        "PATH": f"{place.environment}/bin:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": str(place.environment),
        "JUPYTER_CONFIG_PATH": f"{place.config / role}:{place.config / 'everyone'}",
        "JUPYTER_RUNTIME_DIR": runtime(place, name),
        "COURSE_HUB_ROOT": str(place.root),
        "OMP_NUM_THREADS": "2",  # a courtesy that anyone can take back; priority is what counts
    }
    return variables | ({"PYTHONPATH": str(place.course)} if role == "teacher" else {})
