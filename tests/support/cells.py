"""Cells of small lectures, for tests of what is made from notebooks."""

import base64
import io
from typing import Any

from matplotlib.figure import Figure
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output


def picture() -> str:
    """A PNG of a line, in base64 as notebooks store it."""
    figure, file = Figure(figsize=(6.4, 3.2), dpi=50), io.BytesIO()
    figure.subplots().plot([1, 2])
    figure.savefig(file, format="png")
    return base64.b64encode(file.getvalue()).decode()


def markdown(kind: str, text: str) -> NotebookNode:
    """A cell of prose on a slide of this kind."""
    return new_markdown_cell(text, metadata={"slideshow": {"slide_type": kind}})


def code(kind: str, text: str, *bundles: dict[str, Any]) -> NotebookNode:
    """A cell of code with an output for each bundle."""
    outputs = [new_output("display_data", data=data) for data in bundles]
    return new_code_cell(text, metadata={"slideshow": {"slide_type": kind}}, outputs=outputs)
