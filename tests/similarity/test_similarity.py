"""`course similarity`: copies in disguise are found, what all were given is no evidence, nothing hostile stops it."""

import csv
import io
import json
import shutil
import time
from pathlib import Path
from random import Random

import nbformat
import pytest

from course.cli import main
from course.errors import CourseError
from course.grading.notebook import read_source, stub_of, text_of_submission
from course.grading.rebuild import rebuild
from course.similarity.answers import answer_texts
from course.similarity.fingerprints import fingerprints
from course.similarity.known_code import given_code, known_code
from course.similarity.pairs import (
    LEAST_EVIDENCE,
    Alike,
    alike_in,
    compare,
    groups_of,
    pairs_of_students,
    weight_of,
)
from course.similarity.report import side_by_side, similarity_csv, similarity_html, similarity_table
from tests.similarity.disguises import DISGUISES
from tests.support.answers import load

ROOT = Path(__file__).parents[2]
ASSIGNMENT = "01-attention"
SOURCE = read_source(ROOT / "solutions" / ASSIGNMENT / "attention.ipynb")
RIGHT = {a.name: a.source for a in load(ROOT / "tests" / "answers" / ASSIGNMENT / "right.toml")}
MASKS = RIGHT["own exponentials, divided where there is a sum"]  # A1.4
OTHER_MASKS = RIGHT["cumulative sums, tril, torch.where"]
LOOPS = RIGHT["loops over queries and keys"]  # A1.1

CODE = """
def mean(values, start=0):
    total = start
    for value in values:
        total = total + value * 2
    return total / len(values), total
"""


# --- fingerprints


@pytest.mark.parametrize(
    "text",
    [
        CODE.replace("total", "s").replace("values", "xs"),
        CODE.replace("    total = start", "    # the sum\n\n    total  =  start  # so far"),
        CODE.replace("    total = start", '    """The mean."""\n    total = start'),
        CODE.replace("value * 2", "(value * 3.5)").replace(
            "return total / len(values), total", "return (total / len(values), total)"
        ),
        "import math, re as regex\nfrom torch import (\n    nn, Tensor,\n    float64, int64, device)\n" + CODE,
        CODE.replace("(values, start=0)", "(\n    values,\n    start=0,\n)"),
    ],
    ids=["names", "comments and blanks", "docstring", "numbers and brackets", "imports", "line breaks"],
)
def test_what_changes_no_meaning_changes_no_fingerprint(text: str):
    assert fingerprints(text).hashes == fingerprints(CODE).hashes


def test_the_order_of_functions_changes_no_fingerprint():
    other = "def spread(a, b):\n    return max(a, b) - min(a, b) + abs(a - b)\n"
    assert fingerprints(CODE + other).hashes == fingerprints(other + CODE).hashes


def test_what_is_called_tells_two_texts_apart():
    assert not fingerprints("y = x.softmax(-1) @ v.exp()").hashes & fingerprints("y = x.cumsum(-1) @ v.log()").hashes
    net = "class Net:\n    def f(self, x):\n        self.{0} = x + 1\n        return self.{0} * x - self.{0}\n"
    assert fingerprints(net.format("memory")).hashes == fingerprints(net.format("past")).hashes
    own = "def {0}(a, b):\n    return a * b + 1\nz = {0}(x, y) * {0}(y, x) + 2\n"
    assert fingerprints(own.format("dot")).hashes == fingerprints(own.format("product")).hashes


def test_a_needless_definition_makes_no_other_word_of_a_method():
    text = "y = (x - x.amax(-1)).clamp(0).exp() / z.sum(-1)\n"
    assert fingerprints(text).hashes <= fingerprints("def clamp(x):\n    return x\n\n\ndef f():\n    " + text).hashes


def test_a_place_is_where_the_run_stands_in_the_text():
    text = "# é\n" + CODE
    starts = {text[start:].split()[0] for places in fingerprints(text).places.values() for start, _ in places}
    assert "for" in starts and "#" not in starts
    text = "print('one', f'{a} and two', \"three\" 'four', 'a long last text')"
    (places,) = fingerprints(text, run=13).places.values()
    assert text[slice(*places[0])] == text[:-1]


# --- weights, pairs, groups


def prints(**students: range) -> dict[str, frozenset[int]]:
    return {student: frozenset(hashes) for student, hashes in students.items()}


def test_what_a_fifth_of_the_class_writes_is_no_evidence():
    same = {f"s{index:02}": range(30) for index in range(5)}
    others = {f"t{index:02}": range(100 * index, 100 * index + 30) for index in range(1, 20)}
    assert alike_in("a", "e", prints(**same, **dict(list(others.items())[:10])), set()) == []
    assert len(alike_in("a", "e", prints(**same, **others, u=range(9_000, 9_030)), set())) == 10


def test_evidence_weighs_less_the_more_students_have_it():
    assert weight_of(2, 10) == 1
    assert weight_of(5, 10) == 0.5
    assert weight_of(11, 10) == 0


def test_a_short_answer_is_never_alike():
    short = int(LEAST_EVIDENCE) - 1
    assert alike_in("a", "e", prints(ada=range(short), bob=range(short)), set()) == []
    assert len(alike_in("a", "e", prints(ada=range(short + 1), bob=range(short + 1)), set())) == 1


def test_little_of_a_long_answer_is_not_alike():
    assert alike_in("a", "e", prints(ada=range(100), bob=range(80, 180)), set()) == []
    assert len(alike_in("a", "e", prints(ada=range(100), bob=range(70, 170)), set())) == 1


def test_padding_does_not_hide_a_copy():
    (alike,) = alike_in("a", "e", prints(ada=range(20), bob=range(200)), set())
    assert alike.shares == (1.0, 0.1) and alike.share == 1.0 and alike.evidence == 20


def test_only_the_wanted_students_pairs_are_shown():
    found = alike_in("a", "e", prints(ada=range(20), bob=range(20), eve=range(40, 60), mia=range(40, 60)), {"mia"})
    assert [alike.students for alike in found] == [("eve", "mia")]


def test_several_exercises_are_stronger_than_one():
    found = [
        Alike("a", "e1", ("ada", "bob"), (1, 1), 30),
        Alike("a", "e1", ("eve", "mia"), (1, 1), 20),
        Alike("a", "e2", ("eve", "mia"), (0.5, 0.5), 25),
    ]
    first, second = pairs_of_students(found)
    assert (first.students, first.evidence, first.share) == (("eve", "mia"), 45, 1)
    assert [alike.exercise for alike in first.alike] == ["e2", "e1"]
    assert second.students == ("ada", "bob")


def test_groups_are_those_of_more_than_two():
    assert groups_of([("b", "a"), ("c", "d"), ("e", "f"), ("d", "f")]) == [["c", "d", "e", "f"]]


# --- what everybody was given


def test_given_code_holds_stub_reference_tests_and_textbook():
    given = given_code(ROOT, SOURCE)
    stubs = [stub_of(cell.source) for exercise in SOURCE.exercises for cell in exercise.answers]
    assert all(fingerprints(stub).hashes <= given for stub in stubs)
    assert all(fingerprints(cell.source).hashes <= given for cell in SOURCE.nb.cells if cell.cell_type == "code")
    assert fingerprints((ROOT / "course" / "models" / "bert.py").read_text()).hashes <= given
    lecture = nbformat.read(ROOT / "lectures" / "02-attention.ipynb", as_version=4)
    assert all(fingerprints(cell.source).hashes <= given for cell in lecture.cells if cell.cell_type == "code")
    assert not fingerprints(MASKS).hashes <= given


def test_right_answers_are_known_where_the_copy_of_the_course_has_them():
    assert fingerprints(MASKS).hashes <= known_code(ROOT, SOURCE)


# --- a class


def notebook(answers: dict[str, str], helpers: dict[str, str] | None = None) -> str:
    """The released notebook with these answers (by exercise), and cells of the student's above some of them."""
    nb = nbformat.read(ROOT / "assignments" / ASSIGNMENT / "attention.ipynb", as_version=4)
    cells = []
    for cell in nb.cells:
        facts = cell.metadata.get("course", {})
        if facts.get("role") == "answer":
            if facts["exercise"] in (helpers or {}):
                cells.append(nbformat.v4.new_code_cell(helpers[facts["exercise"]]))
            cell.source = answers.get(facts["exercise"], cell.source)
        cells.append(cell)
    nb.cells = cells
    return json.dumps(nb)


HOSTILE = '</mark><script>alert("x")</script>\n\u202edef f(:\n# HIDDEN \ud800 {{ 7 * 7 }} \x1b[31m\n'


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with submissions: bob has ada's masks in disguise, cyd has them cut into cells, dan has his own."""
    root = tmp_path_factory.mktemp("course")
    (root / "nbgrader_config.py").write_text("")
    shutil.copytree(ROOT / "solutions" / ASSIGNMENT, root / "solutions" / ASSIGNMENT)
    disguised = DISGUISES["all of it"](MASKS, Random(3))
    first, rest = MASKS.strip().split("\n\n\n", 1)
    reference = "\n".join(SOURCE.exercise("A1.4").answers[0].source.splitlines())
    submitted = {
        "ada": notebook({"A1.4": MASKS, "A1.1": LOOPS}),
        "bob": notebook({"A1.4": disguised, "A1.1": HOSTILE + DISGUISES["renamed"](LOOPS, Random(1))}),
        "cyd": notebook({"A1.4": rest}, helpers={"A1.1": first}),
        "dan": notebook({"A1.4": OTHER_MASKS}),
        "the-reference": notebook({"A1.4": reference}),
        "the-reference-again": notebook({"A1.4": reference}),
        "blank": notebook({}),
        "hostile": notebook({"A1.4": HOSTILE * 500, "A1.1": "match" + " " * 90_000 + "x", "A1.2": "x" * 200_000}),
        "<b>broken": "{no notebook",
    }
    for student, text in submitted.items():
        folder = root / "submitted" / student / ASSIGNMENT
        folder.mkdir(parents=True)
        (folder / "attention.ipynb").write_text(text, encoding="utf-8", errors="surrogatepass")
    return root


@pytest.fixture(scope="module")
def compared(root: Path):
    start = time.process_time()
    (one,) = compare(root, root / "submitted", [], [])
    assert time.process_time() - start < 20  # seconds; a hostile cell that pygments reads step by step takes a minute
    return one


def test_a_copy_is_found_in_disguise_and_over_cells(compared):
    alike = {(pair.students, alike.exercise) for pair in compared.pairs for alike in pair.alike}
    assert alike == {
        (("ada", "bob"), "A1.1"),
        (("ada", "bob"), "A1.4"),
        (("ada", "cyd"), "A1.4"),
        (("bob", "cyd"), "A1.4"),
    }
    assert compared.pairs[0].students == ("ada", "bob")
    assert compared.groups == [["ada", "bob", "cyd"]]


def test_what_cannot_be_read_is_named(compared):
    ((student, reason),) = compared.unread
    assert student == "<b>broken" and "not a Jupyter notebook" in reason


def test_an_answer_over_cells_is_one_text():
    first, rest = MASKS.strip().split("\n\n\n", 1)
    text = notebook({"A1.4": rest.replace("def causal", "x = padding_mask\n\n\ndef causal")}, helpers={"A1.1": first})
    texts = answer_texts(SOURCE, rebuild(SOURCE, text_of_submission("it", text.encode())))
    assert first in texts["A1.4"] and texts["A1.4"].index(rest[-40:]) < texts["A1.4"].index(first)
    assert list(texts) == ["A1.1", "A1.4"]  # the first also keeps what stands in its section; stubs are no answers


@pytest.mark.parametrize("cell", ["from x import (", 's = """', f'padding = "{"x" * 99_970}"', "x = (1,\n"])
def test_a_cell_beside_an_answer_hides_nothing_of_it(cell: str):
    alone = answer_texts(SOURCE, rebuild(SOURCE, text_of_submission("it", notebook({"A1.4": MASKS}).encode())))
    text = notebook({"A1.4": MASKS}, helpers={"A1.4": cell})
    beside = answer_texts(SOURCE, rebuild(SOURCE, text_of_submission("it", text.encode())))
    assert fingerprints(alone["A1.4"]).hashes <= fingerprints(beside["A1.4"]).hashes


def test_a_helper_that_draws_on_one_above_it_brings_it_along():
    text = notebook(
        {"A1.4": MASKS + "\n\nlast(1)\n"}, helpers={"A1.1": "def first(): pass", "A1.2": "def last(): first()"}
    )
    texts = answer_texts(SOURCE, rebuild(SOURCE, text_of_submission("it", text.encode())))
    assert texts["A1.4"].endswith("def first(): pass\n\ndef last(): first()")


def test_the_table_names_pairs_exercises_and_groups(compared):
    table = similarity_table([compared])
    assert "ada · bob" in table and "A1.1, A1.4" in table.replace("A1.4, A1.1", "A1.1, A1.4")
    assert "a group of 3: ada, bob, cyd" in table
    assert "not read: <b>broken" in table


def test_the_csv_has_a_row_for_each_pair_and_exercise(compared):
    rows = list(csv.DictReader(io.StringIO(similarity_csv([compared]))))
    assert len(rows) == 4
    assert {row["group"] for row in rows} == {"1"}
    assert (rows[0]["first"], rows[0]["second"]) == ("ada", "bob")
    assert all(float(row["share"]) == max(float(row["share_of_first"]), float(row["share_of_second"])) for row in rows)


def test_the_page_shows_both_marks_both_sides_and_nothing_of_theirs_as_html(compared):
    page = similarity_html([compared])
    assert "A reason to read, never a verdict" in page
    assert "<script" not in page and "&lt;script&gt;" in page and "\u202e" not in page and "\x1b" not in page
    assert "<b>broken" not in page
    assert "://" not in page
    assert page.count('<div class="side">') == 6  # ada · bob twice; of a group of three in one exercise, two
    assert "<mark>highest" in page.replace("<mark>e = ", "<mark>highest") and '<span class="gutter">═</span>' in page
    assert '<span class="known">' in page
    assert page == similarity_html([compared])


def test_marks_stand_where_the_copy_is(compared):
    views = [view for view in side_by_side(compared, 1) if view.alike.exercise == "A1.4"]
    (view,) = [view for view in views if "bob" in view.alike.students]
    other, bob = sorted(view.sides, key=lambda side: side.student == "bob")
    lines = {str(line).strip(): mark for mark, line in other.lines}
    assert lines["<mark>e = torch.exp((scores - highest).clamp(max=0)) * mask</mark>"] == "alike"
    mark, dead = next((mark, str(line)) for mark, line in bob.lines if "def " in line)
    assert not any("<mark>#" in str(line) for _, line in bob.lines)  # a comment is no evidence
    assert mark != "alike" and not any(name in dead for name in ("padding_mask", "causal_mask", "masked_softmax"))


# --- the command


def test_the_command_writes_its_reports_and_nothing_else(root: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(root)
    before = sorted(root.rglob("*"))
    assert main(["similarity", "--out", str(tmp_path), "--student", "dan"]) == 0
    assert "no answers alike" in capsys.readouterr().out
    assert main(["similarity", ASSIGNMENT, "--out", str(tmp_path), "--student", "cyd"]) == 0
    said = capsys.readouterr().out
    assert "ada · cyd" in said and "ada · bob" not in said and "similarity.html" in said
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["similarity.csv", "similarity.html"]
    assert sorted(root.rglob("*")) == before


def test_wrong_names_are_one_line(root: Path, tmp_path: Path):
    with pytest.raises(CourseError, match="no submission of zoe"):
        compare(root, root / "submitted", [], ["zoe"])
    with pytest.raises(CourseError, match="no assignment 'nought'"):
        compare(root, root / "submitted", ["nought"], [])
    (tmp_path / "submitted").mkdir()
    with pytest.raises(CourseError, match="no submissions of 01-attention"):
        compare(root, tmp_path / "submitted", [], [])
