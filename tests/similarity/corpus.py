"""Answers whose origin is known: right ones that were written independently, and copies of them in disguise."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from course.grading.notebook import Source, read_source
from tests.sample_class import assignments
from tests.support.answers import Answer, load

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Written:
    """One answer to one exercise as a student's text (cells of their own first). kind: "right" or "wrong"."""

    assignment: str
    exercise: str
    kind: str
    name: str
    text: str


@cache
def sources() -> dict[str, Source]:
    return {name: read_source(next((ROOT / "solutions" / name).glob("*.ipynb"))) for name in assignments()}


def answers(kind: str) -> list[Written]:
    """All answers of tests/answers of one kind ("right", "wrong"), each text of an exercise once."""
    found: dict[tuple[str, str], Written] = {}
    for assignment, source in sources().items():
        for answer in load(ROOT / "tests" / "answers" / assignment / f"{kind}.toml"):
            text = _text(source, answer)
            found.setdefault((answer.exercise, text), Written(assignment, answer.exercise, kind, answer.name, text))
    return list(found.values())


def _text(source: Source, answer: Answer) -> str:
    """The whole exercise with this answer: what the answer leaves alone stays the reference's."""
    cells = []
    for cell in source.exercise(answer.exercise).answers:
        text = cell.source
        if cell.grade_id == answer.grade_id:
            text = answer.source if answer.source is not None else _edited(text, answer)
        cells.append("\n".join(line for line in text.splitlines() if "### " not in line))
    return "\n\n".join([*filter(None, [answer.extra]), *cells]).strip() + "\n"


def _edited(text: str, answer: Answer) -> str:
    for old, new in answer.edits:
        text = text.replace(old, new)
    return text
