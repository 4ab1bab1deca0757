"""The command `course`. Each sub-command imports its room when it runs, so that help is there at once."""

import argparse
import os
import sys
from pathlib import Path

from course.errors import CourseError

TEACHERS_ONLY = "this command needs the teachers' copy of the course; this is a student's"


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
        print(f"course: {TEACHERS_ONLY}", file=sys.stderr)
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
    grade.add_argument(
        *("--exercise", "-e"),
        nargs="+",
        action="extend",
        default=[],
        metavar="ID",
        help="judge these exercises again in every submission, such as A1.5, and of the others what changed",
    )
    grade.add_argument("--force", action="store_true", help="grade unchanged submissions again, too")
    grade.add_argument("--no-feedback", action="store_true", help="write no feedback pages")

    grade.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="where answers may run; default: cpu")
    grade.add_argument("--scheduler", metavar="ADDRESS", default="", help="a Dask cluster's, such as tcp://host:8786")
    grade.add_argument(
        "--unsandboxed", action="store_true", help="run answers as your own user, where there can be no sandbox"
    )

    extend = command("extend", _extend, "give one student more time; without a name, show who has it")
    extend.add_argument("student", nargs="?", default="", metavar="STUDENT")
    extend.add_argument("assignment", nargs="?", default="", metavar="ASSIGNMENT")
    what = extend.add_mutually_exclusive_group()
    what.add_argument("--until", metavar="TIME", default="", help="such as 2026-10-26T23:59+02:00")
    what.add_argument("--days", type=float, metavar="N", help="so many times 24 hours after the due date")
    what.add_argument("--remove", action="store_true", help="take the extension back")
    extend.add_argument("--submitted", type=Path, metavar="DIR", help="default: submitted/ in the course's root")
    extend.add_argument("--out", type=Path, metavar="DIR", help="where the gradebook is; default: the course's root")

    collect = command("collect", _collect, "fetch submissions from nbgrader's exchange, each attempt of a student")
    collect.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default: all")

    check = command("check", _check, "run a notebook's visible tests and show what is missing")
    check.add_argument("notebook", type=Path)
    check.add_argument("--junit", type=Path, metavar="FILE", help="also write the results as JUnit XML")

    validate = command(
        "validate",
        _validate,
        "hold a notebook's marked outputs to the reference's; gives no points. Runs its code here, without a sandbox",
    )
    validate.add_argument("notebook", type=Path)

    ci = command("ci", _ci, "check and validate what changed: a table, JUnit XML, and annotations on GitHub")
    ci.add_argument("--since", metavar="COMMIT", help="default: where the push began, or all notebooks")
    ci.add_argument("--out", type=Path, metavar="DIR", help="default: ci-results/ in the course's folder")

    alike = command("similarity", _similarity, "which answers are alike beyond what all were given, side by side")
    alike.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default: all that were handed in")
    alike.add_argument("--submitted", type=Path, metavar="DIR", help="default: submitted/ in the course's root")
    alike.add_argument("--out", type=Path, metavar="DIR", help="default: the course's root")
    alike.add_argument("--student", nargs="+", action="extend", default=[], metavar="ID", help="only their pairs")

    release = command("release", _release, "generate assignments/ from solutions/")
    release.add_argument("assignments", nargs="*", metavar="ASSIGNMENT", help="default: all")
    release.add_argument("--check", action="store_true", help="write nothing; fail if assignments/ is out of date")

    student = command("student-release", _student_release, "build the folder that students get")
    student.add_argument("destination", type=Path)

    address = command("address", _address, "write where the public repository is into course.toml and every notebook")
    address.add_argument("url", nargs="?", metavar="URL", help='such as https://HOST/OWNER/NAME; "" for none')

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
    if any((folder / ".student-release").is_dir() for folder in (here, *here.parents)):
        raise CourseError(TEACHERS_ONLY)
    raise CourseError(f"no nbgrader_config.py in {here} or above it: run this inside the course's folder")


def _assignments(options: argparse.Namespace, root: Path, *lists: list[str]) -> tuple[str, ...]:
    """The assignments that were named, also behind an option whose list takes all that follows, such as --student."""
    known, found = {path.parent.name for path in root.glob("solutions/*/*.ipynb")}, list(options.assignments)
    for words in lists:
        taken = [word for word in words if word in known]
        if taken and len(taken) == len(words):
            raise CourseError(f"{taken[0]} is an assignment: name a student or an exercise behind the option")
        found += taken
        words[:] = [word for word in words if word not in known]
    return tuple(dict.fromkeys(found))


def _grade(options: argparse.Namespace) -> int:
    root = course_root()
    from course.grading.run import Options, default_jobs, grade

    assignments = _assignments(options, root, options.student, options.exercise)
    if options.unsandboxed:
        print("grading without a sandbox: the answers run as you, and can do what you can", file=sys.stderr)
    return grade(
        Options(
            root=root,
            submitted=options.submitted or root / "submitted",
            out=options.out or root,
            assignments=assignments,
            students=tuple(options.student),
            exercises=tuple(map(str.upper, options.exercise)),
            jobs=options.jobs or default_jobs(),
            force=options.force,
            feedback=not options.no_feedback,
            sandboxed=not options.unsandboxed,
            device=options.device,
            scheduler=options.scheduler,
        )
    )


def _extend(options: argparse.Namespace) -> int:
    root = course_root()
    from course.grading.extensions import Register

    register = Register(root, options.submitted or root / "submitted", options.out or root)
    changes = options.until or options.days is not None or options.remove
    if changes and not options.assignment:
        raise CourseError("name a student and an assignment: course extend STUDENT ASSIGNMENT --days 7")
    if options.remove:
        print(register.remove(options.student, options.assignment))
    elif changes:
        print(register.give(options.student, options.assignment, options.until or options.days))
    else:
        print("\n".join(register.lines(options.student, options.assignment)))
    return 0


def _collect(options: argparse.Namespace) -> int:
    root = course_root()
    from course.grading.submissions import find_assignments

    paths = find_assignments(root, options.assignments)
    from course.grading.nbgrader_plugins import collect

    for path in paths:
        print(collect(root, path.parent.name), end="")
    return 0


def _check(options: argparse.Namespace) -> int:
    from course.grading.selfcheck import format_table, self_check

    result = self_check(options.notebook, options.junit)
    print(format_table(result))
    return int(result.failed)


def _validate(options: argparse.Namespace) -> int:
    from course.grading.outputs import release_around
    from course.grading.validate import format_rows, validate

    rows = validate(options.notebook, release_around(options.notebook, Path.cwd()) or course_root())
    print(format_rows(rows))
    return int(any(row.failed for row in rows))


def _ci(options: argparse.Namespace) -> int:
    from course.ci.run import Options, ci
    from course.grading.outputs import release_around

    root = release_around(Path.cwd()) or course_root()
    return ci(Options(root=root, out=options.out or root / "ci-results", since=options.since))


def _similarity(options: argparse.Namespace) -> int:
    from course.similarity.pairs import compare
    from course.similarity.report import similarity_table, write_similarity

    root = course_root()
    assignments = _assignments(options, root, options.student)
    compared = compare(root, options.submitted or root / "submitted", assignments, options.student)
    print(similarity_table(compared))
    print(f"side by side: {write_similarity(options.out or root, compared)}")
    return 0


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


def _address(options: argparse.Namespace) -> int:
    from course.addresses import put_address

    changed = put_address(course_root(), options.url)
    print("\n".join(f"written: {path}" for path in changed) or "all says so already")
    if changed:
        print("next: `course release`, so that assignments/ says so, too")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from course.grading.doctor import doctor, exit_code, format_lines

    try:
        from course.grading.sandbox_doctor import check_sandbox
    except ModuleNotFoundError:  # a student's copy has no grader
        from course.ci.fence import check_fence

        lines = doctor(sandbox=[check_fence()])
    else:
        lines = doctor(sandbox=check_sandbox())
    print(format_lines(lines))
    return exit_code(lines)


if __name__ == "__main__":
    sys.exit(main())
