"""The class reports: right numbers, the same bytes again, safe in a spreadsheet and in a browser."""

import csv
import io
import itertools
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest

from course.errors import CourseError
from course.grading.changes import CHANGES_HEADER, changes_csv, changes_table
from course.grading.notebook import Exercise, Source, TestCell
from course.grading.report import (
    GRADES_HEADER,
    SUMMARY_HEADER,
    assignment_section,
    grades_csv,
    quartiles,
    summary_csv,
    write_reports,
)
from course.grading.safe_csv import safe
from course.grading.verdict import STATUSES, Change, ExerciseVerdict, Verdict

NAMES = ("01-attention", "attention")
POINTS = {"A1.1": 30.0, "A1.2": 60.0, "A1.10": 10.0}
TITLES = {"A1.1": "Similarity", "A1.2": "Softmax", "A1.10": "Read the map"}


def source() -> Source:
    exercises = []
    for name, points in POINTS.items():
        exercise = Exercise(name, TITLES[name], 10, 2, (), (), 20)
        if name == "A1.10":
            exercise.manual_points = points
        else:
            exercise.tests.append(TestCell(f"{name}-values", "", "values", False, points))
        exercises.append(exercise)
    return Source(*NAMES, None, exercises, [], [])


SOURCES = {"01-attention": source()}


def verdict(student: str, first: float, second: float, manual: str = "manual_pending", **fields) -> Verdict:
    """Points of A1.1 and A1.2; the third exercise is the manual one."""
    exercises = []
    for name, score in (("A1.1", first), ("A1.2", second)):
        status = "passed" if score == POINTS[name] else "partial" if score else "failed"
        mistakes = [] if status == "passed" else [f"the mistake of {name}"]
        exercises.append(
            ExerciseVerdict(name, TITLES[name], score, POINTS[name], status, "; ".join(mistakes), mistakes)
        )
    exercises.append(ExerciseVerdict("A1.10", TITLES["A1.10"], 0, 10, manual, ""))
    return Verdict(student, *NAMES, "key", exercises, [], **fields)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


class Text(HTMLParser):
    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.tags, self.ids, self.links, self.texts = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page_of(out: Path, verdicts: list[Verdict], sources=SOURCES) -> str:
    return write_reports(out, verdicts, sources).read_text(encoding="utf-8")


def test_grades_have_a_row_per_student_and_exercise(tmp_path):
    text = grades_csv([verdict("bob", 30, 2.5000000001), verdict("ada", 0, 60)])
    assert text.splitlines()[0] == "student,assignment,exercise,score,max_score,status,message,final_score"
    assert ",".join(GRADES_HEADER) == text.splitlines()[0]
    assert [(r["student"], r["exercise"], r["score"], r["status"]) for r in rows(text)] == [
        ("ada", "A1.1", "0", "failed"),
        ("ada", "A1.2", "60", "passed"),
        ("ada", "A1.10", "0", "manual_pending"),
        ("bob", "A1.1", "30", "passed"),
        ("bob", "A1.2", "2.5", "partial"),
        ("bob", "A1.10", "0", "manual_pending"),
    ]
    assert "\r" not in text


def test_summary_says_what_a_lecturer_needs():
    late = verdict("ada", 30, 0, seconds_late=7500, notes=["a cell was deleted", "a cell was added"])
    graded = verdict("bob", 30, 60, manual="partial")
    graded.exercises[2].score = 7
    ada, bob = rows(summary_csv([graded, late], SOURCES))
    assert tuple(ada) == SUMMARY_HEADER and len(set(SUMMARY_HEADER)) == len(SUMMARY_HEADER)
    assert (ada["score"], ada["max_score"], ada["automatic_score"], ada["automatic_max"]) == (
        "30",
        "100",
        "30",
        "90",
    )
    assert (ada["waiting_points"], ada["late"], ada["passed"], ada["failed"]) == (
        "10",
        "2 h 05 min",
        "1",
        "1",
    )
    assert ada["notes"] == "a cell was deleted; a cell was added"
    assert (bob["score"], bob["automatic_score"], bob["waiting_points"], bob["late"]) == ("97", "90", "0", "")
    assert sum(int(ada[status]) for status in STATUSES) == 3


@pytest.mark.parametrize(
    "text",
    [
        *(
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "\u00a0=1",
            "\u3000@x",
            "\ufeff=1",
            "\u200b=1",
        ),
        *(
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "\u2212x",
            "\x00=1",
            "\x1b[31m=1",
            "\u202e=1",
            "=cmd|' /C calc'!A0",
            "-",
        ),
    ],
)
def test_what_a_spreadsheet_would_run_is_quoted(text):
    student = verdict(text, 30, 60, notes=[text])
    student.exercises[0].message = text
    for row in (*rows(grades_csv([student]))[:1], *rows(summary_csv([student], SOURCES))):
        assert row["student"].startswith("'")
        assert row.get("message", row.get("notes")).startswith("'")


@pytest.mark.parametrize("first", [";", ",", "; ", ',"', ";'", "\t;\u200b", ";\u3000", ',\t"'])
@pytest.mark.parametrize("formula", ["=1+1", "+x", "@x", "-1+cmd|' /C calc'!A0", "＝1", "\u2212x"])
def test_what_a_spreadsheet_would_run_behind_a_separator_is_quoted(first, formula):
    student = verdict("ada", 30, 60, notes=[f"a note{first}{formula}"])
    student.exercises[0].message = f"a message{first}{formula}"
    for text in (grades_csv([student]), summary_csv([student], SOURCES)):
        for separator in ",;\t":
            cells = [cell for row in csv.reader(io.StringIO(text), delimiter=separator) for cell in row]
            assert not [cell for cell in cells if cell.strip(' "\u3000\u200b')[:1] in tuple("=+@-\u2212＝")]


@pytest.mark.parametrize("text", ["[1.0, -2.0], not [1.0, +2e-3]", "a, -2", "a = b; c"])
def test_lists_of_numbers_stay_as_they_are(text):
    assert safe(text) == text


@pytest.mark.parametrize("text", ["ada", "a-b", "1=1", "O'Neil", "", "007", "√d_k", "the mask, 'twice'"])
def test_other_text_stays_as_it_is(text):
    assert safe(text) == text


def test_a_message_of_several_lines_is_one_cell_of_one_line():
    student = verdict("ada", 30, 60)
    student.exercises[0].message = 'one\ntwo, "three"'
    text = grades_csv([student])
    assert len(text.splitlines()) == 4
    assert rows(text)[0]["message"] == 'one two, "three"'


def test_reports_are_the_same_bytes_in_any_order(tmp_path):
    verdicts = [verdict(name, 3.0 * i, 6.0 * i) for i, name in enumerate("ada bob cem dot".split())]
    contents = set()
    for i, order in enumerate(itertools.permutations(verdicts, 4)):
        if i % 8 == 0:
            reports = write_reports(tmp_path, list(order), SOURCES).parent
            contents.add(tuple(path.read_bytes() for path in sorted(reports.iterdir())))
    assert len(contents) == 1
    assert [path.name for path in sorted(reports.iterdir())] == [
        "changes.csv",
        "class.html",
        "grades.csv",
        "summary.csv",
    ]


def test_whose_points_changed_is_a_table_and_a_file(tmp_path):
    changed = verdict("bob", 30, 0, changes=[Change("A1.1", 12.5, 30), Change("A1.2", 60, 0)])
    odd = verdict("=cmd()<b>", 0, 60, changes=[Change("A1.2", 0, 60)])
    page = page_of(tmp_path, [changed, verdict("ada", 30, 60), odd])
    assert rows((tmp_path / "reports" / "changes.csv").read_text(encoding="utf-8")) == [
        dict(zip(CHANGES_HEADER, row, strict=True))
        for row in (
            ("'=cmd()<b>", "01-attention", "A1.2", "0", "60", "passed"),
            ("bob", "01-attention", "A1.1", "12.5", "30", "passed"),
            ("bob", "01-attention", "A1.2", "60", "0", "not right yet: the mistake of A1.2"),
        )
    ]
    text = Text(page).text
    assert "Points that changed since the tests did" in text
    assert "submissions of 2 students" in text
    assert "=cmd()<b> A1.2 0 → 60 passed bob A1.1 12.5 → 30 passed bob A1.2 60 → 0 not right yet: the" in text


def test_whose_points_changed_is_said_at_the_end_of_a_run():
    bob = verdict("bob", 30, 0, changes=[Change("A1.1", 12.5, 30), Change("A1.2", 60, 0), Change("A1.99", 5, 0)])
    many = [verdict(f"s{i}", 30, 60, changes=[Change("A1.1", 0, 30)]) for i in range(50)]
    assert changes_table([verdict("ada", 30, 60)]) == ""
    assert changes_table([bob]).splitlines() == [
        "points changed: 1 student",
        "  student  exercise  before  after  why",
        "  bob      A1.1        12.5     30  passed",
        "  bob      A1.2          60      0  not right yet: the mistake of A1.2",
        "  bob      A1.99          5      0  the exercise is gone",
    ]
    assert changes_table(many).splitlines()[-1] == "  and 10 more in reports/changes.csv"


def test_where_no_points_changed_nothing_is_said_of_it(tmp_path):
    page = page_of(tmp_path, [verdict("ada", 30, 60)])
    assert "changed" not in Text(page).text
    assert (tmp_path / "reports" / "changes.csv").read_text(encoding="utf-8") == ",".join(CHANGES_HEADER) + "\n"
    assert changes_csv([]) == ",".join(CHANGES_HEADER) + "\n"


def test_the_numbers_of_the_class():
    verdicts = [verdict(f"s{i}", 30 if i > 1 else 0, 60 if i > 3 else 0, seconds_late=i == 2) for i in range(5)]
    section = assignment_section(Path("out"), "01-attention", verdicts)
    assert section["quartiles"] == (0, 30, 30)
    assert (section["submissions"], section["graded"], section["late"], section["waiting"]) == (5, 5, 1, 5)
    assert section["full"] == 1
    hard, easy = section["difficulty"]
    assert (hard["exercise"], hard["mean"], hard["full"], hard["none"]) == ("A1.2", 0.2, 1, 4)
    assert (easy["exercise"], easy["mean"]) == ("A1.1", 0.6)
    assert [(m["mistake"], m["count"]) for m in section["mistakes"]] == [
        ("the mistake of A1.2", 4),
        ("the mistake of A1.1", 2),
    ]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([], None), ([7.0], (7, 7, 7)), ([0.0, 10.0], (2.5, 5, 7.5)), ([1.0, 2.0, 3.0, 4.0, 5.0], (2, 3, 4))],
)
def test_quartiles(scores, expected):
    assert quartiles(scores) == expected


def test_what_could_not_be_graded_is_listed_and_counts_in_no_mean(tmp_path):
    broken = Verdict("cem", *NAMES, "key", notes=["not a Jupyter notebook"])
    half = verdict("dot", 30, 0)
    half.exercises[1] = ExerciseVerdict("A1.2", "Softmax", 0, 60, "ungraded", "the judge died")
    verdicts = [verdict("ada", 30, 60), broken, half]
    text = Text(page_of(tmp_path, verdicts)).text
    assert "the judge died dot (A1.2)" in text
    assert "not a Jupyter notebook cem (all exercises)" in text
    section = assignment_section(tmp_path, "01-attention", verdicts)
    assert section["quartiles"] == (90, 90, 90)
    assert {row["exercise"]: row["mean"] for row in section["difficulty"]} == {"A1.1": 1, "A1.2": 1}
    cem = [row for row in rows((tmp_path / "reports" / "grades.csv").read_text()) if row["student"] == "cem"]
    assert [(row["exercise"], row["status"]) for row in cem] == [(name, "ungraded") for name in POINTS]


def test_an_exercise_that_waits_for_a_person_is_not_called_hard(tmp_path):
    verdicts = [verdict("ada", 30, 60), verdict("bob", 0, 0, manual="not_attempted")]
    section = assignment_section(tmp_path, "01-attention", verdicts)
    assert [row["exercise"] for row in section["difficulty"]] == ["A1.1", "A1.2"]


@pytest.mark.parametrize(
    "verdicts",
    [
        [],
        [verdict("ada", 15, 15)],
        [verdict("ada", 0, 0, "not_attempted"), verdict("bob", 0, 0, "not_attempted")],
        [verdict("ada", 30, 60), verdict("bob", 30, 60)],
        [Verdict("ada", *NAMES, "key", notes=["no notebook"])],
        [Verdict("ada", "02-unknown", "other", "key")],
    ],
    ids=["nobody", "one", "all zero", "all full", "all ungraded", "unknown assignment"],
)
@pytest.mark.filterwarnings("error")
def test_thin_classes_have_a_whole_page(tmp_path, verdicts):
    page = page_of(tmp_path, verdicts)
    assert "nan" not in Text(page).text.lower().replace("handed", "")
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert "nan" not in svg.lower()
        ElementTree.fromstring(svg.replace("xlink:href", "href"))


def test_the_page_fetches_nothing_runs_nothing_and_has_each_id_once(tmp_path):
    hostile = "</title></style><script>alert(1)</script><img src=x onerror=alert(1)> $\\frac$ \x00 ]]>"
    odd = verdict(hostile.replace("/", "|"), 0, 30, notes=[hostile])
    odd.exercises[0].message, odd.exercises[0].mistakes = hostile, [hostile, "中文 mistake " * 30]
    odd.exercises[0].title = hostile
    more = verdict("ada", 15, 15)
    more.assignment = "02-<b>more</b>"
    page = page_of(tmp_path, [odd, verdict("ada", 30, 60), more])
    seen = Text(page)
    assert not {"script", "img", "link", "iframe", "object"} & set(seen.tags)
    assert all(link.startswith("#") for link in seen.links)
    assert "default-src 'none'" in page
    assert len(seen.ids) == len(set(seen.ids))
    svg = re.findall(r"<svg[^>]*>", page)
    assert len(svg) == 6 and all('role="img"' in element and 'aria-label="' in element for element in svg)
    referred = set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', page))
    assert referred and referred <= set(seen.ids)
    assert "<dc:date>" not in page


def test_assignments_that_nobody_handed_in_are_not_in_the_report(tmp_path):
    page = page_of(tmp_path, [verdict("ada", 30, 60)], {**SOURCES, "02-more": source()})
    assert "01-attention" in page and "02-more" not in page


def test_long_messages_are_wrapped_not_cut(tmp_path):
    words = [f"word{i}" for i in range(20)]
    student = verdict("ada", 0, 60)
    student.exercises[0].mistakes = [" ".join(words)]
    page = page_of(tmp_path, [student])
    plot = next(svg for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL) if "Named mistakes" in svg)
    labels = re.sub(r"<[^>]*>", " ", plot).split()  # without the SVG's own aria-label
    assert set(words) <= set(labels)


def test_students_are_linked_to_the_pages_that_exist(tmp_path):
    folder = tmp_path / "feedback" / "ada b&c" / "01-attention"
    folder.mkdir(parents=True)
    (folder / "attention.html").write_text("")
    seen = Text(page_of(tmp_path, [verdict("ada b&c", 30, 60), verdict("bob", 0, 0)]))
    assert seen.links == ["../feedback/ada%20b%26c/01-attention/attention.html"]


def test_a_report_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "reports").write_text("a file, not a folder")
    with pytest.raises(CourseError, match="cannot be written") as caught:
        write_reports(tmp_path, [verdict("ada", 30, 60)], SOURCES)
    assert caught.value.exit_code == 1 and "\n" not in str(caught.value)
