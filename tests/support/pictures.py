"""What a picture says."""

from matplotlib.axes import Axes


def texts(ax: Axes) -> list[str]:
    """All that is written into the Axes, in the order of drawing; labels of axes are not among it."""
    return [text.get_text() for text in ax.texts]
