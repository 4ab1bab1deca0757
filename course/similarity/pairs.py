"""`course similarity`: which answers of a class are alike beyond what everybody was given.

It reads, and changes nothing: no points, no feedback, no gradebook. docs/similarity.md says what its numbers mean, how
well it finds copies, and how to use it fairly.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from tqdm import tqdm

from course.errors import CourseError
from course.grading.notebook import NotebookError, Source, read_source
from course.grading.output import line
from course.grading.rebuild import rebuild
from course.grading.submissions import find_assignments, find_submission, find_submissions, read_submission
from course.similarity.answers import answer_texts
from course.similarity.fingerprints import fingerprints
from course.similarity.known_code import known_code

# Both from the measurement in docs/similarity.md.
LEAST_SHARE = 0.3
LEAST_EVIDENCE = 12.0
# What a fifth of the class writes is the exercise's own form. In a small class that is nobody: at least this many.
COMMON_SHARE, COMMON_LEAST = 0.2, 4


@dataclass(frozen=True)
class Alike:
    """Two answers to one exercise that are alike. Students in the order of their names.

    shares: of the first's own fingerprints, how much is in the second's answer, by weight; and the other way round.
    evidence: the weight of what both have.
    """

    assignment: str
    exercise: str
    students: tuple[str, str]
    shares: tuple[float, float]
    evidence: float

    @property
    def share(self) -> float:
        """The larger of the two: who pads a copied answer makes one of them small, not both."""
        return max(self.shares)


@dataclass
class PairOfStudents:
    """What is alike between two students over an assignment, the strongest exercise first."""

    assignment: str
    students: tuple[str, str]
    alike: list[Alike] = field(default_factory=list)

    @property
    def evidence(self) -> float:
        return sum(alike.evidence for alike in self.alike)

    @property
    def share(self) -> float:
        return max(alike.share for alike in self.alike)


@dataclass(frozen=True)
class Compared:
    """One assignment, compared: the pairs, strongest first, the groups of more than two, and what was read.

    answers: exercise -> student -> text. known: fingerprints that everybody was given.
    unread: (student, reason) of submissions that could not be read.
    """

    source: Source
    pairs: list[PairOfStudents]
    groups: list[list[str]]
    answers: dict[str, dict[str, str]]
    known: frozenset[int]
    unread: list[tuple[str, str]]

    @property
    def students(self) -> int:
        return len({student for texts in self.answers.values() for student in texts})


def compare(root: Path, submitted: Path, assignments: Iterable[str], students: Iterable[str]) -> list[Compared]:
    """Compare the submissions of each assignment. What can't be read is left out and named.

    Args:
        root: the course's folder.
        assignments: names, or none for all that were handed in.
        students: only pairs with one of these; the rest of the class still says what is common.

    Raises:
        CourseError: a name is wrong, or nothing was handed in.
    """
    assignments, students = list(assignments), list(students)
    sources = [read_source(path) for path in find_assignments(root, assignments)]
    found = [(source, find_submissions(submitted, source, [])) for source in sources]
    handed_in = {folder.parent.name for _, folders in found for folder in folders}
    if not handed_in:
        raise CourseError(f"no submissions of {', '.join(s.assignment for s in sources)} in {submitted}")
    if unknown := [line(student) for student in students if student not in handed_in]:
        raise CourseError(f"no submission of {', '.join(unknown)} in {submitted}")
    return [_compare_class(root, source, folders, set(students)) for source, folders in found if folders]


def _compare_class(root: Path, source: Source, folders: list[Path], wanted: set[str]) -> Compared:
    answers: dict[str, dict[str, str]] = {exercise.id: {} for exercise in source.exercises if exercise.answers}
    unread = []
    for folder in _progress(folders, f"{source.assignment}: reading"):
        submission = find_submission(folder, source)
        try:
            submitted = rebuild(source, read_submission(submission))
        except NotebookError as error:
            unread.append((submission.student, str(error)))
            continue
        for exercise, text in answer_texts(source, submitted).items():
            answers[exercise][submission.student] = text
    known = known_code(root, source)
    found = []
    for exercise, texts in _progress(answers.items(), f"{source.assignment}: comparing"):
        prints = {student: fingerprints(text).hashes - known for student, text in texts.items()}
        found += alike_in(source.assignment, exercise, prints, wanted)
    pairs = pairs_of_students(found)
    return Compared(source, pairs, groups_of([pair.students for pair in pairs]), answers, known, unread)


def alike_in(assignment: str, exercise: str, prints: Mapping[str, frozenset[int]], wanted: set[str]) -> list[Alike]:
    """The pairs of one exercise that are alike enough to be read.

    A fingerprint that k students have weighs 1/√(k - 1), and nothing if more than a fifth of the class has it: of what
    many write, nobody can say from whom it is.

    Args:
        prints: student -> fingerprints, without those that everybody was given.
        wanted: only pairs with one of these students; empty for all.
    """
    holders: dict[int, list[str]] = defaultdict(list)
    for student in sorted(prints):
        for fingerprint in prints[student]:
            holders[fingerprint].append(student)
    common = max(COMMON_LEAST, int(COMMON_SHARE * len(prints)))
    whole: Counter[str] = Counter()
    shared: Counter[tuple[str, str]] = Counter()
    for students in holders.values():
        weight = weight_of(len(students), common)
        for student in students:
            whole[student] += weight
        if weight and len(students) > 1:
            for pair in combinations(students, 2):
                shared[pair] += weight
    return [
        alike
        for (first, second), evidence in shared.items()
        if not wanted or wanted & {first, second}
        if (shares := (evidence / whole[first], evidence / whole[second]))
        if is_alike(alike := Alike(assignment, exercise, (first, second), shares, evidence))
    ]


def weight_of(holders: int, common: int) -> float:
    """What a fingerprint weighs that so many students have."""
    return 0.0 if holders > common else 1 / math.sqrt(max(1, holders - 1))


def is_alike(alike: Alike) -> bool:
    return alike.share >= LEAST_SHARE and alike.evidence >= LEAST_EVIDENCE


def pairs_of_students(found: Iterable[Alike]) -> list[PairOfStudents]:
    """All exercises of two students together; the pair with most evidence first."""
    pairs: dict[tuple[str, str], PairOfStudents] = {}
    for alike in sorted(found, key=lambda alike: (-alike.evidence, alike.exercise)):
        pairs.setdefault(alike.students, PairOfStudents(alike.assignment, alike.students)).alike.append(alike)
    return sorted(pairs.values(), key=lambda pair: (-pair.evidence, pair.students))


def groups_of(pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Students who hang together through pairs, where they are more than two; the largest group first."""
    joined = Joined()
    for pair in pairs:
        joined.join(*pair)
    groups: dict[str, list[str]] = defaultdict(list)
    for student in sorted(joined.above):
        groups[joined.root(student)].append(student)
    return sorted((group for group in groups.values() if len(group) > 2), key=lambda group: (-len(group), group))


class Joined:
    """Which names hang together (union–find)."""

    def __init__(self) -> None:
        self.above: dict[str, str] = {}

    def root(self, name: str) -> str:
        while self.above.setdefault(name, name) != name:
            name = self.above[name]
        return name

    def join(self, first: str, second: str) -> bool:
        """Join two; False if they hung together before."""
        first, second = self.root(first), self.root(second)
        self.above[first] = second
        return first != second


def _progress(items: Iterable, what: str) -> Iterator:
    """A bar on a terminal, for what takes longer than three seconds."""
    return tqdm(items, desc=what, delay=3, disable=None, leave=False, total=len(items))
