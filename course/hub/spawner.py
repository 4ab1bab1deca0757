"""Starts a person's server as that person: JupyterHub's local spawner, with limits, without root's environment."""

import os
import re
from collections.abc import Callable

from jupyterhub.spawner import LocalProcessSpawner

from course.hub.limits import limit
from course.hub.place import Place

LOCALE = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}


class AccountSpawner(LocalProcessSpawner):
    """One server for one account. The teacher's starts in the course, a student's at home."""

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
        given = {name: value for name, value in super().get_env().items() if re.match("JUPYTER", name)}
        return self.user_env(given | LOCALE | surroundings(Place.from_environment(), self.user.name))


def surroundings(place: Place, name: str) -> dict[str, str]:
    """The variables of one person's processes."""
    role = "teacher" if name == place.teacher else "student"
    variables = {
        "PATH": f"{place.environment}/bin:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": str(place.environment),
        "JUPYTER_CONFIG_PATH": f"{place.config / role}:{place.config / 'everyone'}",
        "COURSE_HUB_ROOT": str(place.root),
        "OMP_NUM_THREADS": "2",  # a courtesy that anyone can take back; priority is what counts
    }
    return variables | ({"PYTHONPATH": str(place.course)} if role == "teacher" else {})
