"""Servers of a class: what is idle goes, and what kernels say is for their owner alone."""

c = get_config()  # noqa: F821

c.Application.log_level = "WARN"

# Kernels speak over ports of this machine, to which every account can connect: in cipher, that is.
c.KernelManager.transport_encryption = "required"

# Seconds. A kernel that computes is never idle; an open tab does not keep one.
c.MappingKernelManager.cull_idle_timeout = 3600
c.MappingKernelManager.cull_interval = 300
c.MappingKernelManager.cull_connected = True
c.TerminalManager.cull_inactive_timeout = 3600
c.ServerApp.shutdown_no_activity_timeout = 7200

# Not a login shell, which would forget where `python` and `course` are.
c.ServerApp.terminado_settings = {"shell_command": ["/bin/bash"]}
