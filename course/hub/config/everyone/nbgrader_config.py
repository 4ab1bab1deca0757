"""nbgrader's settings for all of a class: which course, and where its exchange is."""

import os

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "attention"  # as in the course's own nbgrader_config.py
c.Exchange.root = os.path.join(os.environ["COURSE_HUB_ROOT"], "exchange")

# The Validate button runs a whole notebook, training cells too; nbgrader would end a cell after 30 seconds.
c.Execute.timeout = 300
c.Execute.startup_timeout = 120
c.KernelManager.transport_encryption = "required"  # for that kernel as for the others
