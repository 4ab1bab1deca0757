"""`python -m tests.sample_class OUT`: write the sample class under OUT, with its due date in OUT/gradebook.db."""

import shutil
import sys
from pathlib import Path

from nbgrader.utils import parse_utc

from course.grading.gradebook import open_gradebook
from tests.sample_class import DUE, assignments, write_class


def main(out: Path) -> None:
    shutil.rmtree(out / "submitted", ignore_errors=True)
    for assignment in assignments():
        submitted = write_class(out, assignment)
        with open_gradebook(out / "gradebook.db") as gradebook:
            gradebook.update_or_create_assignment(assignment, duedate=parse_utc(DUE))
        print(f"{assignment}: {len(list(submitted.glob('*/' + assignment)))} submissions in {submitted}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
