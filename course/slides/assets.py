"""What the slides load in the browser: reveal.js and MathJax from npm, and the course's own style and script."""

import shutil
from pathlib import Path

from course import npm

HERE = Path(__file__).parent
PACKAGE = HERE / "package.json"
# From npm's packages, what a slide loads: 4 MB of 30.
NEEDED = (
    "reveal.js/dist/reveal.css",
    "reveal.js/dist/reveal.js",
    "reveal.js/dist/theme/white.css",
    "reveal.js/dist/theme/fonts/source-sans-pro",
    "reveal.js/plugin/notes/notes.js",
    "reveal.js/LICENSE",
    "mathjax/es5/tex-svg.js",
    "mathjax/LICENSE",
)


def fetch(cache: Path) -> Path:
    """The folder of npm's packages. CourseError (exit code 1): npm is missing, or fails."""
    return npm.fetch(PACKAGE, NEEDED, cache, "reveal.js and MathJax")


def copy_assets(modules: Path, out: Path) -> None:
    """Copy what a slide loads to `out`, in place of what was there."""
    npm.copy(modules, NEEDED, out)
    for source in (HERE / "static").iterdir():
        shutil.copyfile(source, out / source.name)
