"""Slides show a stored lecture to people without a kernel and without a network."""

import json
import re
from copy import deepcopy
from html import unescape
from pathlib import Path

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbformat.v4 import new_notebook
from playwright.sync_api import Page

from course.errors import CourseError
from course.slides.__main__ import build, main
from course.slides.assets import NEEDED, PACKAGE, fetch
from course.slides.contents import write_contents
from course.slides.stills import stills
from tests.slides.conftest import ANSWER, SENTENCE, lecture, markdown, put_packages

LOADS = re.compile(
    r"""<(?!a\b)\w[^>]*?\b(?:src|srcset|href|data)="(?:https?:)?//      # a tag that isn't a link to click
    | \b(?:import|from)\b[\s(]*['"](?:https?:)?//                      # a script
    | url\(\s*['"]?(?:https?:)?//                                      # a style
    """,
    re.VERBOSE,
)

# --- the page


def alts(text: str) -> list[str]:
    return [unescape(alt) for _, alt in re.findall(r"""<img\s[^>]*?alt=(["'])(.*?)\1""", text)]


def test_notes_are_for_the_speaker(sections: list[str]):
    assert re.search(r'<aside class="notes">.*<strong>everybody</strong>.*\$x&lt;y\$.*</aside>', sections[0], re.DOTALL)
    assert "Notes of the fragment" in sections[1].partition('<aside class="notes">')[2]


def test_nothing_is_loaded_from_elsewhere(out: Path):
    pages = list(out.rglob("*.html"))
    assert len(pages) == 3
    for page in [*pages, *(path for path in (out / "assets").iterdir() if path.is_file())]:
        assert not LOADS.search(page.read_text(encoding="utf-8")), page.name


def test_what_a_page_loads_is_there(out: Path, html: str):
    loaded = re.findall(r'(?:src|href)="(assets/[^"]+)"', html)
    assert len(loaded) == 9
    assert [name for name in loaded if not (out / name).exists()] == []


def test_the_page_says_what_it_is(html: str):
    assert '<html lang="en">' in html
    assert "<title>01 · Sequences &amp; more</title>" in html


def test_set_up_is_not_shown(html: str):
    assert "set_up" not in html
    assert "set_up" not in str(stills(lecture()))


def test_marks_for_nbval_are_not_shown(html: str):
    assert "NBVAL" not in html


def test_a_widget_is_shown_as_its_picture(sections: list[str]):
    slide = next(text for text in sections if "explore" in text)
    assert alts(slide) == [SENTENCE]
    assert re.search(r"<figcaption>Softmax: at temperature 1 .*</figcaption>", slide)
    assert "Live in JupyterLab: <code>make lab</code>" in slide


def test_a_widget_without_a_picture_is_named_as_live(sections: list[str]):
    slide = next(text for text in sections if "slider" in text)
    assert "Live in JupyterLab" in slide
    assert "IntSlider(" not in slide


def test_no_widget_is_left(html: str):
    assert "jupyter.widget" not in html


def test_other_pictures_are_named_by_their_heading(sections: list[str]):
    slide = next(text for text in sections if "xxxx" in text)
    assert alts(slide) == ["Figure: Scores by √d"]


def test_pictures_in_text_are_in_the_page(sections: list[str]):
    assert '<img alt="a drawing" src="data:image/png;base64,' in sections[-2]


def test_a_folded_answer_holds_its_text(html: str):
    assert re.search(rf"<details>\s*<summary>Answer</summary>.*{re.escape(ANSWER)}.*</details>", html, re.DOTALL)


def test_ids_are_unique_and_found_by_links(html: str):
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    assert {"Scores-by-√d", "Question", "Question-2", "Question-2-2"} <= set(ids)


def test_links_lead_to_slides_or_are_text(sections: list[str]):
    assert '<a href="#Scores-by-%E2%88%9Ad">scores</a>' in sections[0]
    assert re.search(r'<a href="02-attention\.slides\.html#Why-%E2%88%9Ad[^"]*">the lecture</a>', sections[1])
    assert re.search(r"</a>, the exercise, <a", sections[1])
    assert '<a href="https://a.org/b">paper</a>' in sections[1]


def test_an_empty_corner_of_a_table_is_no_header(sections: list[str]):
    assert "<td></td>" in sections[1]
    assert "<th></th>" not in sections[1]


def test_the_list_names_title_and_minutes(out: Path):
    text = (out / "index.html").read_text(encoding="utf-8")
    assert '<a href="01-sequences.slides.html">01 · Sequences &amp; more</a>\n<span>75 minutes</span>' in text
    assert '<a href="02-attention.slides.html">02 · Attention</a>' in text
    assert text.count("minutes") == 1


def test_the_list_leads_back_where_it_is_part_of_a_site(out: Path, tmp_path: Path):
    assert "The course</a>" not in (out / "index.html").read_text(encoding="utf-8")
    listed = write_contents(tmp_path, [], home="../index.html").read_text(encoding="utf-8")
    assert '<a href="../index.html">← The course</a>' in listed


def test_the_stored_lecture_stays_as_it_is():
    nb = lecture()
    before = deepcopy(nb)
    stills(nb)
    assert nb == before


@pytest.mark.parametrize(
    "text", ["![a](https://a.org/b.png)", "<script>import('https://a.org/b.js')</script>", "![a](no.png)"]
)
def test_what_would_need_the_network_is_refused_by_name(tmp_path: Path, text: str):
    put_packages(tmp_path / "cache")
    nbformat.write(new_notebook(cells=[markdown("slide", text)]), tmp_path / "01-a.ipynb")
    with pytest.raises(CourseError, match=r"01-a\.ipynb.*(a\.org/b|no\.png)"):
        build(tmp_path, tmp_path / "cache", tmp_path / "out")


# --- npm


def fake_npm(folder: Path, script: str, patch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    patch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_npm_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put_packages(tmp_path / "packages")
    fake_npm(tmp_path / "bin", f'echo "$@" >> {tmp_path}/log; cp -r {tmp_path}/packages/node_modules .', monkeypatch)
    for _ in range(2):
        modules = fetch(tmp_path / "cache")
    assert all((modules / name).exists() for name in NEEDED)
    [asked] = (tmp_path / "log").read_text().splitlines()
    assert {"install", "--ignore-scripts", "--no-package-lock"} <= set(asked.split())


def test_other_versions_are_fetched_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put_packages(tmp_path)
    (tmp_path / ".installed").write_text("{}")
    fake_npm(tmp_path / "bin", "touch asked", monkeypatch)
    fetch(tmp_path)
    assert (tmp_path / "asked").exists()


def test_without_npm_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, lectures: Path):
    monkeypatch.setenv("PATH", "")
    arguments = [str(tmp_path / "out"), "--lectures", str(lectures), "--assets", str(tmp_path / "cache")]
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert re.fullmatch(r"slides: npm is missing.*nodejs\.org.*\n", said.err)


def test_what_npm_said_is_told_and_the_next_run_asks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fake_npm(tmp_path / "bin", 'echo "npm error code ENOTFOUND\nnpm error network is down" >&2; exit 1', monkeypatch)
    for _ in range(2):
        with pytest.raises(CourseError, match=r"network is down") as caught:
            fetch(tmp_path / "cache")
        assert "\n" not in str(caught.value)


def test_versions_are_pinned_and_no_registry_is_named():
    package = json.loads(PACKAGE.read_text(encoding="utf-8"))
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["dependencies"].values())
    assert "://" not in PACKAGE.read_text(encoding="utf-8")
    assert list(PACKAGE.parent.glob("*lock*")) == []


def test_without_lectures_the_folder_is_named(tmp_path: Path, capsys):
    assert main([str(tmp_path / "out"), "--lectures", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_assets_of_an_earlier_version_go(tmp_path: Path, lectures: Path):
    put_packages(tmp_path / "cache")
    (tmp_path / "out" / "assets").mkdir(parents=True)
    (tmp_path / "out" / "assets" / "old.js").write_text("")
    build(lectures, tmp_path / "cache", tmp_path / "out")
    assert not (tmp_path / "out" / "assets" / "old.js").exists()


# --- in a browser

GO_TO = "number => { const at = Reveal.getIndices(Reveal.getSlides()[number]); Reveal.slide(at.h, at.v); }"
BEYOND = """[...Reveal.getCurrentSlide().querySelectorAll("pre, .highlight, img, table, h1, h2, p, mjx-container")]
    .filter(e => e.getBoundingClientRect().right > 1280 || (e.tagName === "PRE" && e.scrollWidth > e.clientWidth + 1))
    .map(e => e.outerHTML.slice(0, 60))"""


def show(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_function("window.Reveal && Reveal.isReady()")


def place(page: Page) -> tuple[int, int]:
    """(section, slide) that is shown."""
    return tuple(page.evaluate("[Reveal.getIndices().h, Reveal.getIndices().v]"))


@pytest.mark.nightly
def test_slides_are_shown_and_driven_by_keys(page: Page, real: str):
    show(page, f"{real}/01-sequences.slides.html")
    assert page.locator("h1").evaluate("e => getComputedStyle(e).textTransform") == "none"
    page.keyboard.press("ArrowRight")
    assert place(page) == (1, 0)
    assert page.locator("section.present section.present mjx-container svg").first.is_visible()
    page.keyboard.press("Space")  # the fragment
    page.keyboard.press("Space")
    assert place(page) == (1, 1)
    page.keyboard.press("ArrowUp")
    assert place(page) == (1, 0)


@pytest.mark.nightly
def test_the_window_of_the_notes_shows_them(page: Page, real: str):
    show(page, f"{real}/01-sequences.slides.html")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("Greet everybody").wait_for()
    assert notes.locator("svg").count() == 1
    assert notes.locator("math").count() == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    notes.get_by_text("Notes of the fragment").wait_for()


@pytest.mark.nightly
def test_an_answer_unfolds_by_mouse_and_by_key(page: Page, real: str):
    show(page, f"{real}/01-sequences.slides.html#/Question")
    summary, answer = page.locator("summary"), page.locator("details p")
    assert not answer.is_visible()
    summary.click()
    assert answer.is_visible()
    summary.press("Space")
    assert not answer.is_visible()
    assert place(page) == (2, 0)


@pytest.mark.nightly
def test_a_link_leads_to_its_section(page: Page, real: str):
    show(page, f"{real}/01-sequences.slides.html")
    page.get_by_role("link", name="scores").click()
    page.wait_for_function("Reveal.getIndices().h === 1")


@pytest.mark.nightly
def test_nothing_runs_off_a_slide_and_long_ones_scroll(page: Page, real: str):
    show(page, f"{real}/01-sequences.slides.html")
    for number in range(page.evaluate("Reveal.getTotalSlides()")):
        page.evaluate(GO_TO, number)
        beyond = page.evaluate(BEYOND)
        assert beyond == [], f"slide {number}"
    assert page.evaluate("Reveal.getCurrentSlide().className").count("scrolls") == 1
    page.keyboard.press("d")
    page.wait_for_function("Reveal.getCurrentSlide().scrollTop > 100")


WRAPPED = """pre => {
    const style = getComputedStyle(pre);
    const height = parseFloat(style.lineHeight) * pre.textContent.trimEnd().split("\\n").length;
    return pre.clientHeight - 2 * parseFloat(style.paddingTop) > height + 2;
}"""


@pytest.mark.nightly
def test_code_beside_its_picture_keeps_its_lines(page: Page, real: str):
    show(page, f"{real}/01-sequences.slides.html")
    code = page.locator(".beside .highlight pre")
    assert code.count() == 1
    assert not code.evaluate(WRAPPED)
    assert code.evaluate("pre => pre.offsetWidth - pre.parentElement.clientWidth") <= 1


@pytest.mark.nightly
def test_axe_finds_no_violation(page: Page, real: str):
    show(page, f"{real}/01-sequences.slides.html")
    page.evaluate("document.querySelector('.backgrounds').remove()")  # lies over all: axe would judge no contrast
    for number in range(page.evaluate("Reveal.getTotalSlides()")):
        page.evaluate(GO_TO, number)
        assert [found["id"] for found in Axe().run(page).response["violations"]] == [], f"slide {number}"
    page.goto(f"{real}/index.html")
    grounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert Axe().run(page).response["violations"] == [], scheme
    assert len(grounds) == 2


@pytest.mark.nightly
def test_every_slide_is_printed_on_a_page(page: Page, real: str):
    show(page, f"{real}/01-sequences.slides.html?print-pdf")
    page.locator(".pdf-page").last.wait_for()
    slides = page.evaluate("Reveal.getTotalSlides()")
    assert page.locator(".pdf-page").count() == slides
    assert page.locator("details p").is_visible()
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == slides
