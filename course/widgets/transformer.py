"""The diagram of the transformer, box by box: what goes in, what comes out, what is learned."""

import ipywidgets
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from course.plots.transformer import PARTS, Sizes, facts, highlight, shapes, skeleton, written
from course.widgets.explorer import DPI, Explorer

SIZE = (5.3, 6.2)  # inches, in which the diagram fills the picture


def diagram_explorer(vocabulary: int, first: str = "cross-attention") -> Explorer:
    """Choose a box and the sizes; the picture frames the box, and its shapes and parameters stand beside it.

    Args:
        vocabulary: tokens of either language.
        first: the part (of `course.plots.transformer.PARTS`) that is chosen at the beginning.
    """
    background = _picture_of_the_skeleton()

    def draw(figure: Figure, part: str, B: int, S: int, T: int, d_model: int, H: int) -> str:
        sizes = Sizes(B, S, T, d_model, H, vocabulary)
        found = facts(part, sizes)
        figure.set_layout_engine("none")
        figure.figimage(background, zorder=-1)
        ax = figure.add_axes((0, 0, 1, 1))
        ax.set(xlim=(0, 12.2), ylim=(0, 14.2))
        ax.set_axis_off()
        highlight(shapes(ax, sizes), part)
        takes = " and ".join(written(shape) for shape in found.inputs)
        lines = [f"{PARTS[part].number}  {part}", f"in: {takes}"]
        if found.inside:
            lines.append(f"inside: {found.inside[0]} {written(found.inside[1])}")
        lines += [f"out: {written(found.output)}", f"parameters: {found.parameters:,}", f"= {found.formula}"]
        ax.text(0.4, 13.9, "\n".join(lines), fontsize=8, va="top", linespacing=1.4)
        inside = f" Inside it makes {found.inside[0]} {written(found.inside[1])}." if found.inside else ""
        places = len(PARTS[part].places)
        each = f" Each of the {places} in a layer has" if places > 1 else " It has"
        return (
            f"Box {PARTS[part].number}, {part}: from {takes} to {written(found.output)}.{inside}"
            f"{each} {found.parameters:,} parameters ({found.formula})."
        )

    style = {"continuous_update": False}
    controls = {
        "part": ipywidgets.Dropdown(options=list(PARTS), value=first, description="box"),
        "B": ipywidgets.IntSlider(2, min=1, max=64, description="B, sentences", **style),
        "S": ipywidgets.IntSlider(7, min=1, max=50, description="S, source tokens", **style),
        "T": ipywidgets.IntSlider(5, min=1, max=50, description="T, target tokens", **style),
        "d_model": ipywidgets.SelectionSlider(options=[64, 128, 256, 512, 1024], value=512, description="d_model"),
        "H": ipywidgets.SelectionSlider(options=[1, 2, 4, 8, 16], value=8, description="H, heads"),
    }
    return Explorer(draw, controls, title="The transformer, box by box", size=SIZE)


def _picture_of_the_skeleton() -> np.ndarray:
    """Drawn once: boxes and arrows take longer than a slider may."""
    figure = Figure(figsize=SIZE, dpi=DPI, layout="none")
    canvas = FigureCanvasAgg(figure)
    ax = skeleton(figure.add_axes((0, 0, 1, 1)))
    ax.set_aspect("auto")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).copy()  # (height, width, 4)
