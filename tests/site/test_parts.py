"""The site's plain functions."""

from pathlib import Path

import pytest

from course.site.__main__ import repository
from course.site.accessible import mended
from course.site.anchors import slug
from course.site.docstrings import inline, restructured
from course.site.links import faults
from course.site.reference import ROOMS, modules_of, write_reference
from course.site.sources import gather, toctrees
from tests.site.conftest import write_course


@pytest.mark.parametrize(
    "anchor",
    ["Queries,-keys-and-values", "queries-keys-and-values", "Queries, keys and values", "Queries,-Keys-and-values"],
)
def test_anchors_of_jupyter_and_github_are_the_same_here(anchor: str):
    assert slug(anchor) == "queries-keys-and-values"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the mask `m`", "the mask ``m``"),
        ("all `mask`s", r"all ``mask``\ s"),
        ("*batch is |x|", r"\*batch is \|x\|"),
        ("a *typical* size of **all**", "a *typical* size of **all**"),
        ("in place: copy_ and a_b", r"in place: copy\_ and a_b"),
        ("2 * 3 * 4", r"2 \* 3 \* 4"),
    ],
)
def test_a_line_of_a_docstring(text: str, expected: str):
    assert inline(text) == expected


def test_a_table_in_a_docstring():
    assert restructured(["| a | b |", "| --- | --- |", "| `c` |  |"]) == [
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - a",
        "     - b",
        "   * - ``c``",
        "     - ",
        "",
    ]


def test_code_in_a_docstring():
    assert restructured(["Call it:", "", "    x = f(*a)", "", "    y = 2", "", "So."]) == [
        *("Call it:", "", "::", "", "    x = f(*a)", "", "    y = 2", "", "So.", "")
    ]
    assert restructured(["Example:", "    f(*a)"]) == [".. rubric:: Example", "", "::", "", "    f(*a)", ""]


def test_a_datasheet():
    lines = ["Datasheet of words", "    Good for: a start; see", "        `split`."]
    assert restructured(lines) == [
        ".. rubric:: Datasheet of words",
        "",
        ":Good for: a start; see",
        "    ``split``.",
        "",
    ]


def test_sections_are_left_for_napoleon():
    lines = ["Args:", "    x: a tensor,", "        or none.", ""]
    assert restructured(lines) == lines


def test_what_a_screen_reader_stumbles_over():
    assert mended('<th class="head"><p></p></th><th><p>x</p></th>') == '<td class="head"></td><th><p>x</p></th>'
    html = "f(<dl>\n<dd>x,</dd>\n<dd>y,</dd>\n</dl>\n)<dl><dt>z</dt><dd>w</dd></dl>"
    divs = '<div class="sig-params"><div>x,</div>\n<div>y,</div>\n</div>'
    assert mended(html) == f"f({divs}\n)<dl><dt>z</dt><dd>w</dd></dl>"


def test_links_are_followed(tmp_path: Path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/b.html").write_text('<p id="there"><a href="../a.html">a</a> <a href="../a.html#q%C3%A9">q</a>')
    good = (
        '<p id="qé"><a href="b/b.html#there">b</a> <a href="https://x.org">x</a> <img src="data:,x"><a href="#qé">q</a>'
    )
    (tmp_path / "a.html").write_text(good)
    assert faults(tmp_path) == []
    bad = '<a href="b/c.html">c</a><a href="b/b.html#gone">g</a><script src="//x.org/x.js"></script><a href="x:y">y</a>'
    bad += '<a href="http://[x">z</a><img srcset="gone.png 1x, b/b.html 2x">'
    (tmp_path / "a.html").write_text(bad + '<link href="gone.css">')
    assert faults(tmp_path) == [
        "a.html: //x.org/x.js is loaded from elsewhere",
        "a.html: b/b.html#gone has no such anchor",
        "a.html: b/c.html is not there",
        "a.html: gone.css is not there",
        "a.html: gone.png is not there",
        "a.html: http://[x is no address",
        "a.html: x:y leads nowhere",
        "b/b.html: ../a.html#q%C3%A9 has no such anchor",
    ]


def test_the_button_leads_to_the_address_or_is_not_there():
    assert repository("") == {}
    assert repository("https://example.org/owner/name") == {}
    named = repository("https://github.com/OWNER/NAME")
    assert (named["repository_url"], named["repository_provider"]) == ("https://github.com/OWNER/NAME", "github")


def test_stand_ins_and_the_grader_are_not_in_the_reference(tmp_path: Path):
    write_reference(tmp_path / "reference")
    pages = {path.stem for path in (tmp_path / "reference").iterdir()}
    assert {"models.attention", "data.toy", "check", "device"} <= pages
    assert not [name for name in pages if name.startswith(("given", "grading"))]
    assert not {"given", "grading"} & set(ROOMS)


def test_a_package_that_says_what_is_public_has_one_page():
    assert modules_of("course.check") == []
    assert "attention" in modules_of("course.models")
    assert modules_of("course.device") == []


def test_only_what_is_public_is_gathered(tmp_path: Path):
    write_course(tmp_path / "course")
    gather(tmp_path / "course", tmp_path / "to")
    found = {str(path.relative_to(tmp_path / "to")) for path in (tmp_path / "to").rglob("*") if path.is_file()}
    assert found == {
        "README.md",
        "LICENSE",
        "LICENSE-PROSE",
        "index.md",
        "licences.md",
        "docs/student.md",
        "docs/zebra.md",
        "lectures/01-attention.ipynb",
        "assignments/01-attention/attention.ipynb",
        "pyproject.toml",
    }


def test_guides_for_teachers_come_after_what_students_want(tmp_path: Path):
    (tmp_path / "docs").mkdir()
    for name in ("zebra", "grader", "attacks", "student", "results"):
        (tmp_path / "docs" / f"{name}.md").touch()
    text = toctrees(tmp_path)
    order = "docs/student docs/results reference/index teachers docs/grader docs/attacks docs/zebra".split()
    places = [text.index(name) for name in order]
    assert places == sorted(places)
