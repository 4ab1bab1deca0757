"""The judge of the grader's tests."""

from tests.grading.conftest import student_zygote  # noqa: F401
