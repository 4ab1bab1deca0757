"""One look for all figures of the course."""

import matplotlib
from matplotlib.rcsetup import cycler

from course.plots.palette import COLOURS


def use() -> None:
    """Set matplotlib's defaults: size, resolution, colours. A notebook calls it once, at its top."""
    matplotlib.rcParams.update(
        {
            "figure.figsize": (6.4, 3.2),
            "figure.dpi": 90,
            "figure.constrained_layout.use": True,
            "axes.prop_cycle": cycler(color=COLOURS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "legend.frameon": False,
            "image.cmap": "viridis",
        }
    )
