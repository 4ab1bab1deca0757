"""One setting says where the course is; every notebook's first cell, the README and the links follow it."""

import importlib.util
import json
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course.addresses import INSTALL_ID, badges, install_cell, launch_links, put_address
from course.errors import CourseError
from course.settings import read_settings

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted(
    [*ROOT.glob("lectures/*.ipynb"), *ROOT.glob("solutions/*/*.ipynb"), *ROOT.glob("assignments/*/*.ipynb")]
)
ADDRESS = "https://github.com/a-school/attention"


# --- the notebooks of the course


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_first_code_cell_installs_and_says_what_the_setting_says(path: Path):
    nb = nbformat.read(path, as_version=4)
    first = next(cell for cell in nb.cells if cell.cell_type == "code")
    assert first.id == INSTALL_ID and first.outputs == []
    assert first.source == install_cell(read_settings(ROOT).address), "run `course address`, then `course release`"
    if path.parent.name == "lectures":
        assert first.metadata.slideshow.slide_type == "skip"
    else:
        assert first.metadata.course.role == "demo" and not first.metadata.nbgrader.grade


@pytest.mark.parametrize("address", ["", ADDRESS])
def test_the_cell_is_short(address: str):
    lines = install_cell(address).splitlines()
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 76 + (len(ADDRESS) if address else 0)


# --- what the cell does


class Notebook:
    """Stands where IPython does, and notes what it is told: nothing is installed by these tests."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def system(self, command: str) -> None:
        self.told.append(("!", command))

    def run_line_magic(self, name: str, line: str) -> None:
        self.told.append((name, line))

    def run(self, cell: str) -> dict:
        names = {"get_ipython": lambda: self}
        exec(TransformerManager().transform_cell(cell), names)
        return names


@pytest.fixture
def without_the_course(monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "course" else there(name))


def test_where_the_course_is_the_cell_does_nothing():
    notebook = Notebook()
    notebook.run(install_cell(ADDRESS))
    assert notebook.told == []


@pytest.mark.parametrize(("place", "home"), [(".", "."), ("lectures", ".."), ("assignments/01-attention", "../..")])
def test_in_the_courses_folder_it_installs_that(
    without_the_course: None, monkeypatch: pytest.MonkeyPatch, place: str, home: str
):
    monkeypatch.chdir(ROOT / place)
    notebook = Notebook()
    names = notebook.run(install_cell(""))
    assert notebook.told == [("run", "{(found or homes)[0]}/course/install.py")]
    assert names["found"] == [home]


def test_elsewhere_it_gets_the_public_repository(
    without_the_course: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    notebook = Notebook()
    names = notebook.run(install_cell(ADDRESS))
    assert notebook.told[0] == ("!", f"git clone --quiet --depth 1 {ADDRESS} attention-course")
    assert (names["found"] or names["homes"])[0] == "attention-course"


def test_elsewhere_and_without_an_address_it_says_what_to_do(
    without_the_course: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    notebook = Notebook()
    with pytest.raises(ModuleNotFoundError, match="open me in the course's folder"):
        notebook.run(install_cell(""))
    assert notebook.told == []


# --- writing it


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course of a lecture that was run, and of a solution that was not."""
    drawn = new_output("execute_result", data={"text/plain": "2"}, execution_count=1)
    lecture = [
        new_markdown_cell("# 01", id="title"),
        new_code_cell("1 + 1", id="a", execution_count=1, outputs=[drawn]),
    ]
    for path, cells in (("lectures/01.ipynb", lecture), ("solutions/01-a/a.ipynb", [new_code_cell("x = 1", id="a")])):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(nbformat.writes(new_notebook(cells=cells)) + "\n", encoding="utf-8")
    (tmp_path / "course.toml").write_text('# Where it is.\naddress = ""\n\n[late]\n')
    (tmp_path / "README.md").write_text("# Course\n\n<!-- badges --><!-- /badges -->\n")
    return tmp_path


@pytest.mark.parametrize(
    "line", ['address = ""  # none yet', "address = ''", 'address=""', '  address = "https://a.b/c/d"']
)
def test_the_setting_is_found_however_it_is_written(root: Path, line: str):
    (root / "course.toml").write_text(f"# Where it is.\n{line}\n\n[late]\n")
    put_address(root, ADDRESS)
    assert (root / "course.toml").read_text() == f'# Where it is.\naddress = "{ADDRESS}"\n\n[late]\n'


@pytest.mark.parametrize(("before", "after"), [(None, ""), ("[late]\ndays = 3\n", "[late]\ndays = 3\n")])
def test_without_the_setting_it_stands_above_the_tables(root: Path, before: str | None, after: str):
    (root / "course.toml").unlink() if before is None else (root / "course.toml").write_text(before)
    put_address(root, ADDRESS)
    assert (root / "course.toml").read_text() == f'address = "{ADDRESS}"\n{after}'


def test_a_user_s_page_is_no_repository(root: Path):
    with pytest.raises(CourseError, match="HOST/OWNER/NAME"):
        put_address(root, "https://github.com/somebody")


def cells_of(path: Path) -> list[dict]:
    return json.loads(path.read_text())["cells"]


def test_it_is_written_everywhere_and_once(root: Path):
    assert len(put_address(root, ADDRESS)) == 4
    assert read_settings(root).address == ADDRESS
    assert "# Where it is." in (root / "course.toml").read_text()
    for path in root.rglob("*.ipynb"):
        assert [cell["id"] for cell in cells_of(path)].count(INSTALL_ID) == 1
        assert ADDRESS in path.read_text()
    assert "Open in Colab" in (root / "README.md").read_text()
    assert put_address(root) == []
    assert len(put_address(root, "")) == 4
    assert not any(ADDRESS in path.read_text() for path in root.rglob("*") if path.is_file())


def test_outputs_stay_and_a_lecture_counts_on(root: Path):
    put_address(root)
    title, install, first = cells_of(root / "lectures" / "01.ipynb")
    assert (title["id"], install["execution_count"], first["execution_count"]) == ("title", 1, 2)
    assert first["outputs"][0]["data"]["text/plain"] == ["2"] and first["outputs"][0]["execution_count"] == 2
    assert [cell["execution_count"] for cell in cells_of(root / "solutions" / "01-a" / "a.ipynb")] == [None, None]


def test_what_is_no_address_is_refused(root: Path):
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    for address in ("http://github.com/a/b", "https://x.y/a b", "https://x.y/a\n!rm -rf ~", "file:///tmp"):
        with pytest.raises(CourseError, match="not an address"):
            put_address(root, address)
    assert before == {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_only_what_is_on_github_gets_links():
    links = launch_links(ADDRESS, "lectures/01 a.ipynb")
    assert links == {
        "Colab": "https://colab.research.google.com/github/a-school/attention/blob/main/lectures/01%20a.ipynb",
        "Codespaces": "https://codespaces.new/a-school/attention",
    }
    assert launch_links("", "x") == launch_links("https://git.a-school.edu/a/b", "x") == {}
    assert badges("", "x") == ""


def test_nothing_links_anywhere_while_there_is_no_address():
    if not read_settings(ROOT).address:
        assert "<!-- badges --><!-- /badges -->" in (ROOT / "README.md").read_text()
