"""Controls above a picture, and a sentence that says what the picture shows.

A widget of this course is an `Explorer` around a plain function `draw(figure, **values) -> sentence`. The function
draws on an empty matplotlib figure and can be called, and tested, without any widget. The sentence is shown below the
picture, is its text for those who can't see it, and is what a reader of the stored notebook gets in plain text.

Where there is no kernel (a web page, slides, a printed notebook), the picture of the first values is shown as it is.
"""

import base64
import html
import io
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Draw = Callable[..., str]
Rectangle = tuple[float, float, float, float]  # left, bottom, width, height, in shares of the figure
DPI = 80  # a picture is drawn and sent within 100 ms


def fixed_axes(figure: Figure, *places: Rectangle) -> list[Axes]:
    """Axes at fixed places, for a picture that is crowded: to find places anew takes longer than to draw."""
    figure.set_layout_engine("none")
    return [figure.add_axes(place) for place in places]


class Explorer(ipywidgets.VBox):
    """Redraws its picture whenever a control changes.

    Args:
        draw: `draw(figure, **values)` draws the picture for these values of the controls, and returns one or two
            sentences of plain text about it.
        controls: by the name of the argument of `draw`. Each has a `value`, and a description, its label.
        title: stands above all, a few words.
        size: of the picture, in inches.

    Attributes:
        sentence: what `draw` returned last.
        png: the picture that it drew last.

    Raises:
        ValueError: a control without a label.
    """

    def __init__(
        self,
        draw: Draw,
        controls: Mapping[str, ipywidgets.ValueWidget],
        *,
        title: str,
        size: tuple[float, float] = (6.4, 3.4),
    ):
        for name, control in controls.items():
            if not getattr(control, "description", ""):
                raise ValueError(f"the control {name!r} has no description: it is the label that people read")
            if "description_width" in control.style.traits():
                control.style.description_width = "initial"
        self.draw, self.controls, self.size, self.title = draw, dict(controls), size, title
        self.picture = ipywidgets.HTML()
        self.redraw()
        heading = ipywidgets.HTML(f"<strong>{html.escape(title)}</strong>")
        super().__init__([heading, *self.controls.values(), self.picture])
        for control in self.controls.values():
            control.observe(self.redraw, names="value")

    @property
    def values(self) -> dict[str, Any]:
        """What the controls say now."""
        return {name: control.value for name, control in self.controls.items()}

    def redraw(self, change: Any = None) -> None:
        """Draw the picture of the controls' values. Where that fails, the widget says so: JupyterLab would not."""
        self.figure = Figure(figsize=self.size, dpi=DPI, layout="constrained")  # clearing the old one takes longer
        FigureCanvasAgg(self.figure)
        try:
            self.sentence = self.draw(self.figure, **self.values)
        except Exception as error:
            text = html.escape(f"This could not be drawn ({type(error).__name__}: {error}). Run the cell again.")
            self.picture.value = f'<p role="alert">{text}</p>'
            raise
        buffer = io.BytesIO()
        self.figure.canvas.print_png(buffer)  # draws once; `savefig` draws twice
        self.png = buffer.getvalue()
        text = html.escape(self.sentence, quote=True)
        source = f"data:image/png;base64,{base64.b64encode(self.png).decode()}"
        self.picture.value = (
            f'<figure style="margin: 0"><img src="{source}" alt="{text}" style="max-width: 100%">'
            f'<figcaption aria-live="polite">{text}</figcaption></figure>'
        )

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget; and for readers without a kernel the picture and the sentence."""
        data = super()._repr_mimebundle_(**options)
        title = self.title if self.title.endswith("?") else f"{self.title}:"
        still = {"text/plain": f"{title} {self.sentence}", "image/png": base64.b64encode(self.png).decode()}
        return data | still
