"""A small lecture with one of each, and its slides; and a browser that is offline."""

import base64
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from playwright.sync_api import Browser, Page, Route, sync_playwright

from course.slides.__main__ import build
from course.slides.assets import NEEDED, PACKAGE
from course.slides.stills import WIDGET
from tests.browser.lab import FLAGS, browser_path
from tests.support.cells import code, markdown, picture

ROOT = Path(__file__).parents[2]

SENTENCE = 'Softmax: at temperature 1 the "largest" weight is < 0.7.'
ANSWER = "Because the variance of $q^\\top k$ is $d_k$."

LONG_CODE = ["def f():", *[f"    x = '{'y' * 66}'"] * 25]  # fits beside its picture only, 76 characters wide


def lecture() -> NotebookNode:
    """What lectures are made of: set-up, sections, notes, a fragment, code, pictures, widgets, folded answers."""
    view = {WIDGET: {"model_id": "abc", "version_major": 2, "version_minor": 0}}
    links = (
        "[the lecture](02-attention.ipynb#Why-√d?), [the exercise](../assignments/a.ipynb), [paper](https://a.org/b)"
    )
    cells = [
        code("skip", "import set_up"),
        markdown("slide", "# 01 · Sequences & more\n\nA lecture of 75 minutes. See [scores](#Scores-by-√d)."),
        markdown("notes", "Greet **everybody**, and say why $x<y$."),
        markdown("slide", f"## Scores by √d\n\n{links}\n\n$$\\alpha = \\frac{{x}}{{y}}$$"),
        markdown("fragment", "| | a |\n| --- | --- |\n| b | c |"),
        markdown("notes", "Notes of the fragment"),
        code(
            "subslide", f"# NBVAL_CHECK_OUTPUT\nx = 1  # {'x' * 67}", {"image/png": picture(), "text/plain": "<Figure>"}
        ),
        markdown("slide", f"## Question\n\n<details><summary>Answer</summary>\n\n{ANSWER}\n\n</details>"),
        code("subslide", "explore()", view | {"image/png": picture(), "text/plain": SENTENCE}),
        code("subslide", "\n".join(LONG_CODE), {"image/png": picture(), "text/plain": "<Figure>"}),
        markdown(
            "slide", "## Question\n\n## Question 2\n\n![a drawing](pictures/drawing.png)\n\n```mermaid\ngraph\n```"
        ),
        code("-", "slider()", view | {"text/plain": "IntSlider(value=0)"}),
        code("subslide", "for i in range(60): print(i)", {"text/plain": "\n".join(map(str, range(60)))}),
    ]
    metadata = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"abc": {}}}}}
    return new_notebook(cells=cells, metadata=metadata)


@pytest.fixture(scope="module")
def lectures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lectures")
    (folder / "pictures").mkdir()
    (folder / "pictures" / "drawing.png").write_bytes(base64.b64decode(picture()))
    nbformat.write(lecture(), folder / "01-sequences.ipynb")
    nbformat.write(new_notebook(cells=[markdown("slide", "# 02 · Attention")]), folder / "02-attention.ipynb")
    return folder


def put_packages(cache: Path) -> None:
    """What npm leaves behind, with nothing in it."""
    for name in NEEDED:
        file = cache / "node_modules" / name
        file = file if file.suffix or file.name == "LICENSE" else file / "a.woff"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    shutil.copyfile(PACKAGE, cache / ".installed")


@pytest.fixture(scope="module")
def out(lectures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The slides of the small lecture, made where there is no npm."""
    cache, out = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("out") / "slides"
    put_packages(cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        build(lectures, cache, out)
    return out


@pytest.fixture(scope="module")
def html(out: Path) -> str:
    return (out / "01-sequences.slides.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sections(html: str) -> list[str]:
    """The slides, one after another."""
    return re.findall(r"<section[^>]*>((?:(?!<section).)*?)</section>", html, re.DOTALL)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that may open files only; what else it asked for is in `page.foreign`."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.foreign = []

    def only_files(route: Route) -> None:
        if route.request.url.startswith(("file:", "data:", "blob:")):
            route.continue_()
        else:
            page.foreign.append(route.request.url)
            route.abort()

    context.route("**/*", only_files)
    yield page
    assert page.foreign == []
    context.close()


@pytest.fixture(scope="module")
def real(lectures: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of slides with the real reveal.js and MathJax, which npm fetches once."""
    out = tmp_path_factory.mktemp("real")
    build(lectures, ROOT / "build" / "slides-assets", out)
    return out.as_uri()
