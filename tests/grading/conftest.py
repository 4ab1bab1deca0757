"""What the grader's tests share: one zygote for the whole run of a worker."""

import pytest

from course.grading.zygote import zygote
from tests.support.judging import PRELOAD


@pytest.fixture(scope="session")
def student_zygote():
    """The socket of a zygote; each connection is a fresh student process."""
    with zygote(PRELOAD) as started:
        yield started.wait_until_ready().path
