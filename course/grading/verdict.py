"""What the judge says of a submission: plain data that travels, is kept as JSON and is made into reports."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

OUTCOMES = ("passed", "failed", "not_attempted", "error", "timeout", "crashed", "forbidden", "missing")
STATUSES = ("passed", "partial", *OUTCOMES[1:], "ungraded", "manual_pending")


@dataclass
class CellVerdict:
    """The verdict on one test cell. `message` is safe to show anywhere; `details` may hold values of the test."""

    grade_id: str
    exercise: str
    view: str
    hidden: bool
    score: float
    max_score: float
    outcome: str
    message: str = ""
    mistake: str | None = None
    details: str = ""


@dataclass
class ExerciseVerdict:
    """The verdict on one exercise: a row of grades.csv."""

    exercise: str
    title: str
    score: float
    max_score: float
    status: str
    message: str = ""
    mistakes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Change:
    """Points of one exercise before and after a submission was judged anew with other tests (or another grader)."""

    exercise: str
    before: float
    after: float


@dataclass(frozen=True)
class Lateness:
    """How late a submission came and what that costs.

    seconds: after the due date with its extension; 0 in time, None where it isn't known.
    days, percent, points: what `[late]` in course.toml makes of it; words: the same as a sentence, "" where it costs
    nothing.
    """

    seconds: int | None
    days: int = 0
    percent: float = 0.0
    points: float = 0.0
    words: str = ""
    extended: bool = False


@dataclass(frozen=True)
class Attempt:
    """One of the attempts of a student: when it was handed in (UTC, "" if that is not known), and its automatic points.

    points: those that lateness leaves of the score; None where the attempt was not judged.
    """

    handed_in: str
    score: float | None
    points: float | None
    counts: bool


@dataclass
class Verdict:
    """The verdict on one submission. `key` names what was graded with what: equal keys, equal verdicts.

    sandbox: what of the sandbox was not in force; "" where it was whole.
    submitted: a digest of what was handed in, whatever it is graded with; "" in verdicts that knew of none.
    changes: the exercises whose points differ from those of the verdict on the same submission that this one replaced.
    exercise_keys: exercise -> what its verdict rests on: an exercise of the same key needs no judge.
    attempts: all attempts of the student, this one among them, where the best counts; else none.
    late: what lateness costs; None while nobody has looked (it isn't kept: points of a person change it).
    """

    student: str
    assignment: str
    notebook: str
    key: str
    exercises: list[ExerciseVerdict] = field(default_factory=list)
    cells: list[CellVerdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds_late: int | None = None
    sandbox: str = ""
    submitted: str = ""
    changes: list[Change] = field(default_factory=list)
    exercise_keys: dict[str, str] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    late: Lateness | None = None

    @property
    def score(self) -> float:
        return sum(exercise.score for exercise in self.exercises)

    @property
    def max_score(self) -> float:
        return sum(exercise.max_score for exercise in self.exercises)

    @property
    def seconds_after_due(self) -> int | None:
        """How late it came: by today's due date and extension where somebody has looked, else as it was recorded."""
        return self.late.seconds if self.late else self.seconds_late

    @property
    def final_score(self) -> float:
        """The points that lateness leaves."""
        return self.score - (self.late.points if self.late else 0.0)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Verdict":
        fields = json.loads(text)
        fields["exercises"] = [ExerciseVerdict(**exercise) for exercise in fields["exercises"]]
        fields["cells"] = [CellVerdict(**cell) for cell in fields["cells"]]
        fields["changes"] = [Change(**change) for change in fields.get("changes", [])]
        fields["attempts"] = [Attempt(**attempt) for attempt in fields.get("attempts", [])]
        fields["late"] = Lateness(**fields["late"]) if fields.get("late") else None
        return cls(**fields)

    @classmethod
    def read(cls, path: Path) -> "Verdict":
        return cls.from_json(path.read_text(encoding="utf-8"))


def changes_between(old: Verdict, new: Verdict) -> list[Change]:
    """The exercises whose points differ, in the order of the newer verdict. One that a side has not counts as 0."""
    before = {exercise.exercise: exercise.score for exercise in old.exercises}
    after = {exercise.exercise: exercise.score for exercise in new.exercises}
    names = [*after, *(name for name in before if name not in after)]
    pairs = [Change(name, before.get(name, 0.0), after.get(name, 0.0)) for name in names]
    return [change for change in pairs if abs(change.before - change.after) > 1e-9]


def exercise_verdict(exercise: str, title: str, cells: list[CellVerdict]) -> ExerciseVerdict:
    """Sum the cells of one exercise up: points, a status, and what there is to say, each thing once."""
    score = sum(cell.score for cell in cells)
    max_score = sum(cell.max_score for cell in cells)
    mistakes = list(dict.fromkeys(cell.mistake for cell in cells if cell.mistake))
    # Where a mistake has a name, "not the expected value" in other cells adds nothing to it.
    told = [cell for cell in cells if cell.message and (cell.mistake or cell.outcome != "failed")]
    messages = dict.fromkeys(cell.message.rstrip(".") for cell in told or cells if cell.message)
    status = _status(score, max_score, [cell.outcome for cell in cells])
    return ExerciseVerdict(exercise, title, score, max_score, status, "; ".join(messages), mistakes)


def _status(score: float, max_score: float, outcomes: list[str]) -> str:
    for costly in ("timeout", "crashed", "forbidden", "missing"):
        if costly in outcomes:
            return costly
    if score == max_score:
        return "passed"
    if score > 0:
        return "partial"
    # Nothing was earned: a failed check says more about the answer than an error does, and an error more than a stub.
    for outcome in ("failed", "error"):
        if outcome in outcomes:
            return outcome
    return "not_attempted"
