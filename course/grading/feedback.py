"""The feedback page of one submission: one HTML file to read, print and mail; no script, nothing fetched.

nbgrader's own feedback template loads MathJax from the network and passes a student's HTML through, so the
page has a template of its own. `nbgrader generate_feedback` still works on the autograded notebooks.
"""

import html
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
import mistune
from markupsafe import Markup
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course.grading.notebook import TEST_ROLES
from course.grading.output import number, plain, write_atomically
from course.grading.verdict import CellVerdict, ExerciseVerdict, Verdict

TEMPLATES = Path(__file__).parent / "templates"
# Status -> a symbol and words: no meaning is in a colour alone.
STATUS = {
    "passed": ("✓", "passed"),
    "partial": ("◐", "partly right"),
    "failed": ("✗", "not right yet"),
    "not_attempted": ("○", "not attempted"),
    "error": ("!", "stopped with an error"),
    "timeout": ("∞", "took too long"),
    "crashed": ("†", "the process died"),
    "forbidden": ("⊘", "uses a forbidden call"),
    "missing": ("∅", "answer missing"),
    "ungraded": ("?", "could not be graded"),
    "manual_pending": ("✎", "waits for a person"),
}
# Coloured code is some six times as long as its text. A page stays below 300 kB whatever was handed in.
PAGE_BUDGET = 150_000
MAX_ANSWER = 20_000


@dataclass
class Answer:
    """One cell of the student's, ready to show: its label, and its text as HTML."""

    label: str
    body: Markup


@dataclass
class Section:
    """One exercise on the page: its verdict, the student's cells and the verdicts on its test cells."""

    exercise: ExerciseVerdict
    answers: list[Answer] = field(default_factory=list)
    tests: list[CellVerdict] = field(default_factory=list)
    test_sources: dict[str, Markup] = field(default_factory=dict)

    @property
    def anchor(self) -> str:
        return "exercise-" + self.exercise.exercise.replace(".", "-")


def feedback_path(out: Path, verdict: Verdict) -> Path:
    """OUT/feedback/STUDENT/ASSIGNMENT/NOTEBOOK.html"""
    return out / "feedback" / verdict.student / verdict.assignment / f"{verdict.notebook}.html"


def write_feedback(out: Path, autograded: NotebookNode | None, verdict: Verdict) -> str:
    """Write the feedback page of a submission to `feedback_path` and return its HTML."""
    page = render_feedback(autograded, verdict)
    write_atomically(feedback_path(out, verdict), page)
    return page


def render_feedback(autograded: NotebookNode | None, verdict: Verdict) -> str:
    """The feedback page as HTML. `autograded` is the notebook of `annotate`; None if nothing was rebuilt."""
    budget = Budget(PAGE_BUDGET)
    sections = {e.exercise: Section(e) for e in verdict.exercises}
    _add_answers(sections, autograded, budget)
    for cell in verdict.cells:
        if cell.exercise in sections:
            sections[cell.exercise].tests.append(cell)
    pending = sum(e.max_score for e in verdict.exercises if e.status == "manual_pending")
    return (
        environment()
        .get_template("feedback.html.j2")
        .render(
            verdict=verdict,
            seconds_late=verdict.seconds_after_due,
            attempt=which_attempt(verdict),
            sections=list(sections.values()),
            pending=pending,
            ungraded=sum(e.max_score for e in verdict.exercises if e.status == "ungraded"),
            show=budget.text,
            code_style=HtmlFormatter(style="default").get_style_defs(".code"),
        )
    )


@cache
def environment() -> jinja2.Environment:
    """The templates of feedback and report. Everything is escaped unless it is Markup."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    env.filters |= {"points": number, "plain": plain, "lateness": lateness, "scored": scored, "said": said}
    env.globals |= {"STATUS": STATUS}
    return env


def scored(exercise: ExerciseVerdict) -> str:
    """The points of an exercise, or a dash while nobody has looked."""
    open_ = exercise.status in ("manual_pending", "ungraded") and not exercise.score
    return "–" if open_ else number(exercise.score)


def said(exercise: ExerciseVerdict) -> str:
    """The message of an exercise, unless it only repeats the words of its status."""
    return "" if exercise.message == STATUS[exercise.status][1] else exercise.message


def lateness(seconds: int | None) -> str:
    """How late a submission came: `2 h 05 min`, `3 d 4 h`, or nothing if it was in time."""
    if not seconds or seconds <= 0:
        return ""
    minutes = -(-seconds // 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def which_attempt(verdict: Verdict) -> str:
    """Which of several attempts counts: `2 of 3`; "" where there is one."""
    place = next((place for place, attempt in enumerate(verdict.attempts, start=1) if attempt.counts), None)
    return f"{place} of {len(verdict.attempts)}" if place else ""


class Budget:
    """What is left of the page, in bytes. Code is coloured while there is room, then plain, then cut."""

    def __init__(self, size: int):
        self.left = size

    def code(self, source: str) -> Markup:
        source = plain(source, MAX_ANSWER)
        coloured = Markup(highlight(source, _lexer(), _formatter()))
        if _size(coloured) > self.left:
            return self.text(source)
        return self._spend(coloured)

    def text(self, text: str, limit: int = MAX_ANSWER) -> Markup:
        # Escaped, a character takes up to six bytes.
        text = plain(text, max(150, min(limit, self.left // 6)))
        return self._spend(Markup.escape(text))

    def markdown(self, source: str) -> Markup:
        source = plain(source, MAX_ANSWER)
        rendered = Markup(_markdown()(source))
        if _size(rendered) > self.left:
            return Markup("<pre>{}</pre>").format(self.text(source))
        return self._spend(rendered)

    def _spend(self, rendered: Markup) -> Markup:
        self.left -= _size(rendered)
        return rendered


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


class SafeRenderer(mistune.HTMLRenderer):
    """Markdown of a student's as HTML in which only their words are theirs: no tags, images, odd links."""

    def __init__(self):
        super().__init__(escape=True)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        target = "".join(html.unescape(url).split())
        try:
            known = urlsplit(target).scheme in ("http", "https", "mailto") and target.isprintable()
        except ValueError:
            known = False
        if not known:
            return text
        return f'<a href="{html.escape(target)}" rel="noopener noreferrer nofollow">{text}</a>'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return f"[image: {text}]"

    def heading(self, text: str, level: int, **attrs: object) -> str:
        return f"<p><strong>{text}</strong></p>\n"  # the page's own headings stay its outline

    def block_code(self, code: str, info: str | None = None) -> str:
        return f"<pre><code>{html.escape(code)}</code></pre>\n"


@cache
def _markdown() -> mistune.Markdown:
    return mistune.create_markdown(renderer=SafeRenderer(), plugins=["math", "table", "strikethrough"])


@cache
def _lexer() -> PythonLexer:
    return PythonLexer(stripnl=False)


@cache
def _formatter() -> HtmlFormatter:
    return HtmlFormatter(nowrap=True, style="default")


def _add_answers(sections: dict[str, Section], nb: NotebookNode | None, budget: Budget) -> None:
    """Hand the student's cells, and the sources of the visible tests, to the exercises that they stand in."""
    here = None
    for cell in nb.cells if nb is not None else []:
        facts = cell.metadata.get("course")
        here = sections.get((facts or {}).get("exercise", ""), here)
        if here is None or not cell.source.strip():
            continue
        role = facts.get("role") if facts else None
        if role == "manual":
            here.answers.append(
                Answer("Your answer", Markup('<div class="text">{}</div>').format(budget.markdown(cell.source)))
            )
        elif cell.cell_type == "code" and (role == "answer" or facts is None):
            label = "Your answer" if role == "answer" else "Your own cell"
            here.answers.append(
                Answer(label, Markup('<pre class="code" tabindex="0">{}</pre>').format(budget.code(cell.source)))
            )
        elif role in TEST_ROLES and role != "hidden":
            here.test_sources[cell.metadata.nbgrader.grade_id] = budget.code(cell.source)
