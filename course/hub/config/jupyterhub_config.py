"""JupyterHub's settings of a class. Yours go into hub_config.py in the classroom's folder: it is read last."""

import sys

from course.hub.place import Place
from course.hub.spawner import AccountSpawner

c = get_config()  # noqa: F821
place = Place.from_environment()
HERE = "127.0.0.1"

# Where it listens. Only this machine reaches it; a web server with TLS stands in front (docs/classroom.md).
c.Application.log_level = "WARN"  # a class makes a line for each click otherwise
c.ConfigurableHTTPProxy.log_level = "warn"
c.JupyterHub.bind_url = f"http://{HERE}:{place.port}"
c.JupyterHub.hub_bind_url = f"http://{HERE}:{place.port + 1}"
c.ConfigurableHTTPProxy.api_url = f"http://{HERE}:{place.port + 2}"
c.ConfigurableHTTPProxy.command = [str(place.hub / "npm/node_modules/.bin/configurable-http-proxy")]

# What it keeps, in a folder that only root may enter.
c.JupyterHub.cookie_secret_file = str(place.hub / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{place.hub / 'jupyterhub.sqlite'}"
c.ConfigurableHTTPProxy.pid_file = str(place.hub / "proxy.pid")

# Who may come in: the accounts of the class, with the passwords of the operating system.
c.JupyterHub.authenticator_class = "pam"
c.LocalAuthenticator.allowed_groups = {place.group}
c.Authenticator.allow_all = False
c.Authenticator.admin_users = set()

# A server for each, as that account.
c.JupyterHub.spawner_class = AccountSpawner
c.Spawner.cmd = [str(place.environment / "bin/python"), "-m", "jupyterhub.singleuser"]
c.Spawner.ip = HERE
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
c.Spawner.poll_interval = 5  # seconds until a page hears that its server has ended
c.JupyterHub.concurrent_spawn_limit = 10  # the first minutes of a class of 200

c.JupyterHub.services = [
    {
        "name": "memory-watch",
        "command": [sys.executable, "-m", "course.hub.watch"],
        "environment": place.as_environment() | {"PYTHONPATH": ":".join(filter(None, sys.path))},
    }
]


if place.own_settings.is_file():
    load_subconfig(str(place.own_settings))  # noqa: F821
