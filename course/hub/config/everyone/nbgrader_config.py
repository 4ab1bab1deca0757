"""nbgrader's settings for all of a class: which course, and where its exchange is."""

import os
import uuid

from jupyter_core.paths import jupyter_runtime_dir

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "attention"  # as in the course's own nbgrader_config.py
c.Exchange.root = os.path.join(os.environ["COURSE_HUB_ROOT"], "exchange")

# The Validate button runs a whole notebook, training cells too; nbgrader would end a cell after 30 seconds.
c.Execute.timeout = 300
c.Execute.startup_timeout = 120

# That kernel's sockets, like those of the others; unless told where, it would make them in the folder that it is in.
c.KernelManager.transport = "ipc"
c.KernelManager.transport_encryption = "required"
c.KernelManager.connection_file = os.path.join(jupyter_runtime_dir(), f"kernel-{uuid.uuid4()}.json")
