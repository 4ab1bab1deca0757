"""A photograph as a sequence of patches."""

from collections.abc import Iterable, Sequence

from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from course.plots.palette import GREY

Photo = Float[Tensor, "height width 3"]


def grid(ax: Axes, photo: Photo, size: int, *, title: str = "") -> Axes:
    """A photograph (numbers from 0 to 1) with the lines along which it is cut."""
    height, width = photo.shape[:2]
    ax.imshow(photo.detach().cpu().clamp(0, 1).numpy())
    for y in range(size, height, size):
        ax.axhline(y - 0.5, color="white", linewidth=0.5)
    for x in range(size, width, size):
        ax.axvline(x - 0.5, color="white", linewidth=0.5)
    ax.set(title=title, xticks=[], yticks=[])
    return ax


def gallery(
    axes: Iterable[Axes],
    patches: Float[Tensor, "patches numbers"],
    embedded: Float[Tensor, "patches d_emb"],
    positions: Sequence[int],
    size: int,
) -> None:
    """Some patches, each above the vector that it becomes: two rows of axes, patches first.

    Args:
        patches: rows of size · size · 3 numbers, in the order (y, x, colour).
        positions: which patches to show, by their number in the sequence.
    """
    axes = list(axes)
    above, below = axes[: len(positions)], axes[len(positions) :]
    top = embedded.abs().max().item()
    for place, ax, under in zip(positions, above, below, strict=True):
        ax.imshow(patches[place].detach().cpu().reshape(size, size, 3).clamp(0, 1).numpy())
        ax.set(title=f"patch {place}", xticks=[], yticks=[])
        under.imshow(embedded[place].detach().cpu()[:, None].numpy(), cmap="PuOr", vmin=-top, vmax=top, aspect="auto")
        under.set(xticks=[], yticks=[], xlabel=f"x_{place}")
    below[0].set_ylabel(f"{embedded.shape[1]} numbers", color=GREY)


def assembled(patches: Float[Tensor, "patches numbers"], rows: int, size: int) -> Photo:
    """The photograph that `rows` rows of patches make, each patch in the order (y, x, colour)."""
    tiles = patches.detach().cpu().reshape(rows, -1, size, size, 3)  # (rows, columns, y, x, 3)
    return tiles.transpose(1, 2).reshape(rows * size, -1, 3)  # (height, width, 3)


def side_by_side(axes: Iterable[Axes], photos: Sequence[Photo], titles: Sequence[str]) -> None:
    """Photographs with a title each."""
    for ax, photo, title in zip(axes, photos, titles, strict=True):
        ax.imshow(photo.detach().cpu().clamp(0, 1).numpy())
        ax.set(title=title, xticks=[], yticks=[])
