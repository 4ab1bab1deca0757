"""Expected | yours | difference as a heat map in a notebook. matplotlib and IPython are imported only
here.
"""

import io
import sys

import torch

from course.check.table import close_to_the_eye, first_plane, grid, number

WRITTEN_ROWS, WRITTEN_COLUMNS = 8, 6
DPI = 110


def show(expected: torch.Tensor, actual: torch.Tensor) -> bool:
    """Display the heat map if this is a notebook's kernel; False where there is none, or no matplotlib."""
    if not in_kernel():
        return False
    try:
        from IPython.display import display

        png, index = draw(expected, actual)
    except ImportError:
        return False
    caption = "expected | yours | difference" + (f" at [{', '.join(map(str, index))}, :, :]" if index else "")
    display({"image/png": png, "text/plain": caption}, raw=True)
    return True


def in_kernel() -> bool:
    """Does this process serve a notebook?"""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def draw(expected: torch.Tensor, actual: torch.Tensor) -> tuple[bytes, tuple[int, ...]]:
    """A PNG of the last two axes of two tensors of one shape, and the leading index that it shows.

    Expected and yours share one colour bar; the difference has its own, white at zero. What is NaN or
    infinite is grey.
    """
    from matplotlib.figure import Figure  # not pyplot: its figures would be shown a second time

    index, wanted = first_plane(expected, ~close_to_the_eye(expected, actual))
    wanted, yours = grid(wanted), grid(actual[index])
    rows, columns = wanted.shape
    height = min(3.4, max(1.7, 1.1 + 0.32 * rows))
    figure = Figure(figsize=(9.6, height), dpi=DPI, layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    values = [t.clone().masked_fill(~t.isfinite(), float("nan")) for t in (wanted, yours, yours - wanted)]
    finite = torch.cat([v[v.isfinite()] for v in values[:2]])
    low, high = (finite.min().item(), finite.max().item()) if finite.numel() else (0.0, 1.0)
    gap = values[2][values[2].isfinite()]
    widest = gap.abs().max().item() if gap.numel() and gap.any() else 1.0
    first = panel(left, values[0], wanted, "expected", "viridis", low, high)
    panel(middle, values[1], yours, "yours", "viridis", low, high)
    last = panel(right, values[2], yours - wanted, "difference", "RdBu", -widest, widest)
    for image, beside in ((first, [left, middle]), (last, right)):
        figure.colorbar(image, ax=beside, shrink=0.9).ax.tick_params(labelsize=8)
    if index:
        figure.suptitle(f"[{', '.join(map(str, index))}, :, :]", fontsize=9)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue(), index


def panel(axes, finite: torch.Tensor, values: torch.Tensor, title: str, colours: str, low: float, high: float):
    """One heat map; a small one has its rounded values written in its cells."""
    from matplotlib.ticker import MaxNLocator

    rows, columns = values.shape
    axes.set_facecolor("0.75")
    image = axes.imshow(finite.numpy(), cmap=colours, vmin=low, vmax=high, aspect="auto", interpolation="nearest")
    axes.set_title(title, fontsize=10)
    axes.tick_params(labelsize=8)
    for side in (axes.xaxis, axes.yaxis):
        side.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    if rows <= WRITTEN_ROWS and columns <= WRITTEN_COLUMNS:
        write(axes, image, finite, values)
    return image


def write(axes, image, finite: torch.Tensor, values: torch.Tensor) -> None:
    """The values in their cells, dark on light and light on dark."""
    for i, row in enumerate(values.tolist()):
        for j, value in enumerate(row):
            red, green, blue, _ = (
                image.cmap(image.norm(finite[i, j].item())) if finite[i, j].isfinite() else (1, 1, 1, 1)
            )
            ink = "black" if 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 else "white"
            axes.text(j, i, number(float(f"{value:.3g}")), ha="center", va="center", fontsize=7, color=ink)
