"""Expected and actual side by side, as text for a terminal."""

import torch

ROWS, COLUMNS = 8, 6
GAP = "    "


def side_by_side(expected: torch.Tensor, actual: torch.Tensor) -> str:
    """A table of the last two axes of two tensors of one shape; `*` marks what differs, see `first_plane`."""
    differs = ~close_to_the_eye(expected, actual)
    index, wanted = first_plane(expected, differs)
    yours, marks = actual[index], differs[index]
    wanted, yours, marks = (grid(t) for t in (wanted, yours, marks))
    left = ["expected", *rows(wanted, torch.zeros_like(marks))]
    right = ["yours (* differs)", *rows(yours, marks)]
    width = max(map(len, left))
    lines = [f"{a:<{width}}{GAP}{b}".rstrip() for a, b in zip(left, right, strict=True)]
    return "\n".join([*heading(index, wanted), *lines, *footer(expected, actual, differs)])


def close_to_the_eye(expected: torch.Tensor, actual: torch.Tensor) -> torch.Tensor:
    """Where the values agree to four digits of the largest: equal to a reader of rounded values."""
    size = expected[expected.isfinite()].abs().max().item() if expected.isfinite().any() else 0.0
    near = (expected - actual).abs() <= 1e-4 * expected.abs() + 1e-5 * min(size, 1.0)
    return near | (expected == actual) | (expected.isnan() & actual.isnan())


def first_plane(tensor: torch.Tensor, differs: torch.Tensor) -> tuple[tuple[int, ...], torch.Tensor]:
    """The first matrix along the leading axes in which something differs, with its index."""
    if tensor.dim() <= 2:
        return (), tensor
    planes = differs.flatten(-2).any(-1)
    where = planes.nonzero()
    index = tuple(where[0].tolist()) if len(where) else (0,) * (tensor.dim() - 2)
    return index, tensor[index]


def grid(tensor: torch.Tensor) -> torch.Tensor:
    """Any tensor of at most two axes as a matrix: a vector becomes a row."""
    return tensor.reshape(1, -1) if tensor.dim() < 2 else tensor


def rows(matrix: torch.Tensor, marks: torch.Tensor) -> list[str]:
    """The first rows and columns of a matrix, rounded and aligned."""
    shown = matrix[:ROWS, :COLUMNS].tolist()
    cells = [
        [number(v) + ("*" if m else " ") for v, m in zip(*both, strict=True)]
        for both in zip(shown, marks[:ROWS, :COLUMNS].tolist(), strict=True)
    ]
    width = max((len(cell) for row in cells for cell in row), default=1)
    more = " …" if matrix.shape[1] > COLUMNS else ""
    return [" ".join(f"{cell:>{width}}" for cell in row) + more for row in cells]


def number(value: float) -> str:
    """Four significant digits; whole numbers stay whole."""
    return f"{value:.0f}" if value == int_or_none(value) and abs(value) < 1e6 else f"{value:.4g}"


def int_or_none(value: float) -> int | None:
    """`value` as an integer, None for NaN and infinities."""
    return int(value) if abs(value) < float("inf") else None


def heading(index: tuple[int, ...], matrix: torch.Tensor) -> list[str]:
    """Which part of the tensors the table shows, where it is a part."""
    part = [f"[{', '.join(map(str, index))}, :, :]"] if index else []
    if matrix.shape[0] > ROWS or matrix.shape[1] > COLUMNS:
        part += [f"the first of {matrix.shape[0]} rows and {matrix.shape[1]} columns"]
    return [", ".join(part)] if part else []


def footer(expected: torch.Tensor, actual: torch.Tensor, differs: torch.Tensor) -> list[str]:
    """How many values differ, and by how much at most."""
    count = int(differs.sum())
    gap = (expected - actual).abs()
    largest = gap[gap.isfinite()].max().item() if gap.isfinite().any() else float("nan")
    return ["", f"{count} of {expected.numel()} differ, by {largest:.3g} at most"] if expected.numel() else []
