"""`make test-gpu`, as far as it goes without a GPU: what it says, what it writes, and when it fails."""

import nbformat
import pytest
import torch

from tests.notebooks import on_gpu
from tests.notebooks.running import Run, run


def written(path, *cells):
    nb = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, id=f"cell-{i}") for i, cell in enumerate(cells)]
    )
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nb, path)
    return path


@pytest.fixture
def a_gpu(monkeypatch, tmp_path):
    """The course believes that there is a CUDA device; the page goes to a folder of the test."""
    monkeypatch.setattr(on_gpu, "device", lambda: torch.device("cuda"))
    monkeypatch.setattr(on_gpu, "name_of", lambda here: "a GPU")
    monkeypatch.setattr(on_gpu, "ROOT", tmp_path)
    monkeypatch.setattr(on_gpu, "RECORD", tmp_path / "GPU.md")
    return tmp_path / "GPU.md"


def test_a_notebook_that_stops_is_named_with_its_cell_and_error(tmp_path):
    found = run(written(tmp_path / "lecture" / "a.ipynb", "x = 1", "x / 0", "x"))
    assert found.notebook == "lecture/a.ipynb"
    assert found.error == "cell cell-1: ZeroDivisionError: division by zero"


def test_a_notebook_that_runs_is_measured(tmp_path):
    found = run(written(tmp_path / "lecture" / "a.ipynb", "x = sum(range(10**6))"))
    assert found.error == ""
    assert found.cpu_seconds > 0
    assert 0 < found.seconds < 60


def test_without_a_gpu_nothing_is_run_and_that_is_said(monkeypatch, capsys):
    monkeypatch.setattr(on_gpu, "device", lambda: torch.device("cpu"))
    monkeypatch.setattr(on_gpu, "run", lambda path: pytest.fail("ran"))
    assert on_gpu.main([]) == 0
    assert "no GPU here: nothing was run" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("outcome", "status", "told"),
    [
        (Run("02/a.ipynb", 3.2, 2.0, 128.0), 0, "| 02/a.ipynb | passed | 3 | 2 | 128 |"),
        (Run("02/a.ipynb", 3.2, 2.0, 0.0), 1, "left the GPU unused"),
        (Run("02/a.ipynb", 3.2, error="cell x: NameError: q"), 1, "cell x: NameError: q"),
    ],
)
def test_the_page_says_what_came_of_each_notebook(a_gpu, monkeypatch, outcome, status, told):
    monkeypatch.setattr(on_gpu, "run", lambda path: outcome)
    assert on_gpu.main(["02/a.ipynb"]) == status
    page = a_gpu.read_text(encoding="utf-8")
    assert told in page
    assert "a GPU (cuda)" in page
