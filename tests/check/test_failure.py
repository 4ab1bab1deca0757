"""How a failure looks: in a terminal, in IPython, and as a picture in a real notebook."""

import base64
import io
import pickle
import struct
import subprocess
import sys
import traceback

import nbformat
import pytest
import torch
from nbclient import NotebookClient

from course import check
from course.check import picture
from course.check.table import side_by_side

SCRIPT = """
import sys
import torch
from course import check

def answer(x):
    return x + 1

print([name for name in ("matplotlib", "IPython", "pandas") if name in sys.modules])
x = torch.ones(2, 2)
check.unchanged(answer, x, expected=x)
"""


def frames_of(error):
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def test_a_terminal_sees_the_message_the_values_and_no_library_frame():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"  # importing the checks costs neither matplotlib nor IPython
    assert "CheckFailed: the result: not the expected value" in done.stderr
    assert "expected" in done.stderr and "2*" in done.stderr and "During handling" not in done.stderr
    assert done.stderr.count("File ") == 1


def test_library_frames_are_cut_from_a_failure():
    with pytest.raises(check.CheckFailed) as caught:
        check.causal(lambda x: x.flip(-2), torch.randn(4, 2))
    assert frames_of(caught.value)[1:] == []
    assert caught.value.__suppress_context__ and caught.value.__cause__ is None


def test_library_frames_are_cut_from_the_students_own_error():
    def answer(x):
        return x.no_such_thing

    with pytest.raises(AttributeError) as caught:
        check.causal(answer, torch.randn(4, 2))
    assert frames_of(caught.value)[1:] == ["answer"]


def test_rendering_shows_message_values_and_the_failing_line():
    with pytest.raises(check.CheckFailed) as caught:
        check.close(torch.zeros(2), torch.ones(2))
    shown = "\n".join(caught.value._render_traceback_())
    assert "the result: not the expected value" in shown and "0*" in shown and "2 of 2 differ" in shown
    assert "check.close(torch.zeros(2), torch.ones(2))" in shown and "held" not in shown
    assert "raise" not in shown and "Traceback" not in shown


def test_a_failure_without_details_is_one_line():
    failure = check.CheckFailed("short")
    assert str(failure) == failure.message == "short" and failure.mistake is None and failure.details == ""
    assert len(failure._render_traceback_()) == 1


def test_a_failure_travels():
    with pytest.raises(check.CheckFailed) as caught:
        check.close(torch.zeros(2), torch.ones(2), mistakes={"zeros": torch.zeros(2)})
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.message, copy.mistake, copy.details) == ("zeros", "zeros", caught.value.details)


def test_the_table_is_aligned_and_marks_what_differs():
    expected = torch.tensor([[1.0, 2.5], [-1e9, float("inf")]]).double()
    actual = torch.tensor([[1.0, 2.625], [-1e9, float("nan")]]).double()
    first, second, third = side_by_side(expected, actual).splitlines()[:3]
    assert first.index("yours") > second.index("2.5")
    assert second.endswith("2.625*") and third.endswith("nan*") and "-1e+09" in third and "inf" in third


# --- the picture --------------------------------------------------------------------------------------------


def png_size(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize("shape", [(3,), (1, 1), (5, 4), (2, 3, 6, 7), (40, 3), (3, 60)])
def test_tensors_of_any_shape_are_drawn(shape):
    expected = torch.randn(shape, dtype=torch.float64)
    actual = expected.clone()
    actual.view(-1)[-1] = float("nan")
    actual.view(-1)[0] = float("inf")
    png, index = picture.draw(expected, actual)
    width, height = png_size(png)
    assert 900 < width < 1200 and 150 < height < 450 and len(index) == max(0, len(shape) - 2)
    assert len(png) < 60_000


def test_the_picture_shows_the_first_matrix_that_differs():
    expected = torch.zeros(3, 4, 2, 2).double()
    actual = expected.clone()
    actual[1, 2, 0, 0] = 1
    assert picture.draw(expected, actual)[1] == (1, 2)


def test_no_label_is_clipped():
    from matplotlib import image

    for shape in [(5, 4), (2, 3, 6, 7), (3,)]:
        expected = torch.randn(shape).double() * 1e4
        pixels = image.imread(io.BytesIO(picture.draw(expected, expected * 1.3)[0]))[..., :3]
        border = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
        assert all((edge > 0.99).all() for edge in border)


def test_outside_a_notebook_nothing_is_drawn():
    assert not picture.show(torch.zeros(2), torch.ones(2))


CELLS = [
    "import torch\nfrom course import check\ntorch.manual_seed(0)\nx = torch.randn(2, 5, 4)",
    "# a comment\ncheck.close(x.softmax(-1), x.softmax(-1))\n"
    "check.close(\n    x.softmax(-2),\n    x.softmax(-1),\n"
    "    mistakes={'softmax runs over the wrong axis': x.softmax(-2)},\n)",
    "check.shape(x, 'batch queries', batch=2, queries=5)",
    "def answer(x):\n    return x.no_such_thing\n\ncheck.unchanged(answer, x)",
]


@pytest.fixture(scope="module")
def notebook():
    """A notebook whose cells fail, run by a real kernel."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    nb.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(nb, timeout=120, allow_errors=True).execute()
    return nb


def outputs(notebook, cell, kind):
    return [o for o in notebook.cells[cell].outputs if o.output_type == kind]


def test_a_notebook_shows_the_picture_once_and_a_short_traceback(notebook):
    (shown,) = outputs(notebook, 1, "display_data")
    png = base64.b64decode(shown.data["image/png"])
    assert png_size(png)[0] > 900 and shown.data["text/plain"].startswith("expected | yours | difference")
    (error,) = outputs(notebook, 1, "error")
    text = "\n".join(error.traceback)
    assert error.ename == "CheckFailed" and "softmax runs over the wrong axis" in text
    assert "line 3: check.close(" in text and len(error.traceback) < 6
    assert "course/check" not in text and "_render" not in text


def test_a_notebook_shows_no_picture_where_there_is_nothing_to_draw(notebook):
    assert not outputs(notebook, 2, "display_data")
    (error,) = outputs(notebook, 2, "error")
    text = "\n".join(error.traceback)
    assert "expected 2 axes (batch=2, queries=5); yours has 3: (2, 5, 4)" in text and "line 1: check.shape" in text


def test_a_notebook_leaves_the_students_error_to_the_ordinary_traceback(notebook):
    (error,) = outputs(notebook, 3, "error")
    text = "\n".join(error.traceback)
    assert error.ename == "AttributeError" and "no_such_thing" in text and "properties.py" not in text
