"""Where the course lies in public, written to every place that says so: one setting, `address` in course.toml.

While it is empty nothing links anywhere, and a notebook that finds no course around it says what to do. `course
address URL` sets it; `course address` writes the places anew after somebody has edited them.
"""

import re
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbformat import NotebookNode

from course.errors import CourseError
from course.settings import ADDRESS, FILE, read_settings

INSTALL_ID = "install"
INSTALL = """\
# Where the course is missing, this installs it; elsewhere it does nothing.
from importlib.util import find_spec
from os.path import exists

if not (find_spec("course") and find_spec("jaxtyping")):
    homes = ["attention-course", ".", "..", "../.."]
    found = [home for home in homes if exists(f"{home}/course/install.py")]
    if not found:
        OTHERWISE
    %run {(found or homes)[0]}/course/install.py"""
NOWHERE = """raise ModuleNotFoundError("open me in the course's folder")"""
CLONE = "!git clone --quiet --depth 1 {address} attention-course"
BRANCH = "main"
BADGES = re.compile(r"<!-- badges -->.*?<!-- /badges -->", re.DOTALL)
SETTING = re.compile(r"^[ \t]*address[ \t]*=.*$", re.MULTILINE)
ROLES = {
    "lectures": {"slideshow": {"slide_type": "skip"}, "tags": ["setup"]},
    # A demonstration is never graded; nbgrader puts a locked cell back.
    "solutions": {
        "course": {"role": "demo"},
        "nbgrader": {
            "cell_type": "code", "grade": False, "grade_id": INSTALL_ID, "locked": True, "schema_version": 3,
            "solution": False, "task": False,
        },
    },
}  # fmt: skip


def install_cell(address: str) -> str:
    """The text of every notebook's first code cell. address: the setting, "" while there is none."""
    return INSTALL.replace("OTHERWISE", CLONE.format(address=address) if address else NOWHERE)


def launch_links(address: str, notebook: str) -> dict[str, str]:
    """Name -> address of the services that open a notebook of the public repository; none while there is none.

    notebook: its path in the repository. Colab and Codespaces open what is on GitHub, and nothing else.
    """
    owner_and_name = address.removeprefix("https://github.com/").removesuffix(".git")
    if not address.startswith("https://github.com/") or owner_and_name.count("/") != 1:
        return {}
    return {
        "Colab": f"https://colab.research.google.com/github/{owner_and_name}/blob/{BRANCH}/{quote(notebook)}",
        "Codespaces": f"https://codespaces.new/{owner_and_name}",
    }


def badges(address: str, notebook: str) -> str:
    """Those links as a line of Markdown; "" where there are none."""
    return " · ".join(f"[Open in {name}]({link})" for name, link in launch_links(address, notebook).items())


def put_address(root: Path, address: str | None = None) -> list[Path]:
    """Write the address to every place that says it; return the files that changed.

    address: the new one, "" for none; None writes the one that course.toml has. CourseError if it is no address.
    """
    changed = []
    if address is None:
        address = read_settings(root).address
    else:
        if address and not ADDRESS.fullmatch(address):
            raise CourseError(f'{address!r} is not an address like "https://HOST/OWNER/NAME"')
        changed += _set_address(root / FILE, address)
    for folder, metadata in ROLES.items():
        for path in sorted([*(root / folder).glob("*.ipynb"), *(root / folder).glob("*/*.ipynb")]):
            changed += _put_cell(path, install_cell(address), metadata)
    first = next(iter(sorted((root / "lectures").glob("*.ipynb"))), None)
    line = badges(address, first.relative_to(root).as_posix()) if first else ""
    return changed + _set_badges(root / "README.md", f"<!-- badges -->{line}<!-- /badges -->")


def _set_address(path: Path, address: str) -> list[Path]:
    """Write the setting where it stands, or above all tables of a file that may not be there yet."""
    before = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    after, places = SETTING.subn(lambda _: f'address = "{address}"', before, count=1)
    return _write(path, before, after if places else f'address = "{address}"\n{before}')


def _set_badges(path: Path, text: str) -> list[Path]:
    """Write the badges where they stand. A file without a place for them is left alone."""
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    return _write(path, before, BADGES.sub(lambda _: text, before, count=1))


def _write(path: Path, before: str, after: str) -> list[Path]:
    """Write a file if it changes; those that did."""
    if after == before:
        return []
    path.write_text(after, encoding="utf-8")
    return [path]


def _put_cell(path: Path, text: str, metadata: dict) -> list[Path]:
    """Put the cell before the first code cell, or write it anew where it stands. Stored outputs stay as they are."""
    before = path.read_text(encoding="utf-8")
    nb = nbformat.reads(before, as_version=4)
    cell = next((cell for cell in nb.cells if cell.get("id") == INSTALL_ID), None)
    if cell is None:
        cell = nbformat.v4.new_code_cell(id=INSTALL_ID, metadata=metadata)
        place = next((index for index, other in enumerate(nb.cells) if other.cell_type == "code"), len(nb.cells))
        nb.cells.insert(place, cell)
        _count_on(nb)
    cell.source = text
    return _write(path, before, nbformat.writes(nb, version=4) + "\n")


def _count_on(nb: NotebookNode) -> None:
    """Number the cells of an executed notebook as if it had been run with the new one."""
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    if all(cell.execution_count is not None for cell in code if cell.id != INSTALL_ID):
        for number, cell in enumerate(code, 1):
            cell.execution_count = number
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = number
