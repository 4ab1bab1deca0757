"""The attacks as students: read from the files of corpus/, and handed in beside three honest submissions.

A file of the corpus holds:

    '''What is tried, and why it fails here.'''
    SOURCE = "research §3, 7"              or "this design"
    ANSWERS = {"A8_1-answer": "…"}         the answers that it hands in; for all others the right ones
    ZERO = ("A8.1",)                       what deserves nothing; without: the exercises of ANSWERS
    STUDENT = "…"                          the folder's name (str or bytes); without: the file's name
    HARMS = "…"                            why it may only run where it is fenced in; stock nbgrader is spared it

    def submit(nb, folder): …              instead of writing the notebook to folder/target.ipynb
"""

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from tests.attacks import target
from tests.attacks.answers import MEAN, WRONG_MEAN, WRONG_SCALE, all_wrong

CORPUS = Path(__file__).parent / "corpus"
# An attacker's processes bear this number as an argument or as their name: none may be left.
SURVIVOR = "97531"
# What an attack says when it got somewhere; its own text, which feedback shows, must not hold it in one piece.
TROPHY = "GOT-IN"
# Text of one student that no other may come to see.
PRIVATE = "these words belong to honest-right alone"
# Folder, answers, and what they deserve. The names stand before, among and behind those of the attacks.
HONEST = {
    "aa-honest-right": ({}, {"A8.1": 5.0, "A8.2": 5.0, "A8.3": 5.0}),
    "honest-partly": ({"A8_2-answer": WRONG_SCALE}, {"A8.1": 5.0, "A8.2": 0.0, "A8.3": 5.0}),
    "zz-honest-right": ({"A8_3-answer": MEAN + "\n# the same again\n"}, {"A8.1": 5.0, "A8.2": 5.0, "A8.3": 5.0}),
    # Comes last and is wrong: an attack that was meant for whoever comes later would give it points.
    "zzz-honest-wrong": (all_wrong("") | {"A8_3-answer": WRONG_MEAN}, {"A8.1": 0.0, "A8.2": 0.0, "A8.3": 0.0}),
}


@dataclass(frozen=True)
class Attack:
    """One file of the corpus."""

    name: str
    tries: str
    source: str
    student: str
    answers: dict[str, str] = field(default_factory=dict)
    zero: tuple[str, ...] = ()
    harms: str = ""
    submit: Callable[[NotebookNode, Path], object] = target.hand_in

    def __str__(self) -> str:
        return self.name

    @property
    def deserves(self) -> dict[str, float]:
        """exercise -> points."""
        return {exercise: 0.0 if exercise in self.zero else points for exercise, points in target.POINTS.items()}

    def write(self, released: NotebookNode, submitted: Path) -> Path:
        """Hand it in; returns the folder."""
        folder = submitted / self.student / target.ASSIGNMENT
        folder.mkdir(parents=True)
        self.submit(target.answered(released, self.answers), folder)
        return folder


def attacks() -> list[Attack]:
    """The corpus, by name."""
    return [_attack(path.stem) for path in sorted(CORPUS.glob("[!_]*.py"))]


def write_class(released: NotebookNode, submitted: Path) -> None:
    """Hand in the honest submissions first, then every attack: some link to what the honest ones wrote."""
    for student, (answers, _) in HONEST.items():
        words = PRIVATE if student == "aa-honest-right" else "Some words."
        target.hand_in(target.answered(released, answers, words), submitted / student / target.ASSIGNMENT)
    for attack in attacks():
        attack.write(released, submitted)


def _attack(name: str) -> Attack:
    module = importlib.import_module(f"tests.attacks.corpus.{name}")
    answers = getattr(module, "ANSWERS", {})
    return Attack(
        name=name,
        tries=" ".join(module.__doc__.split()),
        source=module.SOURCE,
        student=os.fsdecode(getattr(module, "STUDENT", name.replace("_", "-"))),
        answers=answers,
        zero=getattr(module, "ZERO", tuple(sorted({exercise_of(grade_id) for grade_id in answers}))),
        harms=getattr(module, "HARMS", ""),
        submit=getattr(module, "submit", target.hand_in),
    )


def exercise_of(grade_id: str) -> str:
    """`A8_1-answer` -> `A8.1`."""
    return grade_id.partition("-")[0].replace("_", ".")
