"""Submissions are found as people hand them in; what stands there is opened only if it is a plain file of a size."""

import json
import os
import random
import socket
import tracemalloc
from copy import deepcopy
from pathlib import Path

import pytest

from course.errors import CourseError
from course.grading.journal import Journal, submission_digest, verdict_key
from course.grading.notebook import MAX_NOTEBOOK_BYTES, NotebookError, plain_python, read_notebook, read_source
from course.grading.output import line
from course.grading.program import program_for
from course.grading.rebuild import rebuild
from course.grading.submissions import (
    find_submission,
    find_submissions,
    read_submission,
    refused_folders,
    unknown_folders,
)
from tests.grading import small_notebook as small


@pytest.fixture
def source(tmp_path):
    return read_source(small.course(tmp_path) / "solutions" / small.ASSIGNMENT / small.NOTEBOOK)


@pytest.fixture
def folder(tmp_path, source) -> Path:
    path = tmp_path / "submitted" / "ada" / small.ASSIGNMENT
    path.mkdir(parents=True)
    return path


def hand_in(folder: Path, name: str = small.NOTEBOOK) -> Path:
    return small.write(small.source(), folder / name)


def looked_at(folder: Path, source) -> tuple[str | None, tuple[str, ...]]:
    found = find_submission(folder, source)
    return found.path and found.path.relative_to(folder).as_posix(), found.notes


# ---- links, and what is no file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["honest", "solutions"])
@pytest.mark.parametrize("level", ["student", "assignment"])
def test_a_linked_folder_is_nobodys_work(tmp_path, source, target, level):
    submitted = tmp_path / "submitted"
    hand_in(submitted / "honest" / small.ASSIGNMENT)
    place = submitted / "honest" if target == "honest" else tmp_path / "solutions"
    link = submitted / "mallory" if level == "student" else submitted / "mallory" / small.ASSIGNMENT
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(place if level == "student" else place / small.ASSIGNMENT)
    found = find_submission(submitted / "mallory" / small.ASSIGNMENT, source)
    assert (found.path, found.content) == (None, b"")
    assert found.notes == ("the folder is a link: links are not followed",)
    with pytest.raises(NotebookError, match="no notebook was handed in"):
        read_submission(found)
    names = [path.parent.name for path in find_submissions(submitted, source, [])]
    assert names == (["honest"] if level == "student" else ["honest", "mallory"])
    if level == "student":
        assert refused_folders(submitted) == [(link, "links are not followed")]
        with pytest.raises(CourseError, match=r"mallory in .* is not graded: links are not followed"):
            find_submissions(submitted, source, ["mallory"])
    assert unknown_folders(submitted, tmp_path) == []


@pytest.mark.parametrize("kind", ["pipe", "socket", "folder", "link", "device"])
def test_what_is_no_plain_file_is_not_opened(folder, source, kind, monkeypatch):
    path = folder / small.NOTEBOOK
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        monkeypatch.chdir(folder)  # a socket's name has a length
        socket.socket(socket.AF_UNIX).bind(path.name)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else hand_in(folder.parent / "elsewhere"))
    name, notes = looked_at(folder, source)
    assert name is None
    said = "links are not followed" if kind in ("link", "device") else "no plain file"
    assert notes == (f"{said}: {small.NOTEBOOK}",)


def test_a_pipe_is_no_source_notebook_either(tmp_path):
    os.mkfifo(tmp_path / "x.ipynb")
    with pytest.raises(NotebookError, match="no plain file"):
        read_notebook(tmp_path / "x.ipynb")


# ---- sizes ----------------------------------------------------------------------------------------------------------


def test_a_file_that_is_too_large_is_never_read(folder, source):
    (folder / small.NOTEBOOK).touch()
    os.truncate(folder / small.NOTEBOOK, 50_000_000_000)
    found = find_submission(folder, source)
    assert found.path is not None
    assert len(found.content) < 100
    with pytest.raises(NotebookError, match=r"^small.ipynb: larger than 50 MB; clear its outputs and save it again$"):
        read_submission(found)
    before = submission_digest(found)
    os.truncate(folder / small.NOTEBOOK, 50_000_000_001)
    assert submission_digest(find_submission(folder, source)) != before


def test_of_many_files_no_more_is_read_than_one_may_have(folder, source):
    hand_in(folder, "b.ipynb")
    (folder / "a.ipynb").touch()
    os.truncate(folder / "a.ipynb", MAX_NOTEBOOK_BYTES)
    assert looked_at(folder, source)[0] == "a.ipynb"
    os.truncate(folder / "a.ipynb", 1000)
    assert looked_at(folder, source)[0] == "b.ipynb"


@pytest.mark.parametrize("part", ["[]", "{}", '"ab"', "[" * 900 + "]" * 900])
def test_json_that_takes_gigabytes_is_refused_before_it_is_parsed(folder, source, part):
    text = ",".join([part] * (20_000_000 // len(part)))
    (folder / small.NOTEBOOK).write_text(f'{{"nbformat": 4, "metadata": {{"x": [{text}]}}, "cells": []}}')
    found = find_submission(folder, source)
    tracemalloc.start()
    try:
        with pytest.raises(NotebookError, match="clear its outputs and save it again"):
            read_submission(found)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_notebook_has_a_number_of_cells(folder, source):
    cells = [{"cell_type": "raw", "metadata": {}, "source": ""}] * 5_001
    (folder / small.NOTEBOOK).write_text(json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}))
    with pytest.raises(NotebookError, match="more than 5,000 cells"):
        read_submission(find_submission(folder, source))


def test_only_text_and_names_of_cells_travel(folder, source):
    nb = small.source()
    nb.metadata["padding"] = {"deep": [1]}
    for cell in nb.cells:
        cell.metadata["tags"] = ["x"]
        cell["attachments"] = {"a.png": {}}
        if cell.cell_type == "code":
            cell.outputs = [{"output_type": "stream", "name": "stdout", "text": "forged"}]
    (folder / small.NOTEBOOK).write_text(json.dumps(nb))
    read = read_submission(find_submission(folder, source))
    assert read.metadata == {}
    for ours, theirs in zip(nb.cells, read.cells, strict=True):
        assert (theirs.source, theirs.cell_type, theirs.id) == (ours.source, ours.cell_type, ours.id)
        name = ours.metadata.get("nbgrader", {}).get("grade_id")
        assert theirs.metadata == ({"nbgrader": {"grade_id": name}} if name else {})
        assert theirs.keys() == {"cell_type", "id", "metadata", "source"}


def test_five_hundred_magics_in_a_long_cell_take_no_time():
    text = "%pwd\n" * 499 + "x = 1\n" * 15_000
    assert plain_python(text) == text
    assert plain_python("%pwd\n" * 600) == "%pwd\n" * 600  # more than IPython translates
    assert "get_ipython" in plain_python("%matplotlib inline\n" + "x = 1\n" * 10_000)


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["small.ipynb.txt", "small.ipynb.json", "small.IPYNB", "week 3/small.ipynb", "Abgabe/x.ipynb"]
)
def test_a_notebook_under_an_odd_name_counts(folder, source, name):
    hand_in(folder, name)
    hand_in(folder, ".ipynb_checkpoints/small-checkpoint.ipynb")
    hand_in(folder, "__MACOSX/._small.ipynb")
    assert looked_at(folder, source) == (name, (f"the notebook was handed in as {name}",))
    assert len(read_submission(find_submission(folder, source)).cells) == len(small.source().cells)
    hand_in(folder, "other.ipynb")
    assert looked_at(folder, source)[0] == "other.ipynb"  # what is called a notebook, and stands where it should


def test_links_in_a_folder_below_are_not_followed(folder, source):
    (folder / "below").mkdir()
    (folder / "below" / "small.ipynb").symlink_to(hand_in(folder.parent / "elsewhere"))
    (folder / "linked").symlink_to(folder.parent / "elsewhere")
    assert looked_at(folder, source)[0] is None


def test_what_is_printed_of_a_file_name_is_one_plain_line(folder, source):
    hand_in(folder, "a\n5 of 5: mallory\x1b[2J\u202e.ipynb")
    hand_in(folder, os.fsdecode(b"L\xf6sung.ipynb"))
    _, notes = looked_at(folder, source)
    assert notes == ("the notebook was handed in as L?sung.ipynb",)
    os.remove(folder / os.fsdecode(b"L\xf6sung.ipynb"))
    assert looked_at(folder, source)[1] == ("the notebook was handed in as a 5 of 5: mallory.ipynb",)


def test_names_that_are_not_utf_8_have_a_digest_and_a_key(tmp_path, source):
    folder = tmp_path / "submitted" / os.fsdecode(b"M\xfcller") / small.ASSIGNMENT
    hand_in(folder, os.fsdecode(b"L\xf6sung.ipynb"))
    found = find_submission(folder, source)
    assert len(submission_digest(found)) == 64
    assert len(verdict_key(source, found, Journal(tmp_path).secret)) == 64


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (os.fsdecode(b"M\xfcller"), "its name is not UTF-8; rename it"),
        ("x" * 201, "its name is longer than 200 bytes; rename it"),
        ("ü" * 101, "its name is longer than 200 bytes; rename it"),
        ("ada\n1 of 1", "its name holds characters that are not seen; rename it"),
        ("ada\u202e", "its name holds characters that are not seen; rename it"),
        ("ada\u200b", "its name holds characters that are not seen; rename it"),
        ("ada\ufe0f", "its name holds characters that are not seen; rename it"),
        ("a\u00a0da", "its name holds characters that are not seen; rename it"),
        ("ada ", "its name begins or ends with a space; rename it"),
    ],
)
def test_a_name_that_no_report_can_hold_stops_nobody(tmp_path, folder, source, name, reason):
    submitted = tmp_path / "submitted"
    hand_in(folder)
    hand_in(submitted / name / small.ASSIGNMENT)
    hand_in(submitted / "Zoë Müller-Łoś 李 (2)" / small.ASSIGNMENT)
    assert [path.parent.name for path in find_submissions(submitted, source, [])] == ["Zoë Müller-Łoś 李 (2)", "ada"]
    assert refused_folders(submitted) == [(submitted / name, reason)]
    assert unknown_folders(submitted, tmp_path) == []
    with pytest.raises(CourseError) as caught:
        find_submissions(submitted, source, [name])
    assert reason in str(caught.value)
    assert str(caught.value) == line(str(caught.value), 1000)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("ada", "ada"), ("a\nb\r\x1b[2Jc\u202ed", "a bcd"), (os.fsdecode(b"M\xfc"), "M?"), ("x" * 900, "x" * 200 + " …")],
)
def test_a_line_for_a_terminal(text, shown):
    assert line(text) == shown


# ---- what is no notebook, and almost one ----------------------------------------------------------------------------

ODD = [None, 0, -1, 1e400, "", "x", "\ud800", "\x00", [], {}, [[]], {"a": 1}, True, "A9_1-answer", "code", ["a", 1]]
# Sources that a parser, a compiler or a tokenizer may trip over.
ODD += [
    "x = 0x" + "f" * 5_000,
    "(" * 300,
    "-" * 5_000 + "1",
    "def f(:",
    "%%time\n" * 9,
    "\\",
    "?",
    "'''",
    "x = '\ud800'",
]


def _places(node: object) -> list[tuple]:
    """(container, key) of everything in a JSON value."""
    places = []
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        places.append((node, key))
        if isinstance(value, dict | list):
            places += _places(value)
    return places


def mutated(seed: int) -> bytes:
    """The small notebook with a few things changed at random."""
    draw = random.Random(seed)
    data = json.loads(json.dumps(small.source()))
    for _ in range(draw.randint(1, 4)):
        places = _places(data)
        node, key = draw.choice(places)
        if draw.random() < 0.25:
            del node[key]
        elif draw.random() < 0.25:
            other, name = draw.choice(places)
            node[key] = deepcopy(other[name])
        elif draw.random() < 0.5:
            node[key] = deepcopy(draw.choice(ODD))
        elif sources := [place for place in places if place[1] == "source"]:
            node, key = draw.choice(sources)
            node[key] = draw.choice([odd for odd in ODD if isinstance(odd, str)])
        if not data:
            break
    content = json.dumps(data).encode()
    if draw.random() < 0.1:
        place = draw.randrange(len(content))
        content = content[:place] + draw.randbytes(2) + content[place + 2 :]
    return content


def all_the_way(folder: Path, source, content: bytes) -> None:
    (folder / small.NOTEBOOK).write_bytes(content)
    try:
        nb = read_submission(find_submission(folder, source))
    except NotebookError as error:
        if "\n" in str(error):
            raise
        return
    rebuilt = rebuild(source, nb)
    for exercise in source.exercises:
        program_for(source, rebuilt, exercise)
    json.dumps([rebuilt.nb, rebuilt.notes], ensure_ascii=False).encode()


SEEDS = range(*map(int, os.environ.get("COURSE_FUZZ_SEEDS", "0,300").split(",")))


def test_no_notebook_stops_the_run(folder, source):
    for seed in SEEDS:
        try:
            all_the_way(folder, source, mutated(seed))
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"3", b"{}", b'{"cells": 3}', b'{"cells": [3]}', b'{"cells": [{}]}', b"[" * 10_000, b"\xff\xfe\x00"],
)
def test_a_file_that_is_no_notebook_is_one_line(folder, source, content):
    (folder / small.NOTEBOOK).write_bytes(content)
    with pytest.raises(NotebookError) as caught:
        read_submission(find_submission(folder, source))
    assert str(caught.value).startswith("small.ipynb: not a Jupyter notebook")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [{"cell_type": None}, {"cell_type": ["code"]}, {"source": 3}, {"source": ["a", 1]}])
def test_a_cell_of_no_notebooks_form_is_one_line(folder, source, change):
    data = json.loads(json.dumps(small.source()))
    data["cells"][3] |= change
    (folder / small.NOTEBOOK).write_text(json.dumps(data))
    with pytest.raises(NotebookError, match="not a Jupyter notebook"):
        read_submission(find_submission(folder, source))
    with pytest.raises(NotebookError, match="not a Jupyter notebook"):
        read_notebook(folder / small.NOTEBOOK)


@pytest.mark.parametrize("grader", [None, 3, [], {"grade_id": ["A9_1-answer"]}, {"grade_id": {}}])
def test_a_grade_id_that_is_no_name_is_none(folder, source, grader):
    data = json.loads(json.dumps(small.source()))
    data["cells"][3]["metadata"]["nbgrader"] = grader
    for name in ("a.ipynb", "b.ipynb"):  # two, so that each is looked into
        (folder / name).write_text(json.dumps(data))
    nb = read_submission(find_submission(folder, source))
    assert nb.cells[3].metadata == {}
