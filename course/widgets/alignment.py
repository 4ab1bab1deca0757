"""A translator at work, word by word."""

from collections.abc import Mapping

import ipywidgets
from matplotlib.figure import Figure

from course.plots.alignment import Written, written_step
from course.widgets.explorer import Explorer


def stepper(sentences: Mapping[str, Written]) -> Explorer:
    """Which source words the model looks at while it writes its next word, and what else it might have written.

    Args:
        sentences: what was recorded, by the sentence that the menu shows.
    """

    def draw(figure: Figure, sentence: str, step: int) -> str:
        return written_step(figure, sentences[sentence], step)

    first = next(iter(sentences))
    menu = ipywidgets.Dropdown(options=list(sentences), description="sentence", layout={"width": "36em"})
    slider = ipywidgets.IntSlider(1, min=1, max=len(sentences[first].target), description="step i")

    def fit(change) -> None:
        slider.max = len(sentences[menu.value].target)

    menu.observe(fit, names="value")  # before the explorer's own: it draws a step that there is
    return Explorer(draw, {"sentence": menu, "step": slider}, title="Where it looks while it writes", size=(7.6, 3.0))
