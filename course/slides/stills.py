"""From a stored lecture, what a page without a kernel can show: no set-up, pictures in place of widgets, alt texts."""

import copy
import re
from collections.abc import Collection, Iterator

from nbformat import NotebookNode

WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
# A heading of Markdown: one to six #, outside of fenced code.
HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$", re.MULTILINE)
FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
# What readers of a page don't need to see: marks for nbval.
MARK = re.compile(r"^# *NBVAL_\w+\n?", re.MULTILINE)
MARKUP = re.compile(r"[*`$]|<[^>]+>")


def stills(nb: NotebookNode, leave_out: Collection[str] = ("skip",)) -> NotebookNode:
    """A copy of the notebook in which every output can be shown without a kernel.

    Cells whose type of slide is in `leave_out` are left out. A widget becomes its picture, with what it says in plain
    text as the caption and the alt text; other pictures get the heading above them as their alt text, unless they have
    one.
    """
    nb = copy.deepcopy(nb)
    nb.metadata.pop("widgets", None)
    nb.cells = [cell for cell in nb.cells if slide_type(cell) not in leave_out]
    heading = ""
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            heading = ([text for _, text in headings(cell.source)] or [heading])[-1]
        elif cell.cell_type == "code":
            cell.source = MARK.sub("", cell.source)
            for output in cell.outputs:
                still(output, heading)
    return nb


def slide_type(cell: NotebookNode) -> str:
    return cell.metadata.get("slideshow", {}).get("slide_type", "-")


def headings(markdown: str) -> Iterator[tuple[int, str]]:
    """(level, plain text) of every heading of a Markdown cell."""
    for match in HEADING.finditer(FENCED.sub("", markdown)):
        yield len(match[1]), MARKUP.sub("", match[2])


def still(output: NotebookNode, heading: str) -> None:
    """Make an output one that needs no kernel, and give it what the template asks for: alt and caption."""
    data = output.get("data", {})
    if WIDGET in data:
        said = "".join(data.get("text/plain", ""))
        output.metadata.live = True
        if "image/png" in data:
            output.data = NotebookNode({"image/png": data["image/png"]})
            output.metadata.update(alt=said, caption=said)
        else:
            output.data = NotebookNode({"text/html": ""})
    elif any(kind in data for kind in PICTURES):
        output.metadata.setdefault("alt", f"Figure: {heading}" if heading else "Figure")
