"""What `make lectures` stores: outputs, and nothing that changes by itself."""

import base64
import io
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

from tests.notebooks import execute

WIDGET = """import ipywidgets
from course.widgets.explorer import Explorer

def line(figure, slope):
    figure.subplots().plot([0, 1], [0, slope])
    return f"slope {slope:g}"

Explorer(line, {"slope": ipywidgets.FloatSlider(1.0, description="slope")}, title="A line")"""
BAR = "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass\nprint('done')"


def write(path: Path, *cells: str) -> Path:
    code = [new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(cells)]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3 (mine)"}, "editor": {"vim": True}}
    nbformat.write(new_notebook(cells=[new_markdown_cell("# 01 · Test", id="title"), *code], metadata=metadata), path)
    return path


@pytest.fixture
def done(tmp_path: Path) -> nbformat.NotebookNode:
    path = write(tmp_path / "01-test.ipynb", "1 + 1", BAR, WIDGET)
    assert execute.main([str(path)]) == 0
    return nbformat.read(path, as_version=4)


def test_outputs_are_stored_without_progress_bars(done: nbformat.NotebookNode):
    _, first, second, _ = done.cells
    assert [first.outputs[0].data["text/plain"], first.execution_count] == ["2", 1]
    assert [output.get("text") for output in second.outputs] == ["done\n"]


def test_a_widget_leaves_its_picture_and_its_sentence(done: nbformat.NotebookNode):
    data = done.cells[-1].outputs[0].data
    assert data["text/plain"] == "A line: slope 1" and data["image/png"]


def test_metadata_are_those_of_every_machine(done: nbformat.NotebookNode):
    assert set(done.metadata) == {"kernelspec", "language_info"}
    assert done.metadata.kernelspec.display_name == "Python 3"
    assert all(cell.metadata == {} for cell in done.cells)
    assert [cell.id for cell in done.cells] == ["title", "cell-0", "cell-1", "cell-2"]


def test_a_notebook_that_stops_is_left_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write(tmp_path / "01-test.ipynb", "1 + 1", "1 / 0")
    before = path.read_bytes()
    assert execute.main([str(path)]) == 1
    assert path.read_bytes() == before
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_a_large_notebook_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = write(tmp_path / "01-test.ipynb", "print('x' * 1_100_000)")
    assert execute.main([str(path)]) == 1
    assert "larger than 1 MB" in capsys.readouterr().out


def test_a_figure_is_stored_in_less_and_looks_the_same():
    figure, ax = plt.subplots()
    ax.imshow(np.random.default_rng(0).random((9, 9)))
    ax.set_title("weights")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    before = base64.b64encode(buffer.getvalue()).decode()
    after = execute.smaller(before)
    pictures = [Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB") for png in (before, after)]
    difference = np.abs(np.subtract(*(np.asarray(picture, dtype=float) for picture in pictures)))
    assert len(after) < 0.6 * len(before)
    assert difference.mean() < 1 and difference.max() < 64  # of 255
