"""A full budget of work for the student's own run, a small one for a graded run."""

import os


def budget(*, full, graded):
    """Return `graded` while a submission is graded, `full` otherwise.

    A graded run is told by the environment: nbgrader sets NBGRADER_EXECUTION to "autograde".
    Give steps, not seconds: `steps = check.budget(full=2000, graded=200)`.
    """
    return graded if os.environ.get("NBGRADER_EXECUTION") == "autograde" else full
