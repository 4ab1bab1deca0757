"""The command `course`. Each sub-command imports its room when it runs, so that help is there at once."""

import argparse
import os
import sys
from pathlib import Path

from course.errors import CourseError


def main(argv: list[str] | None = None) -> int:
    """Run one sub-command; a CourseError is one line on stderr and its exit code, never a traceback."""
    options = _parser().parse_args(argv)
    try:
        return options.run(options)
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("course."):
            raise
        print("course: this command needs the teachers' copy of the course; this is a student's", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ncourse: stopped; what was done is kept, run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="course", description="Attention and transformers: grade, check, release.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    grade = command("grade", _grade, "grade submissions: gradebook, feedback, class report")
    grade.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default: all that were handed in")
    grade.add_argument("--submitted", type=Path, metavar="DIR", help="default: submitted/ in the course's root")
    grade.add_argument("--out", type=Path, metavar="DIR", help="default: the course's root")
    grade.add_argument("--jobs", type=_positive, metavar="N", help="judges at a time; default: one a core")
    grade.add_argument("--student", nargs="+", action="extend", default=[], metavar="ID", help="only these students")
    grade.add_argument("--force", action="store_true", help="grade unchanged submissions again, too")
    grade.add_argument("--no-feedback", action="store_true", help="write no feedback pages")

    grade.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="where answers may run; default: cpu")
    grade.add_argument("--scheduler", metavar="ADDRESS", default="", help="a Dask cluster's, such as tcp://host:8786")
    grade.add_argument(
        "--unsandboxed", action="store_true", help="run answers as your own user, where there can be no sandbox"
    )

    check = command("check", _check, "run a notebook's visible tests and show what is missing")
    check.add_argument("notebook", type=Path)
    check.add_argument("--junit", type=Path, metavar="FILE", help="also write the results as JUnit XML")

    validate = command(
        "validate",
        _validate,
        "hold a notebook's marked outputs to the reference's; gives no points. Runs its code here, without a sandbox",
    )
    validate.add_argument("notebook", type=Path)

    release = command("release", _release, "generate assignments/ from solutions/")
    release.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default: all")
    release.add_argument("--check", action="store_true", help="write nothing; fail if assignments/ is out of date")

    student = command("student-release", _student_release, "build the folder that students get")
    student.add_argument("destination", type=Path)

    command("doctor", _doctor, "say what this computer has, and what to do about what it lacks")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def course_root(start: Path | None = None) -> Path:
    """The folder that holds nbgrader_config.py, here or above."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "nbgrader_config.py").is_file():
            return folder
    raise CourseError(f"no nbgrader_config.py in {here} or above it: run this inside the course's folder")


def _grade(options: argparse.Namespace) -> int:
    root = course_root()
    from course.grading.run import Options, default_jobs, grade

    if options.unsandboxed:
        print("grading without a sandbox: the answers run as you, and can do what you can", file=sys.stderr)
    return grade(
        Options(
            root=root,
            submitted=options.submitted or root / "submitted",
            out=options.out or root,
            assignments=tuple(options.assignments),
            students=tuple(options.student),
            jobs=options.jobs or default_jobs(),
            force=options.force,
            feedback=not options.no_feedback,
            sandboxed=not options.unsandboxed,
            device=options.device,
            scheduler=options.scheduler,
        )
    )


def _check(options: argparse.Namespace) -> int:
    from course.grading.selfcheck import format_table, self_check

    result = self_check(options.notebook, options.junit)
    print(format_table(result))
    return int(result.failed)


def _validate(options: argparse.Namespace) -> int:
    from course.grading.validate import format_rows, validate

    rows = validate(options.notebook, course_root())
    print(format_rows(rows))
    return int(any(row.failed for row in rows))


def _release(options: argparse.Namespace) -> int:
    from course.grading.release import release

    for folder in release(course_root(), options.assignments or None, check_only=options.check):
        print(f"{'up to date' if options.check else 'released'}: {folder}")
    return 0


def _student_release(options: argparse.Namespace) -> int:
    from course.grading.student_release import student_release

    student_release(course_root(), options.destination)
    print(f"students get: {options.destination}")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from course.grading.doctor import doctor, exit_code, format_lines

    try:
        from course.grading.sandbox_doctor import check_sandbox
    except ModuleNotFoundError:  # a student's copy has no grader
        lines = doctor()
    else:
        lines = doctor(sandbox=check_sandbox())
    print(format_lines(lines))
    return exit_code(lines)


if __name__ == "__main__":
    sys.exit(main())
