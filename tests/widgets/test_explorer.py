"""An explorer redraws, speaks, and can be read without a kernel."""

import base64

import ipywidgets
import pytest

from course.widgets.explorer import Explorer


def line(figure, slope: float, dashed: bool = False) -> str:
    figure.subplots().plot([0, 1], [0, slope], "--" if dashed else "-")
    return f'A {"dashed " if dashed else ""}line of slope {slope:g} < & "so".'


@pytest.fixture
def explorer() -> Explorer:
    controls = {
        "slope": ipywidgets.FloatSlider(1.0, min=-2, max=2, description="slope"),
        "dashed": ipywidgets.Checkbox(False, description="dashed"),
    }
    return Explorer(line, controls, title="Lines")


def test_each_control_changes_picture_and_sentence_at_once(explorer: Explorer, hold_quick):
    hold_quick(explorer, "slope", [0.5, -1.0, 2.0])
    hold_quick(explorer, "dashed", [True, False])


def test_the_picture_that_is_shown_is_the_one_that_was_drawn_and_has_the_sentence_as_its_text(explorer: Explorer):
    explorer.controls["slope"].value = -0.5
    assert base64.b64encode(explorer.png).decode() in explorer.picture.value
    text = "A line of slope -0.5 &lt; &amp; &quot;so&quot;."
    assert f'alt="{text}"' in explorer.picture.value
    assert f'<figcaption aria-live="polite">{text}</figcaption>' in explorer.picture.value


def test_without_a_kernel_picture_and_sentence_are_there(explorer: Explorer):
    bundle = explorer._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == explorer.png
    assert bundle["text/plain"] == "Lines: " + explorer.sentence
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_an_error_in_a_picture_is_not_swallowed(explorer: Explorer):
    explorer.draw = lambda figure, **values: 1 / 0
    with pytest.raises(ZeroDivisionError):
        explorer.controls["slope"].value = 0.25
    assert "could not be drawn (ZeroDivisionError: division by zero). Run the cell again." in explorer.picture.value


def test_a_control_without_a_label_is_refused():
    with pytest.raises(ValueError, match="'slope' has no description"):
        Explorer(line, {"slope": ipywidgets.FloatSlider()}, title="Lines")
