"""What the guides say is there: links and their anchors, files, commands, minutes, and the answers that they name."""

import argparse
import re
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from course.cli import _parser
from tests.expected_scores import table
from tests.lectures.reading import Lecture, anchor, lectures, slide_type
from tests.support.judging import SOURCES, answers_of

ROOT = Path(__file__).parents[1]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LECTURER = (ROOT / "docs" / "lecturer.md").read_text(encoding="utf-8")
# Paths in `…` that begin with one of these are the repository's own; some pages show what other trees hold.
ROOMS = "course tests docs lectures solutions assignments nightly template".split()
PLACEHOLDER = re.compile(r"[A-Z]{3,}|[…*<>{}$]")  # ASSIGNMENT, NN-…, *.md


def without_code(text: str) -> str:
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.MULTILINE | re.DOTALL)


@cache
def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def anchors(path: Path) -> frozenset[str]:
    """What a link may name behind `#`: of a page as GitHub makes them, of a notebook as Jupyter does."""
    if path.suffix == ".ipynb":
        return frozenset(map(anchor, Lecture(path).headings))
    seen: Counter[str] = Counter()
    found = set()
    for title in re.findall(r"^#{1,6} +(.+?)\s*$", without_code(read(path)), flags=re.MULTILINE):
        slug = github_anchor(title)
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return frozenset(found)


def github_anchor(title: str) -> str:
    """Links become their text; letters, digits, _ and - stay, in lower case; spaces become dashes."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def test_anchors_are_made_as_on_github():
    assert github_anchor("What's said: `--all` & more") == "whats-said---all--more"
    assert github_anchor("Assignment 01: [attention](x.ipynb)") == "assignment-01-attention"


def links(text: str) -> list[str]:
    """The targets of links and pictures inside the repository."""
    found = re.findall(r"\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)", without_code(text))
    return [link for link in found if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_to_a_heading_in_it(page: Path):
    for link in links(read(page)):
        path, _, part = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(ROOT) and target.exists(), link
        assert not part or part in anchors(target), link


@cache
def commands() -> dict[str, set[str]]:
    """Each sub-command of `course` with its options."""
    (parts,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))
    return {name: {o for a in sub._actions for o in a.option_strings} for name, sub in parts.choices.items()}


def shown(text: str) -> list[str]:
    """What the page gives as code: spans and lines of blocks, without comments."""
    spans = re.findall(r"`([^`\n]+)`", without_code(text))
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^    (.+)$", without_code(text), flags=re.MULTILINE)
    return [line.partition("  #")[0].strip() for line in [*spans, *"\n".join(blocks).splitlines(), *indented]]


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_every_command_exists(page: Path):
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), flags=re.MULTILINE))
    for line in shown(read(page)):
        if found := re.match(r"make ([a-z][a-z-]*)\b", line):
            assert found[1] in targets, line
        if found := re.match(r"(?:\S*/)?course ([a-z][a-z-]*)\b(.*)", line):
            assert found[1] in commands(), line
            assert set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", found[2])) <= commands()[found[1]], line
        if found := re.search(r"\bpython3? -m ((?:course|tests)(?:\.\w+)*)", line):
            module = ROOT.joinpath(*found[1].split("."))
            assert module.with_suffix(".py").is_file() or (module / "__main__.py").is_file(), line


@pytest.mark.parametrize("page", [page for page in GUIDES if page.name != "classroom.md"], ids=lambda page: page.name)
def test_commands_are_those_of_an_environment_that_was_entered(page: Path):
    """Root's commands in classroom.md are whole paths: neither sudo nor systemd enters an environment."""
    assert set(re.findall(r"\.venv/bin/(\w+)", read(page))) <= {"activate"}


def part_of_readme(title: str) -> str:
    return read(ROOT / "README.md").partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_readme_lists_every_command_once():
    named = re.findall(r"^\| `course ([a-z-]+)", part_of_readme("The commands"), flags=re.MULTILINE)
    assert sorted(named) == sorted(commands())


def test_the_tree_shows_every_room():
    rooms = [f"course/{path.name}" for path in (ROOT / "course").iterdir() if path.is_dir() and path.name[0] != "_"]
    assert [room for room in [*ROOMS[1:], *rooms] if f"`{room}`" not in part_of_readme("The tree")] == []


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_every_file_that_is_named_is_there(page: Path):
    for span in re.findall(r"`([^`\s]+)`", without_code(read(page))):
        if re.match(rf"({'|'.join(ROOMS)})/\w", span) and not PLACEHOLDER.search(span):
            assert (ROOT / span).exists(), span


# --- numbers that stand in more than one place -----------------------------------------------------------------------


@cache
def minutes_of(name: str) -> int:
    """What a lecture's opening says that it takes."""
    opening = "\n".join(cell.source for cell in lectures()[name].markdown[:4])
    return int(re.search(r"\*\*Time in class:\*\* about (\d+) minutes", opening)[1])


@cache
def minutes_of_sections(name: str) -> dict[str, int]:
    """What the speaker notes say of each section."""
    found = {}
    for title, cells in lectures()[name].sections.items():
        notes = [c.source for c in cells if slide_type(c) == "notes"]
        times = [re.match(r"\*\*Speaker notes\.\*\* \(?(\d+) minutes", note) for note in notes]
        if times:
            found[title] = sum(int(time[1]) for time in times)
    return found


def test_the_readme_says_how_long_each_lecture_and_assignment_takes():
    lines = read(ROOT / "README.md").splitlines()
    for name in lectures():
        (row,) = (line for line in lines if line.startswith("| [") and f"(lectures/{name}.ipynb)" in line)
        assert row.split("|")[2].strip() == str(minutes_of(name)), name
    for name, source in SOURCES.items():
        (row,) = (line for line in lines if line.startswith("| [") and f"assignments/{name}/" in line)
        assert row.split("|")[4].strip() == student_time(source.exercises), name


def student_time(exercises) -> str:
    hours, minutes = divmod(sum(exercise.minutes for exercise in exercises), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def test_the_lecturers_guide_says_how_long_an_assignment_takes():
    for name, source in SOURCES.items():
        assert re.search(rf"assignments/{name}/\S+ \| {student_time(source.exercises)} \|", LECTURER), name


PERIODS = re.findall(r"^\| \d+ \| (\d\d\b.*?) \| (\d+) \|", LECTURER, flags=re.MULTILINE)


@pytest.mark.parametrize(("what", "minutes"), PERIODS)
def test_a_period_of_the_term_plan_takes_what_its_sections_take(what: str, minutes: str):
    assert sum(map(time_of_part, what.split(" · "))) == int(minutes) <= 90


def time_of_part(part: str) -> int:
    """The minutes of `05`, of `05 *Real heads*`, or of `05 *Real heads* to *How far to believe a head*`."""
    number, *ends = re.fullmatch(r"(\d\d)(?: \*(.+?)\*(?: to \*(.+?)\*)?)?", part).groups()
    (name,) = (name for name in lectures() if name.startswith(number))
    if not ends[0]:
        return minutes_of(name)
    times = minutes_of_sections(name)
    first, last = (list(times).index(end) for end in (ends[0], ends[1] or ends[0]))
    return sum(list(times.values())[first : last + 1])


def test_the_thirteen_weeks_leave_nothing_out():
    plan = LECTURER.partition("### Thirteen weeks")[2].partition("### Seven weeks")[0]
    told = Counter()
    for what, _ in re.findall(r"^\| \d+ \| (\d\d\b.*?) \| (\d+) \|", plan, flags=re.MULTILINE):
        told[what[:2]] += time_of_part(what)
    for name in lectures():
        assert abs(told[name[:2]] - minutes_of(name)) <= 5, name


def test_expected_scores_are_what_the_assumption_gives():
    assert table() in LECTURER, "run python -m tests.expected_scores"


NAMED = re.findall(r"^\|.*\| (A\d\.\d+) `(.+?)` \| [nct] \|$", LECTURER, flags=re.MULTILINE)


def test_a_misconception_that_an_exercise_asks_for_is_one_of_its_wrong_answers():
    known = {(a.exercise, a.name) for name in SOURCES for a in answers_of(name, "wrong")}
    assert [named for named in NAMED if named not in known] == []


def test_there_are_misconceptions_of_every_lecture():
    rows = re.findall(r"^\|.*\(\.\./lectures/(\S+?)\.ipynb#\S+\) \| (?:–|A\d\.\d+ `.+?`) \| [nct] \|$", LECTURER, re.M)
    assert {*rows} == {*lectures()} and len(rows) >= 30 and len(NAMED) >= 30


def test_every_model_has_its_row():
    page = read(ROOT / "docs" / "models.md")
    for path in (ROOT / "course" / "models").glob("[!_]*.py"):
        assert f"`{path.name}`" in page, f"{path.name}: docs/models.md says of each file what it is held to"
