"""One zygote for the whole corpus, as in the grader's own tests."""

from tests.grading.conftest import student_zygote  # noqa: F401
