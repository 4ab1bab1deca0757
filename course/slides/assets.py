"""What the slides load in the browser: reveal.js and MathJax from npm, and the course's own style and script.

npm is asked once; afterwards its packages lie in a folder, and no network is needed.
"""

import shutil
import subprocess
from pathlib import Path

from course.errors import CourseError

HERE = Path(__file__).parent
PACKAGE = HERE / "package.json"
NPM = ("npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
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
    """Have npm install the pinned packages in `cache`, unless they are there, and return their folder.

    Raises:
        CourseError (exit code 1): npm is missing, or fails.
    """
    modules, stamp = cache / "node_modules", cache / "package.json"
    if is_complete(modules) and stamp.exists() and stamp.read_bytes() == PACKAGE.read_bytes():
        return modules
    npm = shutil.which("npm")
    if npm is None:
        raise CourseError("npm is missing, which fetches reveal.js and MathJax once: install Node.js (nodejs.org).", 1)
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PACKAGE, stamp)
    done = subprocess.run([npm, *NPM[1:]], cwd=cache, capture_output=True, text=True)
    if done.returncode or not is_complete(modules):
        stamp.unlink()
        raise CourseError(
            f"npm could not fetch reveal.js and MathJax ({last_word(done.stderr)}); is there a network?", 1
        )
    return modules


def is_complete(modules: Path) -> bool:
    return all((modules / name).exists() for name in NEEDED)


def last_word(log: str) -> str:
    """The line of npm's log that says what happened: the first that isn't a bare code."""
    lines = [line.removeprefix("npm error ").strip() for line in log.splitlines() if line.startswith("npm error ")]
    telling = [line for line in lines if " " in line and not line.startswith(("code ", "errno ", "A complete log"))]
    return (telling or lines or ["no reason given"])[0]


def copy_assets(modules: Path, out: Path) -> None:
    """Copy what a slide loads to `out`, in place of what was there."""
    shutil.rmtree(out, ignore_errors=True)
    for name in NEEDED:
        source, target = modules / name, out / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    for source in (HERE / "static").iterdir():
        shutil.copyfile(source, out / source.name)
