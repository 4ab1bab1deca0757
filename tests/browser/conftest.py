"""One server and one browser for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import pytest
from playwright.sync_api import Page, sync_playwright

from tests.browser.lab import page_of, server
from tests.notebooks.execute import LECTURES


def copy_without_outputs(path: Path, to: Path) -> None:
    """A number beside a cell then says that it ran here."""
    nb = nbformat.read(path, as_version=4)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(nb, to)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on copies of the lectures: what the browser saves is thrown away."""
    folder = tmp_path_factory.mktemp("lab")
    for path in LECTURES.glob("*.ipynb"):
        copy_without_outputs(path, folder / path.name)
    with server(folder) as address:
        yield address


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with (
        sync_playwright() as playwright,
        TemporaryDirectory(ignore_cleanup_errors=True) as profile,  # Chromium still writes to it while it goes
        page_of(playwright, Path(profile)) as page,
    ):
        yield page
