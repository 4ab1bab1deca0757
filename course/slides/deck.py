"""One lecture as one page of slides, by nbconvert's SlidesExporter and the course's own template."""

import base64
import mimetypes
import re
from dataclasses import dataclass
from html import escape, unescape
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import nbformat
from jinja2 import pass_context
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode

from course.errors import CourseError
from course.slides.offline import loads_from_elsewhere
from course.slides.stills import headings, stills

TEMPLATE = Path(__file__).with_name("deck.html.j2")
SUFFIX = ".slides.html"
MINUTES = re.compile(r"(\d+)\s*min(?:utes?|\b)")
TITLE_CELLS = 3  # a lecture says at its top how long it takes
PARAGRAPH_SIGN = re.compile(r'<a class="anchor-link"[^>]*>[^<]*</a>')
ID = re.compile(r'(<h[1-6] id=)"([^"]*)"')
LINK = re.compile(r'<a href="([^"]*)"([^>]*)>(.*?)</a>', re.DOTALL)
IMAGE = re.compile(r'(<img\b[^>]*?\bsrc=)"([^"]*)"')
EMPTY_HEADER = re.compile(r"<th(\s[^>]*)?></th>")  # the corner of a table: not the header of anything
LECTURE_LINK = re.compile(r"(?:\./)?([\w-]+)\.ipynb(#.*)?")
ELSEWHERE = re.compile(r"(?:[a-z]+:)?//", re.IGNORECASE)


@dataclass(frozen=True)
class Deck:
    """What the list of lectures says about one."""

    file: str
    title: str
    minutes: int | None


class LectureExporter(SlidesExporter):
    """nbconvert's slides, whose headings have unique ids and whose links lead to slides.

    A lecture is one page, so one exporter serves one lecture.

    Args:
        folder: where the lecture is, with the other lectures.
    """

    def __init__(self, folder: Path, **kw: Any):
        super().__init__(
            template_file=str(TEMPLATE),
            exclude_input_prompt=True,
            exclude_output_prompt=True,
            **kw,
        )
        self.folder = folder
        self.ids: set[str] = set()
        self.siblings = {path.stem for path in folder.glob("*.ipynb")}

    @property
    def default_config(self) -> Any:
        """nbconvert's, with colours of code that don't need JupyterLab's style sheets."""
        config = super().default_config
        config.CSSHTMLHeaderPreprocessor.style = "default"
        return config

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """The HTML of a Markdown cell."""
        html = PARAGRAPH_SIGN.sub("", super().markdown2html(context, source))
        for pattern, replace in ((ID, self.unique_id), (LINK, self.link), (IMAGE, self.image)):
            html = pattern.sub(replace, html)
        return EMPTY_HEADER.sub(r"<td\1></td>", html)

    def unique_id(self, match: re.Match[str]) -> str:
        """Not percent-encoded, as reveal.js looks it up; the second heading `Question` gets the id `Question-2`."""
        text = unquote(unescape(match[2]))
        names = chain([text], (f"{text}-{number}" for number in count(2)))
        name = next(name for name in names if name not in self.ids)
        self.ids.add(name)
        return f'{match[1]}"{escape(name)}"'

    def link(self, match: re.Match[str]) -> str:
        """To another lecture: to its slides. To a file of the repository, which slides don't bring along: its text."""
        target = unescape(match[1])
        if target.startswith(("#", "mailto:")) or ELSEWHERE.match(target):
            return match[0]
        lecture = LECTURE_LINK.fullmatch(unquote(target))
        if lecture and lecture[1] in self.siblings:
            return f'<a href="{lecture[1]}{SUFFIX}{quote(lecture[2] or "", safe="#")}"{match[2]}>{match[3]}</a>'
        return match[3]

    def image(self, match: re.Match[str]) -> str:
        """A picture from a file, as a part of the page. (nbconvert's own `embed_images` closes an open <details>.)"""
        path = self.folder / unquote(unescape(match[2]))
        kind, _ = mimetypes.guess_type(path.name)
        if ELSEWHERE.match(match[2]) or match[2].startswith("data:") or not path.is_file():
            return match[0]
        return f'{match[1]}"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"'


def write_deck(path: Path, out: Path) -> Deck:
    """Write OUT/NAME.slides.html of a lecture, and return what the list of lectures says about it.

    Raises:
        CourseError: the page would load something that it doesn't bring along.
    """
    nb = stills(nbformat.read(path, as_version=4))
    deck = Deck(f"{path.stem}{SUFFIX}", title(nb, path.stem), minutes(nb))
    nb.metadata.title = deck.title
    html, _ = LectureExporter(path.parent).from_notebook_node(nb, {"metadata": {"name": path.stem}})
    if missing := loads_from_elsewhere(html):
        raise CourseError(f"{path}: slides work without a network, and can't load {', '.join(missing)}", 1)
    (out / deck.file).write_text(html, encoding="utf-8")
    return deck


def title(nb: NotebookNode, default: str) -> str:
    """The first heading."""
    texts = [text for cell in nb.cells if cell.cell_type == "markdown" for _, text in headings(cell.source)]
    return (texts or [default])[0]


def minutes(nb: NotebookNode) -> int | None:
    """How long the lecture takes, as its first cells say: `45 minutes`, `45 min`."""
    found = MINUTES.search("\n".join(cell.source for cell in nb.cells[:TITLE_CELLS]))
    return int(found[1]) if found else None
