"""Lectures as what they are made of: cells, sections, links."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tests.notebooks.execute import lectures as lecture_paths
from tests.notebooks.running import ROOT

__all__ = ["PATHS", "ROOT", "Lecture", "anchor", "headings_of", "lectures", "slide_type"]

PATHS = lecture_paths()


@dataclass(frozen=True)
class Lecture:
    """One notebook of lectures/."""

    path: Path

    @cached_property
    def nb(self) -> NotebookNode:
        return nbformat.read(self.path, as_version=4)

    @property
    def markdown(self) -> list[NotebookNode]:
        return [cell for cell in self.nb.cells if cell.cell_type == "markdown"]

    @property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.nb.cells if cell.cell_type == "code"]

    @cached_property
    def headings(self) -> list[str]:
        """All headings, in their order."""
        return [line for cell in self.markdown for line in headings_of(cell.source)]

    @cached_property
    def sections(self) -> dict[str, list[NotebookNode]]:
        """The text behind each `##` and the cells below it."""
        found: dict[str, list[NotebookNode]] = {}
        for cell in self.nb.cells:
            title = re.search(r"^## (.+)$", without_code(cell.source), flags=re.MULTILINE)
            if cell.cell_type == "markdown" and title:
                found[title[1].strip()] = []
            if found:
                found[list(found)[-1]].append(cell)
        return found


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def headings_of(text: str) -> list[str]:
    return re.findall(r"^#{1,4} (.+?)\s*$", without_code(text), flags=re.MULTILINE)


def slide_type(cell: NotebookNode) -> str:
    return cell.metadata.get("slideshow", {}).get("slide_type", "none")


def anchor(heading: str) -> str:
    """What Jupyter makes of a heading: spaces become dashes."""
    return heading.strip().replace(" ", "-")


@lru_cache(maxsize=1)
def lectures() -> dict[str, Lecture]:
    """By the name of the file, without its ending: `01-sequences`."""
    return {path.stem: Lecture(path) for path in PATHS}
