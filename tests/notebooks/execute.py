"""`python -m tests.notebooks.execute [LECTURE …]`: run lectures from top to bottom and store their outputs.

A notebook is written only if it ran to its end. What would change with every run, or help nobody who reads it, is
left out: times of execution, progress bars, the versions of the kernel. Widgets leave their picture and sentence.
"""

import argparse
import base64
import io
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from PIL import Image

from tests.notebooks.running import ROOT

PNG = "image/png"
LECTURES = ROOT / "lectures"
LARGEST = 1_000_000  # bytes


def lectures() -> list[Path]:
    return sorted(LECTURES.glob("*.ipynb"))


def execute(nb: NotebookNode, folder: Path, timeout: float = 600) -> float:
    """Run all cells in a fresh kernel and tidy up; returns the seconds that it took, the kernel's start included."""
    begun = time.monotonic()
    NotebookClient(nb, timeout=timeout, kernel_name="python3", store_widget_state=False).execute(cwd=str(folder))
    tidy(nb)
    return time.monotonic() - begun


def tidy(nb: NotebookNode) -> None:
    """Leave out what is not for readers."""
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
        if cell.metadata.get("slideshow", {}).get("slide_type") == "-":
            del cell.metadata["slideshow"]  # a live deck hides cells of type "-"; without one they go on below
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_progress(output)]
            for data in (output.data for output in cell.outputs if PNG in output.get("data", {})):
                data[PNG] = smaller(data[PNG])
    nb.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )


def is_progress(output: NotebookNode) -> bool:
    """A bar of tqdm, as text or as a widget."""
    text = output.get("text", "") if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")
    return bool(re.search(r"\d+%\|", text))


def smaller(png: str) -> str:
    """The same picture, in base64, with a palette of 256 colours: a third of the size, and no difference to the eye."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    buffer = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return min(png, base64.b64encode(buffer.getvalue()).decode(), key=len)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lectures", nargs="*", type=Path, help="all, unless some are named")
    os.environ.pop("MPLBACKEND", None)  # a kernel without a window of its own stores its figures
    failed = False
    named = parser.parse_args(arguments).lectures
    if missing := [path for path in named if not path.is_file()]:
        parser.error(f"there is no {missing[0]}: name a notebook such as {next(iter(lectures()))}")
    for path in named or lectures():
        nb = nbformat.read(path, as_version=4)
        print(f"{path.name} …", flush=True)
        try:
            seconds = execute(nb, path.parent)
        except CellExecutionError as error:
            print(f"  stopped, and is as it was: {error}", flush=True)
            failed = True
            continue
        text = nbformat.writes(nb)
        path.write_text(text + "\n", encoding="utf-8")
        print(f"  {seconds:.0f} s, {len(text.encode()) / 1000:.0f} kB", flush=True)
        if len(text.encode()) > LARGEST:
            print(f"  larger than {LARGEST / 1e6:.0f} MB: use fewer or smaller figures", flush=True)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
