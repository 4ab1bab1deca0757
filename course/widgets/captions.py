"""A captioner at work: which word looks where, and what happens when a digit moves."""

from collections.abc import Callable, Sequence

import ipywidgets
from matplotlib.figure import Figure

from course.plots.captions import OPACITY, Captioned, Digits, looked_at
from course.widgets.explorer import Explorer


def where_it_looks(canvases: Sequence[str], caption: Callable[[str, int], tuple[Captioned, Digits]]) -> Explorer:
    """Choose a canvas and a word, and see the attention; push the digit that is named first to the side.

    Args:
        canvases: what the menu calls them.
        caption: from a canvas and a number of pixels by which its first digit is moved to the right (to the left
            where negative) to what the model makes of it and what is there. It is called whenever one of the two
            changes.
    """

    def draw(figure: Figure, canvas: str, dx: int, word: int, opacity: float) -> str:
        return looked_at(figure, *seen(canvas, dx), word, opacity)

    last: dict[tuple[str, int], tuple[Captioned, Digits]] = {}

    def seen(canvas: str, dx: int) -> tuple[Captioned, Digits]:
        if (canvas, dx) not in last:
            last.clear()
            last[canvas, dx] = caption(canvas, dx)
        return last[canvas, dx]

    menu = ipywidgets.Dropdown(options=list(canvases), description="canvas")
    slider = ipywidgets.IntSlider(1, min=1, max=9, description="word")
    move = ipywidgets.IntSlider(0, min=-1, max=1, description="move the first digit by (pixels)")
    cloud = ipywidgets.FloatSlider(OPACITY, min=0.0, max=1.0, step=0.05, description="opacity")

    def fit(change) -> None:
        """As far as the digit can go on this canvas, and as many words as it has."""
        if change is None or change["owner"] is menu:
            captioned, digits = caption(menu.value, 0)
            left, right = digits.boxes[0, 1::2].tolist()
            with move.hold_trait_notifications():
                move.min, move.max, move.value = -left, captioned.image.shape[1] - right, 0
        slider.max = len(seen(menu.value, move.value)[0].words)

    fit(None)
    for control in (menu, move):
        control.observe(fit, names="value")  # before the explorer's own: it draws a word that there is
    controls = {"canvas": menu, "word": slider, "opacity": cloud, "dx": move}
    return Explorer(draw, controls, title="Which word looks where", size=(7.0, 2.9))
