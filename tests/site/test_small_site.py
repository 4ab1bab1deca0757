"""A site of a small course, built as the real one is: its files, and its pages in a browser that is offline."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page

from course.errors import CourseError
from course.site import __main__ as site
from course.site.links import faults
from tests.site.conftest import ASSETS, SENTENCE, lecture, write_course
from tests.site.looking import open_page, raw_tex, violations

LECTURE = "lectures/01-attention.html"
pytestmark = pytest.mark.filterwarnings("ignore:.*Check CHANGES for Sphinx")  # of the theme and myst-parser


@pytest.fixture(scope="module")
def html(small: Path) -> str:
    return (small / LECTURE).read_text(encoding="utf-8")


def test_every_link_leads_somewhere(small: Path):
    assert faults(small) == []
    front = (small / "index.html").read_text(encoding="utf-8")
    assert 'href="lectures/01-attention.html#soft-weights-by-d"' in front
    assert 'href="#if-you-teach"' in front
    assert 'href="../index.html"' in (small / "docs/student.html").read_text(encoding="utf-8")


def test_links_show_titles_and_no_names_of_files(small: Path):
    front = re.sub(r"<[^>]+>", "", (small / "index.html").read_text(encoding="utf-8"))
    assert "Start with First things or with\nA guide that nobody foresaw." in front


def test_what_pages_link_to_comes_along_and_what_is_private_does_not(small: Path):
    assert [path.name for path in small.glob("_downloads/*/*")] == ["LICENSE", "pyproject.toml"]
    files = [path for path in small.rglob("*") if path.is_file()]
    assert [path for path in files if b"SECRET" in path.read_bytes()] == []


def test_a_guide_that_nobody_foresaw_has_its_place(small: Path):
    assert "A guide that nobody foresaw" in (small / "index.html").read_text(encoding="utf-8")


def test_a_widget_is_shown_as_its_picture_with_a_line_on_how_to_run_it(html: str):
    place = html.partition("explore")[2].partition("slider")[0]
    assert [unescape(alt) for alt in re.findall(r'<img alt="([^"]*)"', place)] == [SENTENCE]
    assert unescape(re.search(r'<p class="caption">(.*?)</p>', place)[1]) == SENTENCE
    assert re.search(r'<p class="live">.*JupyterLab \(<code>jupyter lab</code>\)', place)


def test_a_widget_without_a_picture_says_how_to_run_it(html: str):
    place = html.partition("slider")[2]
    assert 'class="live"' in place
    assert "IntSlider" not in place
    assert "jupyter.widget" not in html


def test_other_pictures_are_named_by_their_heading(html: str):
    assert 'alt="Figure: Soft weights, by √d"' in html


def test_set_up_and_notes_are_folded_and_marks_are_not_shown(html: str):
    assert re.search(r"<details[^>]*>\s*<summary[^>]*>.*?Show the set-up.*?set_up.*?</details>", html, re.DOTALL)
    assert re.search(r'<details class="notes"><summary>For whoever teaches</summary>\s*<p><strong>', html)
    assert "NBVAL" not in html
    assert "install_me" not in html


def test_the_notebook_is_handed_out_as_it_is_stored(small: Path):
    handed = nbformat.read(small / "_sources/lectures/01-attention.ipynb", as_version=4)
    assert [cell.source for cell in handed.cells] == [cell.source for cell in lecture().cells]
    assert handed.metadata.widgets


def test_a_lecture_leads_to_its_slides(small: Path, html: str):
    assert '<a class="reference internal" href="../slides/01-attention.slides.html">' in html
    assert (small / "slides/index.html").is_file()


def test_the_reference_shows_signatures_and_sources(small: Path):
    text = (small / "reference/device.html").read_text(encoding="utf-8")
    assert 'id="course.device.seed_everything"' in text
    assert 'href="../_modules/course/device.html#seed_everything"' in text
    assert "random.seed" in re.sub(r"<[^>]+>", "", (small / "_modules/course/device.html").read_text(encoding="utf-8"))


def test_no_button_leads_to_a_repository_that_nobody_named(html: str):
    assert "colab" not in html.lower()
    assert "github" not in html.lower()


@pytest.mark.parametrize("name", ["index.html", LECTURE, "docs/student.html", "reference/device.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_needs_no_network_and_can_be_read_by_all(page: Page, address: str, name: str, scheme: str):
    page.foreign.clear()
    page.emulate_media(color_scheme=scheme)
    open_page(page, f"{address}/{name}")
    assert page.locator(".math mjx-container").count() == (3 if name == LECTURE else 0)
    assert raw_tex(page) == []
    assert violations(page) == []
    assert page.foreign == []


def test_search_finds_a_word_of_a_lecture(page: Page, address: str):
    page.goto(f"{address}/search.html?q=Bahdanau")
    page.locator(".search li a", has_text="01 · Attention").wait_for(timeout=10_000)


@pytest.fixture
def phone(page: Page) -> Iterator[Page]:
    page.set_viewport_size({"width": 390, "height": 844})
    yield page
    page.set_viewport_size({"width": 1400, "height": 1000})


@pytest.mark.parametrize("name", [LECTURE, "docs/zebra.html"])
def test_on_a_phone_nothing_is_wider_than_the_page(phone: Page, address: str, name: str):
    open_page(phone, f"{address}/{name}")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390
    assert violations(phone) == []


def test_on_a_phone_what_was_found_is_not_wider_than_the_page(phone: Page, address: str):
    phone.goto(f"{address}/search.html?q=Bahdanau")
    phone.locator(".search li", has_text="longer_longer").wait_for(timeout=10_000)
    assert phone.evaluate("document.documentElement.scrollWidth") == 390


def test_on_a_phone_a_wide_picture_stays_legible_and_scrolls(phone: Page, address: str):
    open_page(phone, f"{address}/{LECTURE}")
    [wide] = phone.locator(".wide:has(> img)").all()
    assert wide.evaluate("box => [box.scrollWidth, box.tabIndex]") == [800, 0]


LINES = "p => { const all = new Range(); all.selectNodeContents(p); return all.getClientRects().length; }"


def test_a_long_line_of_code_is_seen_whole_and_prose_is_not_as_wide(page: Page, address: str):
    open_page(page, f"{address}/assignments/01-attention/attention.html")
    assert page.locator(".cell_input pre").evaluate("code => code.scrollWidth - code.clientWidth") == 0
    open_page(page, f"{address}/docs/zebra.html")
    text = page.locator("article p", has_text="back and forth")
    assert 75 <= len(text.inner_text()) / text.evaluate(LINES) <= 88


def test_words_in_a_table_are_not_broken(page: Page, address: str):
    open_page(page, f"{address}/docs/zebra.html")
    words = page.locator("td code .pre").all()
    assert [word.evaluate("word => word.getClientRects().length") for word in words] == [1] * 4


def test_the_site_and_its_slides_have_an_icon_and_lead_to_each_other(small: Path):
    assert re.search(r'<link rel="icon" href="_static/icon\.svg', (small / "index.html").read_text(encoding="utf-8"))
    slides = (small / "slides/index.html").read_text(encoding="utf-8")
    assert '<link rel="icon" href="assets/icon.svg"' in slides
    assert '<a href="../index.html">' in slides


BAD = {
    "[x](../lectures/02-none.ipynb)": "02-none.ipynb",
    "[x](../lectures/01-attention.ipynb#no-section)": "no-section",
    "[x](#no-anchor)": "no-anchor",
    "[x](../solutions/01-attention/attention.ipynb)": "solutions/01-attention",
    "[x](../course/given/a01.py)": "course/given/a01.py",
    "[x](../solutions/notes.txt)": "solutions/notes.txt",
    '<a href="gone.html">x</a>': "gone.html is not there",
    '<a href="zebra.html#gone">x</a>': "zebra.html#gone has no such anchor",
    '<img alt="x" src="https://example.org/x.png">': "is loaded from elsewhere",
}


def test_bad_links_are_named_and_fail(tmp_path: Path, capfd: pytest.CaptureFixture):
    write_course(tmp_path / "course")
    (tmp_path / "course/docs/student.md").write_text("# Guide\n\n" + "\n\n".join(BAD))
    with pytest.raises(CourseError, match="faults that are named above"):
        site.build(tmp_path / "course", ASSETS, tmp_path / "out", {"device": "x"})
    said = capfd.readouterr().err
    assert [named for named in BAD.values() if not re.search(rf"student.*{re.escape(named)}", said)] == []


def test_where_there_is_an_address_notebooks_lead_to_it(tmp_path: Path):
    write_course(tmp_path / "course")
    (tmp_path / "course/course.toml").write_text('address = "https://github.com/OWNER/NAME"')
    site.build(tmp_path / "course", ASSETS, tmp_path / "out", {"device": "x"})
    for name in ("lectures/01-attention", "assignments/01-attention/attention"):
        html = (tmp_path / f"out/{name}.html").read_text(encoding="utf-8")
        assert f'href="https://colab.research.google.com/github/OWNER/NAME/blob/main/{name}.ipynb"' in html
        assert 'href="https://github.com/OWNER/NAME"' in html


def test_what_is_no_site_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "thesis.txt").write_text("years of work")
    assert site.main([str(tmp_path)]) == 2
    assert "thesis" not in capsys.readouterr().out
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_outside_of_a_course_one_line_says_so(tmp_path: Path, capsys: pytest.CaptureFixture):
    arguments = [str(tmp_path / "out"), "--course", str(tmp_path), "--assets", str(ASSETS)]
    assert site.main(arguments) == 2
    assert re.fullmatch(r"site: .* has no README\.md or no lectures/: .*\n", capsys.readouterr().err)
