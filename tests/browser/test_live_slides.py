"""`make lab` shows a lecture as live slides, whose widgets work."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import Page

from tests.browser.lab import controls, explorers, move, run_all, server

WIDGET = """import ipywidgets
from course.widgets.explorer import Explorer

def line(figure, slope):
    figure.subplots().plot([0, 1], [0, slope])
    return f"slope {slope:g}"

Explorer(line, {"slope": ipywidgets.FloatSlider(1.0, description="slope")}, title="A line")"""


def on_slide(cell: nbformat.NotebookNode, kind: str | None) -> nbformat.NotebookNode:
    if kind:
        cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


@pytest.fixture
def small(tmp_path: Path) -> Path:
    cells = [
        on_slide(new_markdown_cell("# First slide"), "slide"),
        on_slide(new_markdown_cell("**Speaker notes.** Not shown."), "notes"),
        on_slide(new_markdown_cell("# Second slide"), "slide"),
        on_slide(new_code_cell(WIDGET), None),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(new_notebook(cells=cells, metadata=metadata), tmp_path / "small.ipynb")
    return tmp_path


def test_a_deck_starts_turns_its_pages_and_its_widget_moves(small: Path, page: Page):
    with server(small) as address:
        run_all(page, address, "small.ipynb")
        page.get_by_role("heading", name="First slide").click()
        page.keyboard.press("Control+Shift+C")
        page.locator(".lm-CommandPalette-input").fill("Start Deck")
        page.locator(".lm-CommandPalette-item", has_text="Start Deck").first.click()
        first, second = (page.get_by_role("heading", name=f"{name} slide") for name in ("First", "Second"))
        first.wait_for(state="visible")
        page.wait_for_timeout(1000)
        assert not second.is_visible()
        assert not page.get_by_text("Not shown").last.is_visible()
        page.keyboard.press("Space")
        second.wait_for(state="visible")
        assert not first.is_visible()
        (widget,) = explorers(page)
        assert [move(page, widget, control) for control in controls(widget)] == [True]
