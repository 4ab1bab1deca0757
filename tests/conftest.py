"""What all tests share: one thread, no window, and annotations that are held while the tests run."""

import os
import re

# Set before anything imports numpy, torch or matplotlib, and inherited by every process that a test starts:
# two workers with one thread each are faster on two cores than four threads that fight.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # kernels else warn about frozen modules

import torch
from jaxtyping import install_import_hook
from xdist.scheduler import LoadScopeScheduling

torch.set_num_threads(1)

# A signature that says Float[Tensor, "queries d_k"] is checked at every call that a test makes. Only in the
# rooms that teach: the grader's processes must be in the tests what they are when a class is graded.
TEACHING_ROOMS = ["course.data", "course.given", "course.models", "course.plots"]
install_import_hook(TEACHING_ROOMS, "beartype.beartype")


def pytest_xdist_make_scheduler(config, log):
    """A file's tests stay in one worker, since they share what a fixture made.

    But answers are dealt out by exercise, and lectures that are run one by one.
    """

    class ByFileExerciseOrLecture(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            part = re.search(r"\[\S+: (A\d+\.\d+) |::test_it_runs\w*\[([\w-]+)\]", nodeid)
            return nodeid.partition("::")[0] + (part[0] if part else "")

    return ByFileExerciseOrLecture(config, log)
