"""The course's own site: built once, read whole, and opened in a browser that is offline."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from playwright.sync_api import Page

from course.grading.leaks import hidden_test_lines, leaked, leaked_passage, secret_lines, text_of
from course.grading.notebook import read_notebook
from course.site.links import faults
from course.slides.stills import WIDGET
from tests.site.conftest import ASSETS, ROOT, served
from tests.site.looking import open_page, raw_tex, violations

pytestmark = pytest.mark.nightly

LECTURES = sorted(ROOT.glob("lectures/*.ipynb"))
NOTEBOOKS = [*LECTURES, *sorted(ROOT.glob("assignments/*/*.ipynb"))]
GUIDES = sorted(ROOT.glob("docs/*.md"))
PAGES = [str(path.relative_to(ROOT).with_suffix(".html")) for path in [*NOTEBOOKS, *GUIDES]] + [
    "index.html",
    "CREDITS.html",
    "licences.html",
    "search.html",
    "genindex.html",
    "reference/index.html",
    "reference/check.html",
    "reference/models.attention.html",
    "reference/data.sentiment.html",
    "_modules/course/models/attention.html",
]
EACH_KIND = [
    "index.html",
    "lectures/02-attention.html",
    "assignments/01-attention/attention.html",
    "docs/results.html",
    "docs/grader.html",
    "search.html?q=Bahdanau",
    "reference/models.attention.html",
    "_modules/course/models/attention.html",
]
LARGEST = 60e6  # bytes


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the command, as `make site` does: with any warning it fails."""
    out = tmp_path_factory.mktemp("whole") / "site"
    command = [sys.executable, "-m", "course.site", str(out), "--assets", str(ASSETS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


@pytest.fixture(scope="module")
def whole_address(whole: Path) -> Iterator[str]:
    yield from served(whole)


def shown(path: Path) -> str:
    """What a file of the site says, line by line."""
    if path.suffix == ".ipynb":
        return text_of(read_notebook(path))
    text = path.read_text(encoding="utf-8")
    return unescape(re.sub(r"<[^>]*>", "", text)) if path.suffix == ".html" else text


def test_every_link_of_every_page_leads_somewhere(whole: Path):
    assert len(list(whole.rglob("*.html"))) > 200
    assert faults(whole) == []


def test_the_site_is_no_larger_than_need_be(whole: Path):
    assert sum(path.stat().st_size for path in whole.rglob("*") if path.is_file()) < LARGEST


def test_no_answer_and_no_hidden_test_can_be_read(whole: Path):
    """An assignment shows no line of an answer. Elsewhere one may stand by chance, but not three in a row.

    The textbook shares lines with answers, as in what students get, and none with hidden tests.
    """
    sources = [read_notebook(path) for path in ROOT.glob("solutions/*/*.ipynb")]
    secret, hidden = secret_lines(sources), hidden_test_lines(sources)
    assert secret and hidden
    found = {}
    for path in whole.rglob("*"):
        if path.suffix not in {".html", ".ipynb", ".md", ".rst"} or not path.is_file():
            continue
        forbidden = hidden if "models" in str(path.relative_to(whole)) else secret
        if passage := (leaked if "assignments" in path.parts else leaked_passage)(shown(path), forbidden):
            found[str(path.relative_to(whole))] = passage[:3]
    assert found == {}
    assert [path for path in whole.rglob("*") if re.search(r"\bgiven\b|a0[1-6]_", path.name)] == []


@pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
def test_each_widget_of_a_lecture_is_a_picture_with_a_line(whole: Path, path: Path):
    cells = [cell for cell in read_notebook(path).cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs if WIDGET in output.get("data", {})]
    html = (whole / "lectures" / f"{path.stem}.html").read_text(encoding="utf-8")
    assert len(outputs) > 2
    assert html.count('class="live"') == len(outputs)
    shown = {unescape(alt) for alt in re.findall(r'<img alt="([^"]*)"', html)}
    assert {"".join(output.data["text/plain"]) for output in outputs} <= shown


@pytest.mark.parametrize("name", PAGES)
def test_a_page_needs_no_network_and_fits_a_phone(page: Page, whole_address: str, name: str):
    page.foreign.clear()
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, f"{whole_address}/{name}")
    assert raw_tex(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.foreign == []


@pytest.mark.parametrize("name", EACH_KIND)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_of_each_kind_can_be_read_by_all(page: Page, whole_address: str, name: str, scheme: str):
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.emulate_media(color_scheme=scheme)
    open_page(page, f"{whole_address}/{name}")
    assert violations(page) == []


def test_search_finds_bahdanau(page: Page, whole_address: str):
    page.goto(f"{whole_address}/search.html?q=Bahdanau")
    page.locator(".search li a", has_text="02 · Attention").wait_for(timeout=20_000)
