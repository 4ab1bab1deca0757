"""A stored notebook as a page without a kernel shows it. Sphinx's own copy, which readers download, stays as it is."""

from html import escape

import nbformat
from nbformat import NotebookNode

from course.addresses import INSTALL_ID
from course.slides.stills import slide_type, stills

LIVE = "This is a picture. To move it, run the notebook in JupyterLab (<code>jupyter lab</code>)."


def read(text: str) -> NotebookNode:
    """The notebook that myst-nb shows: stills in place of widgets, notes and set-up folded, pictures with alt texts."""
    nb = stills(nbformat.reads(text, as_version=4), leave_out=())
    nb.cells = [cell for cell in nb.cells if cell.get("id") != INSTALL_ID]  # nothing to read
    for cell in nb.cells:
        if slide_type(cell) == "notes":
            cell.source = (
                f'<details class="notes"><summary>For whoever teaches</summary>\n\n{cell.source}\n\n</details>'
            )
        elif slide_type(cell) == "skip":
            cell.metadata.tags = [*cell.metadata.get("tags", []), "hide-input"]
            cell.metadata.mystnb = {"code_prompt_show": "Show the set-up", "code_prompt_hide": "Hide the set-up"}
        if cell.cell_type == "code":
            explain(cell)
    return nb


def explain(cell: NotebookNode) -> None:
    """Say in myst-nb's words what `stills` says of a cell's pictures: the alt text; below a widget's, how to run it."""
    alts = [output.metadata.alt for output in cell.outputs if "alt" in output.get("metadata", {})]
    if alts:
        cell.metadata.setdefault("mystnb", {})["image"] = {"alt": alts[0]}
    outputs = []
    for output in cell.outputs:
        outputs.append(output)
        if output.get("metadata", {}).get("live"):
            said = output.metadata.get("caption", "")
            html = f'<p class="caption">{escape(said)}</p><p class="live">{LIVE}</p>'
            outputs.append(nbformat.v4.new_output("display_data", {"text/html": html}))
    cell.outputs = outputs
