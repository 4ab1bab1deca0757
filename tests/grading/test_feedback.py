"""The autograded notebook and the feedback page: they help, hide hidden tests, and nothing in them runs."""

import re
from html.parser import HTMLParser

import nbformat
import pytest

from course.errors import CourseError
from course.grading.autograded import annotate, write_autograded
from course.grading.feedback import lateness, render_feedback, write_feedback
from course.grading.notebook import Source, read_source
from course.grading.output import MAX_TEXT, number, plain, write_atomically
from course.grading.verdict import CellVerdict, ExerciseVerdict, Verdict, exercise_verdict
from tests.grading import small_notebook as small

MANUAL = "A9_3-words"
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "[click](JaVa&#x53;cript&colon;alert(1))",
    "[click](java\tscript:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "[click](vbscript:msgbox(1))",
    '[click](https://example.org/" onmouseover="alert(1))',
    "![pixel](https://evil.example/pixel.png)",
    "![pixel](data:image/svg+xml,<svg onload=alert(1)>)",
    "<javascript:alert(1)>",
    '<div style="position:fixed;inset:0;background:url(https://evil.example/x)">',
    "<style>*{display:none}</style>",
    "</pre></section></main><h1>100 of 100 points</h1>",
    "```</code></pre><script>alert(1)</script>\nx\n```",
    '``` "><script>alert(1)</script>\nx\n```',
    "$</span><script>alert(1)</script>$",
    "$$\n</div><script>alert(1)</script>\n$$",
    "| a |\n|---|\n| <script>alert(1)</script> |",
    "[x]: javascript:alert(1)\n\n[x]",
    "<!-- --!><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "<iframe src=https://evil.example></iframe><base href=https://evil.example>",
]
TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "main",
        "section",
        "h1",
        "h2",
        "p",
        "div",
        "br",
        "hr",
    ),
    *(
        "strong",
        "em",
        "b",
        "span",
        "code",
        "del",
        "a",
        "ul",
        "ol",
        "li",
        "pre",
        "blockquote",
        "details",
        "summary",
    ),
    *("table", "caption", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    *(
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "id",
        "scope",
        "href",
        "rel",
        "start",
        "tabindex",
    ),
    *("role", "aria-label", "aria-labelledby", "aria-hidden"),
}


class Page(HTMLParser):
    """What a browser would see: tags, attributes, links, text."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.links, self.texts = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag):
        self.texts.append("" if tag in ("span", "b") else " ")

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


def assert_harmless(page: str) -> None:
    seen = Page(page)
    assert set(seen.tags) <= TAGS
    assert set(seen.attributes) <= ATTRIBUTES
    assert all(re.match(r"(#|https://|http://|mailto:)", link) for link in seen.links)
    assert seen.tags.count("h1") == seen.tags.count("main") == seen.tags.count("style") == 1
    assert not re.search(r"@import|url\(", page.split("<style>")[1].split("</style>")[0])


@pytest.fixture
def source(tmp_path) -> Source:
    return read_source(small.write(small.source(), tmp_path / "solutions" / small.ASSIGNMENT / small.NOTEBOOK))


def failing(source: Source, message: str = "the number is squared", details: str = "", student: str = "ada") -> Verdict:
    """Every test cell failed with this message; the manual question waits."""
    exercises, cells = [], []
    for exercise in source.exercises:
        own = [
            CellVerdict(t.grade_id, exercise.id, t.view, t.hidden, 0, t.points, "failed", message, message, details)
            for t in exercise.tests
        ]
        cells += own
        exercises.append(exercise_verdict(exercise.id, exercise.title, own))
    waits = ExerciseVerdict("A9.3", "In your own words", 0, 10, "manual_pending", "waits for a person")
    return Verdict(
        "ada" if student is None else student,
        source.assignment,
        source.notebook,
        "key",
        [*exercises[:2], waits],
        cells,
    )


def submitted(
    source: Source, code: str = "def double(n):\n    return n * n", text: str = "my words"
) -> nbformat.NotebookNode:
    nb = nbformat.from_dict(source.nb)
    small.find(nb, "A9_1-answer").source = code
    small.find(nb, MANUAL).source = text
    return nb


def page_of(source: Source, verdict: Verdict, **answers: str) -> str:
    return render_feedback(annotate(submitted(source, **answers), verdict, source), verdict)


def test_each_test_cell_says_what_it_gave_and_why(source):
    verdict = failing(source, details="expected 7.0, got 12.25")
    verdict.cells[0] = CellVerdict("A9_1-values", "A9.1", "values", False, 20, 20, "passed")
    nb = annotate(submitted(source), verdict, source)
    outputs = {i: small.find(nb, i).outputs for i in ("A9_1-values", "A9_1-zero", "A9_1-hidden")}
    assert all([o.output_type for o in output] == ["stream"] for output in outputs.values())
    assert outputs["A9_1-values"][0].text == "passed: 20 of 20 points"
    assert outputs["A9_1-zero"][0].text == "failed: 0 of 10 points\nthe number is squared\n\nexpected 7.0, got 12.25"
    assert outputs["A9_1-hidden"][0].text == "failed: 0 of 20 points\nthe number is squared"
    assert small.find(nb, "A9_1-hidden").source == "# A9.1, more values: 20 points"


def test_outputs_of_the_student_are_gone_and_the_given_notebook_stays(source):
    rebuilt = submitted(source)
    small.find(rebuilt, "A9_1-answer").outputs = [
        nbformat.v4.new_output("display_data", {"text/html": "<script>1</script>"})
    ]
    before = nbformat.writes(rebuilt)
    nb = annotate(rebuilt, failing(source), source)
    assert "text/html" not in nbformat.writes(nb)
    assert nbformat.writes(rebuilt) == before
    nbformat.validate(nb)


def test_html_of_a_student_is_disarmed_for_nbgraders_pages(source):
    """nbconvert passes raw HTML of markdown cells through: formgrader's page would run it."""
    from nbconvert.filters import markdown2html

    nb = annotate(submitted(source, text="\n\n".join(HOSTILE)), failing(source), source)
    seen = Page(markdown2html(small.find(nb, MANUAL).source))
    assert not {"script", "style", "iframe", "svg", "base", "h1", "section"} & set(seen.tags)
    assert not [name for name in seen.attributes if name.startswith("on") or name == "style"]


def test_autograded_notebooks_are_the_same_bytes_again(source, tmp_path):
    verdict = failing(source)
    nb = submitted(source)
    for cell in nb.cells:
        del cell["id"]
    nb.nbformat_minor = 4
    contents = []
    for out in (tmp_path / "one", tmp_path / "two"):
        path = write_autograded(out, verdict, annotate(nb, verdict, source))
        contents.append(path.read_bytes())
    assert path == tmp_path / "two" / "autograded" / "ada" / small.ASSIGNMENT / small.NOTEBOOK
    assert contents[0] == contents[1]


def test_the_page_says_what_which_exercise_and_how_many_points(source):
    verdict = failing(source, details="expected 7.0, got 12.25")
    verdict.cells[0] = CellVerdict("A9_1-values", "A9.1", "values", False, 20, 20, "passed")
    verdict.exercises[0] = exercise_verdict("A9.1", "Double", verdict.cells[:3])
    verdict.seconds_late, verdict.notes = 7500, ["deleted tests were put back: A9_1-zero"]
    text = Page(page_of(source, verdict)).text
    assert "20 of 100 points" in text
    assert "A9.1 Double 20 / 50 ◐ partly right the number is squared" in text
    assert "A9.3 In your own words – / 10 ✎ waits for a person" in text
    assert "10 of these points wait for a person" in text
    assert "2 h 05 min after the due date" in text
    assert "put back: A9_1-zero" in text
    assert "def double(n): return n * n" in text and "my words" in text
    assert "expected 7.0, got 12.25" in text


def test_hidden_tests_stay_hidden(source):
    verdict = failing(source, details="secret value 42.0")
    for cell in verdict.cells:
        cell.hidden = True
    page = page_of(source, verdict)
    nb = nbformat.writes(annotate(submitted(source), verdict, source))
    for word in ("secret_input", "21.0", "secret value", "HIDDEN TESTS", "total([4.0"):
        assert word not in page and word not in nb


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_a_students_runs(source, text):
    verdict = failing(source, message=text, details=text, student=text)
    verdict.notes = [text]
    verdict.exercises[2].message = text
    assert_harmless(page_of(source, verdict, code=text, text=text))
    # `annotate` disarms tags for nbgrader's sake; the page doesn't rely on it.
    assert_harmless(render_feedback(submitted(source, code=text, text=text), verdict))


def test_only_plain_links_survive(source):
    text = "[a](https://example.org/?q=1&b=2) [b](mailto:x@example.org) [c](/etc) [d](file:///etc) [e](//evil)"
    links = [link for link in Page(page_of(source, failing(source), text=text)).links if not link.startswith("#")]
    assert links == ["https://example.org/?q=1&b=2", "mailto:x@example.org"]


def test_the_page_fetches_nothing_and_forbids_scripts(source):
    page = page_of(source, failing(source))
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|link|img|iframe|object|embed)\b|https?://|@import|url\(", page)


def test_the_page_is_the_same_again_and_stays_small(source):
    verdict = failing(source, message="<&\"'" * 5_000, details="<&\"'" * 50_000)
    verdict.cells *= 12
    nb = submitted(source, code="x=1;" * 50_000, text="**a** <&\"' [" * 20_000)
    for _ in range(3):
        nb.cells.insert(4, nbformat.v4.new_code_cell("y=[2];" * 10_000, id="added"))
    page, again = (render_feedback(annotate(nb, verdict, source), verdict) for _ in range(2))
    assert page == again
    assert len(page.encode()) < 300_000
    assert_harmless(page)


def test_deep_nesting_and_half_characters_do_no_harm(source, tmp_path):
    text = "[" * 15_000 + "\n\n" + "> " * 5_000 + "deep \ud800 half \x1b[31mred\x1b[0m \u202egnp.exe"
    verdict = failing(source, message=text[-60:])
    page = write_feedback(tmp_path, annotate(submitted(source, text=text), verdict, source), verdict)
    written = (tmp_path / "feedback" / "ada" / small.ASSIGNMENT / "small.html").read_text(encoding="utf-8")
    assert "\x1b" not in page and "\u202e" not in page
    assert written == page


def test_a_submission_that_could_not_be_read_has_a_page_too(source):
    exercises = [ExerciseVerdict("A9.1", "Double", 0, 50, "error", "not a Jupyter notebook")]
    text = Page(render_feedback(None, Verdict("ada", "09-small", "small", "key", exercises))).text
    assert "0 / 50" in text and "not a Jupyter notebook" in text


def test_added_cells_are_shown_as_the_students_own(source):
    nb = submitted(source)
    nb.cells.insert(4, nbformat.v4.new_code_cell("def helper(): ...", id="added-4"))
    verdict = failing(source)
    text = Page(render_feedback(annotate(nb, verdict, source), verdict)).text
    assert "Your own cell def helper(): ..." in text


def test_headings_links_and_tables_can_be_walked_through(source):
    page = page_of(source, failing(source), text="# not a heading of the page\n\nwords")
    seen = Page(page)
    assert '<html lang="en">' in page
    assert seen.tags.count("h2") == 3
    assert all(f'id="{link[1:]}"' in page for link in seen.links if link.startswith("#"))
    assert len(re.findall("<th ", page)) == len(re.findall(r'<th scope="(?:col|row)"', page))


def test_lateness_in_words():
    words = [lateness(s) for s in (None, 0, -5, 1, 60, 3_600, 7_500, 86_400, 100_800)]
    assert words == ["", "", "", "1 min", "1 min", "1 h 00 min", "2 h 05 min", "1 d", "1 d 4 h"]


def test_points_as_people_write_them():
    assert [number(v) for v in (3.0, 2.5, 3.0000001, 1 / 3, 0, -0.0001, 1234.5)] == [
        "3",
        "2.5",
        "3",
        "0.33",
        "0",
        "0",
        "1234.5",
    ]


def test_plain_text_has_no_codes_and_an_end():
    assert plain("a\x1b[1;31mb\x1b]0;title\x07c\x00d\u202ee\nf\tg") == "abcde\nf\tg"
    assert len(plain("x" * 100_000)) <= MAX_TEXT + 2


def test_a_place_that_cannot_be_written_is_one_line(tmp_path, source):
    (tmp_path / "feedback").write_text("a file, not a folder")
    with pytest.raises(CourseError, match="cannot be written") as caught:
        write_feedback(tmp_path, None, failing(source))
    assert caught.value.exit_code == 1 and "\n" not in str(caught.value)


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    write_atomically(path, "old")

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("course.grading.output.os.replace", fail)
    with pytest.raises(CourseError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
