"""The sandbox's lines in `course doctor`: every layer, tried in a student process."""

from course.errors import CourseError
from course.grading import cgroup, sandbox, warm
from course.grading.doctor import Line
from course.grading.selftest import self_test
from course.grading.zygote import zygote


def check_sandbox() -> list[Line]:
    """The layers around student code, each tried: the grader's self-test, in one student process."""
    try:
        program = sandbox.bubblewrap()
        with zygote([]) as started:
            layers = self_test(started.wait_until_ready().path)
    except CourseError as error:
        reason, _, remedy = str(error).partition(": ")
        return [Line("sandbox", "warn", reason, remedy), check_cgroup()]
    except warm.NotStarted as error:
        return [Line("sandbox", "warn", f"refused: {error}", sandbox.remedy()), check_cgroup()]
    lines = [
        Line(f"sandbox: {layer.name}", "warn", layer.problem, sandbox.remedy())
        if layer.problem
        else Line(f"sandbox: {layer.name}", "ok", layer.holds)
        for layer in layers
    ]
    return [Line("sandbox", "ok", f"bubblewrap is {program}"), *lines, check_cgroup()]


def check_cgroup() -> Line:
    """May the grader put student processes into control groups (cgroup v2), with limits on memory and processes?"""
    group = cgroup.parent()
    if group is None:
        return Line("cgroup v2", "ok", "not to be had here: limits of each process and the watch do instead")
    return Line("cgroup v2", "ok", f"student processes get groups in {group}")
