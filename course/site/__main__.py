"""`python -m course.site OUT`: write the course's website, which needs no network, to the folder OUT.

Notebooks are shown as they are stored: nothing is run.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from course import npm
from course.errors import CourseError
from course.settings import read_settings
from course.site.decks import FOLDER
from course.site.links import faults
from course.site.reference import ROOMS, write_reference
from course.site.sources import gather
from course.slides.__main__ import build as build_slides
from course.slides.assets import fetch

HERE = Path(__file__).parent
MATHJAX = ("mathjax/es5/tex-svg.js", "mathjax/LICENSE")
MARK = ".buildinfo"  # Sphinx leaves it in what it made
HOSTS = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucket"}


def build(root: Path, cache: Path, out: Path, rooms: Mapping[str, str] = ROOMS) -> Path:
    """Write the site of the course in `root`, and return the path of its first page.

    Args:
        root: the course's folder.
        cache: where npm's packages are, or are put if they aren't there yet.
        out: a folder that is new, empty, or holds a site, which is replaced.
        rooms: of the library, those that the reference shows.

    Raises:
        CourseError: `out` holds something else; a page has a fault, each of which was named; no npm.
    """
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise CourseError(f"{out} holds something that is no site: name a new folder.")
    modules = fetch(cache)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        gather(root, work / "source")
        write_reference(work / "source" / "reference", rooms)
        npm.copy(modules, MATHJAX, work / "static")
        wrong = write_pages(work, read_settings(root).address)
        print("slides …", flush=True)
        build_slides(root / "lectures", cache, work / "html" / FOLDER, home="../index.html")
        shutil.rmtree(out, ignore_errors=True)
        shutil.move(work / "html", out)
    found = faults(out)
    for fault in found:
        print(fault, file=sys.stderr)
    if wrong or found:
        raise CourseError(f"the pages have the faults that are named above; what was made is in {out}", 1)
    return out / "index.html"


def write_pages(work: Path, address: str) -> int:
    """Have Sphinx write work/html of work/source and what is static; 0 where it had nothing to warn of."""
    overrides = {f"html_theme_options.{name}": value for name, value in repository(address).items()}
    overrides |= {"course_address": address, "html_static_path": [str(HERE / "static"), str(work / "static")]}
    with patch_docutils(HERE), docutils_namespace():  # so that a second site can be made in this process
        app = Sphinx(
            work / "source",
            HERE,
            work / "html",
            work / "doctrees",
            "html",
            confoverrides=overrides,
            warningiserror=True,
            parallel=os.cpu_count() or 1,
        )
        app.build()
    return app.statuscode


def repository(address: str) -> dict[str, Any]:
    """The theme's options for a button that leads to the public repository; none while there is no address."""
    provider = HOSTS.get(urlsplit(address).hostname or "")
    if not provider:
        return {}
    return {"repository_url": address, "repository_provider": provider, "use_repository_button": True}


def main(arguments: list[str] | None = None) -> int:
    """Build, and say where to look; 0, or the exit code of what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m course.site", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--course", type=Path, default=Path(), help="the course's folder")
    parser.add_argument(
        "--assets", type=Path, default=Path("build/slides-assets"), help="where npm's packages are kept"
    )
    options = parser.parse_args(arguments)
    begin = time.monotonic()
    try:
        first = build(options.course, options.assets, options.out)
    except CourseError as error:
        print(f"site: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{time.monotonic() - begin:.0f} s. Open the site in a browser:  {first.resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
