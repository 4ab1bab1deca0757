"""What all tests share: one thread, no window, and annotations that are held while the tests run."""

import os

# Set before anything imports numpy, torch or matplotlib, and inherited by every process that a test starts:
# two workers with one thread each are faster on two cores than four threads that fight.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # kernels else warn about frozen modules

import pytest
import torch
from jaxtyping import install_import_hook

torch.set_num_threads(1)

# A signature that says Float[Tensor, "queries d_k"] is checked at every call that a test makes. Only in the
# rooms that teach: the grader's processes must be in the tests what they are when a class is graded.
TEACHING_ROOMS = ["course.data", "course.given", "course.models", "course.plots"]
install_import_hook(TEACHING_ROOMS, "beartype.beartype")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items):
    """With `--dist loadgroup` a file's tests stay in one worker; those that judge answers are dealt out by exercise."""
    for item in items:
        drawn = getattr(item, "callspec", None)
        answer = drawn.params.get("answer") if drawn else None
        part = f"::{answer.exercise}" if hasattr(answer, "exercise") else ""
        item.add_marker(pytest.mark.xdist_group(f"{item.path.relative_to(item.config.rootpath)}{part}"))
