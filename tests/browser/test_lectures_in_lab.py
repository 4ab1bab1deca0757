"""Every lecture opens in JupyterLab and runs; every control of every widget changes its picture, by keyboard."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.lab import controls, explorers, move, run_all
from tests.lectures.reading import ROOT
from tests.notebooks.execute import lectures

SCREENSHOTS = ROOT / "build" / "browser"
FEWEST_WIDGETS, FEWEST_IN_ALL = 2, 14


@pytest.mark.parametrize("path", lectures(), ids=lambda path: path.stem)
def test_a_lecture_runs_and_its_widgets_move(lab: str, page: Page, path: Path):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    run_all(page, lab, path.name)
    assert page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count() == 0
    widgets = explorers(page)
    assert len(widgets) >= FEWEST_WIDGETS
    for number, widget in enumerate(widgets, start=1):
        widget.scroll_into_view_if_needed()
        # The last one first: a list at the top may choose something for which another control does not matter.
        moved = [move(page, widget, control) for control in reversed(controls(widget))]
        widget.screenshot(path=SCREENSHOTS / f"{path.stem}-{number}.png")
        assert widget.locator("[role=alert]").all_inner_texts() == []
        assert moved, f"widget {number} has no control"
        assert all(moved), f"widget {number}: the controls {[i for i, m in enumerate(moved) if not m]} change nothing"
    assert page.foreign == []
