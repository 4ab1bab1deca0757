"""Servers of a class: their port is given, what is idle goes, and what kernels say is for their owner alone."""

import os
import socket

from jupyter_server.serverapp import ServerApp

c = get_config()  # noqa: F821

# The port is root's, and comes as an open file (course/hub/spawner.py): listen there, and look for no other.
if "COURSE_HUB_DOOR" in os.environ:
    door = socket.socket(fileno=int(os.environ.pop("COURSE_HUB_DOOR")))
    door.set_inheritable(False)  # it is not for kernels and terminals
    door.setblocking(False)

    def listen(server: ServerApp) -> bool:
        door.listen()
        server.http_server.add_socket(door)
        return True

    ServerApp._find_http_port = lambda server: None
    ServerApp._bind_http_server_tcp = listen

c.Application.log_level = "WARN"

# Kernels speak through sockets in a folder that is closed to other accounts, so nobody can take their ports either; and
# in cipher, should a setting of one's own prefer ports.
c.KernelManager.transport = "ipc"
c.KernelManager.transport_encryption = "required"

# Seconds. A kernel that computes is never idle; an open tab does not keep one.
c.MappingKernelManager.cull_idle_timeout = 3600
c.MappingKernelManager.cull_interval = 300
c.MappingKernelManager.cull_connected = True
c.TerminalManager.cull_inactive_timeout = 3600
c.ServerApp.shutdown_no_activity_timeout = 7200

# Not a login shell, which would forget where `python` and `course` are.
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}
