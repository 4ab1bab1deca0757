"""`python -m course.slides OUT`: write every lecture as slides, and OUT/index.html, which lists them.

Lectures are shown as they are stored: nothing is run.
"""

import argparse
import sys
from pathlib import Path

from course.errors import CourseError
from course.slides.assets import copy_assets, fetch
from course.slides.contents import write_contents
from course.slides.deck import write_deck


def build(lectures: Path, cache: Path, out: Path, home: str = "") -> Path:
    """Write the slides of all notebooks in `lectures`, with what they load, and return the path of the list.

    Args:
        cache: where npm's packages are, or are put if they aren't there yet.
        home: where the list leads back to, seen from `out`; nowhere if empty.

    Raises:
        CourseError: no lecture, no npm, a lecture that would load something from elsewhere.
    """
    notebooks = sorted(lectures.glob("*.ipynb"))
    if not notebooks:
        raise CourseError(f"No lectures in {lectures}/: run this in the course's folder, or name theirs by --lectures.")
    modules = fetch(cache)
    out.mkdir(parents=True, exist_ok=True)
    copy_assets(modules, out / "assets")
    return write_contents(out, [write_deck(path, out) for path in notebooks], home)


def main(arguments: list[str] | None = None) -> int:
    """Build, and say where to look; 0, or the exit code of what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m course.slides", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--lectures", type=Path, default=Path("lectures"), help="folder of the notebooks")
    parser.add_argument(
        "--assets", type=Path, default=Path("build/slides-assets"), help="where npm's packages are kept"
    )
    options = parser.parse_args(arguments)
    try:
        contents = build(options.lectures, options.assets, options.out)
    except CourseError as error:
        print(f"slides: {error}", file=sys.stderr)
        return error.exit_code
    print(f"Open the slides in a browser:  {contents.resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
