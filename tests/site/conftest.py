"""A small course with one of each, its site, and a browser that reaches this machine only."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, sync_playwright

from course.addresses import INSTALL_ID
from course.site import __main__ as site
from course.slides.stills import WIDGET
from tests.browser.lab import page_of
from tests.support.cells import code, markdown, picture

ROOT = Path(__file__).parents[2]
ASSETS = ROOT / "build" / "slides-assets"  # npm is asked once, for slides and site

SENTENCE = 'At temperature 1 the "largest" weight is < 0.7: étudiante.'
FRONT = """# A small course

See [the lecture](lectures/01-attention.ipynb#Soft-weights,-by-√d), [below](#if-you-teach), the [licence](LICENSE) and
the [settings](pyproject.toml). Start with [docs/student.md](docs/student.md#first-things) or with
[docs/zebra.md](docs/zebra.md).

## If you teach

| | points |
| --- | --- |
| [exercises](assignments/01-attention/attention.ipynb) | 90 |
"""
GUIDE = """# A guide for students

[Front](../README.md), [soft weights](../lectures/01-attention.ipynb#Soft-weights,-by-√d).

## First things
"""
UNFORESEEN = f"""# A guide that nobody foresaw

{"Prose is read back and forth, and a long line loses who reads it. " * 6}

| what | asked by |
| --- | --- |
| {"Long words stand here. " * 20} | `multiplied by the temperature` |
"""
LONG_LINE = f"assert close(a, b), '{'m' * 89}'"  # 110 characters, as in the assignments
WIDE_PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="90"><circle r="40" cx="45" cy="45"/></svg>'


def lecture() -> NotebookNode:
    """Set-up, notes, a formula, pictures, a widget, a folded answer, a name to search for."""
    view = {WIDGET: {"model_id": "abc", "version_major": 2, "version_minor": 0}}
    cells = [
        markdown(
            "slide",
            f"# 01 · Attention\n\nAfter Bahdanau. See [weights](#Soft-weights,-by-√d), `{'_'.join(['longer'] * 12)}`.",
        ),
        code("skip", "import set_up"),
        new_code_cell("install_me", id=INSTALL_ID),
        markdown("notes", "**Speaker notes.** Greet everybody."),
        markdown("slide", "## Soft weights, by √d\n\n$$\\alpha_j = \\frac{e^{z_j}}{\\sum_i e^{z_i}}$$"),
        code("-", "# NBVAL_CHECK_OUTPUT\ndraw()", {"image/png": picture(), "text/plain": "<Figure>"}),
        code("-", "explore()", view | {"image/png": picture(), "text/plain": SENTENCE}),
        code("-", "slider()", view | {"text/plain": "IntSlider(value=0)"}),
        code("-", "draw_wide()", {"image/svg+xml": WIDE_PICTURE, "text/plain": "<Figure>"}),
        markdown("-", "<details><summary>Answer</summary>\n\nBecause $q^\\top k$ has variance $d_k$.\n\n</details>"),
    ]
    state = {"application/vnd.jupyter.widget-state+json": {"state": {"abc": {}}}}
    return new_notebook(cells=cells, metadata={"widgets": state, "language_info": {"name": "python"}})


def assignment() -> NotebookNode:
    cells = [markdown("-", "# Assignment 01 · Attention"), code("-", LONG_LINE)]
    return new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})


def write_course(root: Path) -> None:
    """A course's folder with what is public, and with what is not."""
    texts = {
        "README.md": FRONT,
        "LICENSE": "Do what you like.",
        "LICENSE-PROSE": "Read what you like.",
        "pyproject.toml": "# the one list of dependencies\n",
        "docs/student.md": GUIDE,
        "docs/zebra.md": UNFORESEEN,
        "solutions/01-attention/attention.ipynb": "SECRET",
        "solutions/notes.txt": "SECRET",
        "tests/test_a.py": "SECRET",
        "course/given/a01.py": "SECRET",
        "course.toml": "",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for name, nb in {
        "lectures/01-attention.ipynb": lecture(),
        "assignments/01-attention/attention.ipynb": assignment(),
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(nb, root / name)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small course's site, with two modules in its reference."""
    root, out = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("out") / "site"
    write_course(root)
    site.build(root, ASSETS, out, {"device": "where tensors live", "check.tolerance": "how far"})
    return out


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def served(folder: Path) -> Iterator[str]:
    """The address of a plain web server on `folder`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def address(small: Path) -> Iterator[str]:
    yield from served(small)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with (
        sync_playwright() as playwright,
        TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        page_of(playwright, Path(profile)) as page,
    ):
        yield page
