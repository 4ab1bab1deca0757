"""What is kept of a verdict: rows in nbgrader's own gradebook.

nbgrader's API commits after every call, so a crash in the middle would leave half a submission. Here its
models are used directly: one transaction a submission, by the one process that may write.
"""

import hashlib
import json
import re
import warnings
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nbformat import NotebookNode

from course.grading.gradebook import transaction
from course.grading.notebook import Source
from course.grading.output import plain
from course.grading.verdict import CellVerdict, ExerciseVerdict, Verdict

if TYPE_CHECKING:  # nbgrader takes seconds to import: only the functions that touch the gradebook do it
    from nbgrader.api import Grade, Gradebook, Notebook, SubmittedNotebook
    from sqlalchemy.orm import Session


def register(gradebook: "Gradebook", source: Source) -> None:
    """Make the rows of an assignment, or bring them up to date, as `nbgrader generate_assignment` does.

    Unlike nbgrader, an assignment that has submissions may change: new cells are added, points follow the
    source, and a cell that is gone takes its grades and comments with it.
    """
    from nbgrader import api

    nb = _as_released(source.nb)
    cells = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade_id")]
    with transaction(gradebook) as db:
        assignment = db.query(api.Assignment).filter_by(name=source.assignment).one_or_none()
        if assignment is None:
            assignment = api.Assignment(name=source.assignment, course_id=gradebook.course_id)
            db.add(assignment)
        notebook = _one(assignment.notebooks, source.notebook)
        if notebook is None:
            notebook = api.Notebook(name=source.notebook, assignment=assignment)
            db.add(notebook)
        notebook.kernelspec = json.dumps(nb.metadata.get("kernelspec", {}))
        db.flush()
        _register_cells(db, notebook, cells)


def record(
    gradebook: "Gradebook", verdict: Verdict, autograded: NotebookNode | None, timestamp: datetime | None
) -> int | None:
    """Write one verdict into the gradebook, in one transaction, and return the seconds it came late.

    What a person entered stays: scores, extra credit, comments. A grade of theirs is marked for another look
    when the answer's text, or the automatic score that they overrode, is no longer what they saw. Exercises
    that could not be graded keep the score they had and are marked too.

    Args:
        autograded: the notebook of `annotate`; None if the submission could not even be rebuilt.
        timestamp: when it was handed in, naive UTC as nbgrader keeps it (`read_timestamp`).

    Returns:
        Seconds after the due date (0 if in time), or None without a due date or a timestamp.
    """
    from nbgrader import api

    with transaction(gradebook) as db:
        notebook = gradebook.find_notebook(verdict.notebook, verdict.assignment)
        student = db.get(api.Student, verdict.student) or api.Student(id=verdict.student)
        db.add(student)
        assignment = notebook.assignment
        submission = (
            db.query(api.SubmittedAssignment)
            .filter_by(assignment_id=assignment.id, student_id=student.id)
            .one_or_none()
        )
        if submission is None:
            submission = api.SubmittedAssignment(assignment=assignment, student=student)
            db.add(submission)
        submission.timestamp = timestamp
        submitted = _one(submission.notebooks, verdict.notebook)
        if submitted is None:
            submitted = api.SubmittedNotebook(notebook=notebook, assignment=submission)
            db.add(submitted)
        db.flush()
        _record_cells(db, notebook, submitted, verdict, autograded)
        if assignment.duedate is None or timestamp is None:
            return None
        return int(submission.total_seconds_late)


def with_human_grades(gradebook: "Gradebook", verdict: Verdict) -> Verdict:
    """The verdict as a person left it in the gradebook: their scores count, their comments are its messages.

    A new verdict: the one given is not changed. While a grade needs another look, its exercise keeps its
    status.
    """
    from nbgrader.api import MissingEntry

    with transaction(gradebook):
        try:
            submitted = gradebook.find_submission_notebook(verdict.notebook, verdict.assignment, verdict.student)
        except MissingEntry:
            return verdict
        comments = {c.name: c.manual_comment for c in submitted.comments if c.manual_comment}
        grades = {
            g.name: (g.score, bool(g.needs_manual_grade))
            for g in submitted.grades
            if g.manual_score is not None or g.extra_credit is not None
        }
    if not grades and not comments:
        return verdict
    cells = [
        replace(cell, score=grades[cell.grade_id][0]) if cell.grade_id in grades else cell for cell in verdict.cells
    ]
    by_id = {cell.grade_id: cell for cell in verdict.cells}
    exercises = [
        _graded_by_person(
            exercise,
            {i: g for i, g in grades.items() if exercise_of(i) == exercise.exercise},
            {i: c for i, c in comments.items() if exercise_of(i) == exercise.exercise},
            by_id,
        )
        for exercise in verdict.exercises
    ]
    return replace(verdict, exercises=exercises, cells=cells)


def exercise_of(grade_id: str) -> str:
    """The exercise that a grade_id belongs to: `A1_5-values` -> `A1.5`."""
    return grade_id.partition("-")[0].replace("_", ".")


def read_timestamp(folder: Path) -> tuple[datetime | None, str | None]:
    """Read nbgrader's timestamp.txt in a submission's folder: naive UTC, and a note if it makes no sense.

    Formats are nbgrader's: `2015-02-02 15:58:23.948203 America/Los_Angeles`, `… UTC`, ISO 8601 with or
    without an offset (none means UTC). A time without a full date is no timestamp: its meaning would change
    daily.
    """
    path = folder / "timestamp.txt"
    if not path.is_file() or any(part.is_symlink() for part in (path, folder, folder.parent)):
        return None, None
    import dateutil.parser
    from nbgrader.utils import parse_utc

    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(200).strip()
        # A time zone may name a file, whose owner can change it later: only names are looked up, no paths.
        if not re.fullmatch(r"[\w:+\-./, ]+", text) or re.search(r"(?<!\w)/|\.\.", text):
            raise ValueError(text)
        with warnings.catch_warnings():
            # A time zone that dateutil doesn't know reads as UTC, as in nbgrader.
            warnings.simplefilter("ignore")
            days = {
                dateutil.parser.parse(text, default=datetime(*day), fuzzy=True).date()
                for day in ((2001, 3, 4), (2005, 7, 8))
            }
            if len(days) != 1:
                raise ValueError(text)
            return parse_utc(text), None
    except (OSError, ValueError, OverflowError, TypeError, AttributeError):
        return None, "timestamp.txt cannot be read as a date and time, so lateness is not known"


def _one(items, name: str):
    return next((item for item in items if item.name == name), None)


def _as_released(nb: NotebookNode) -> NotebookNode:
    """The source as nbgrader keeps it: answers cut out, hidden tests in, a checksum on each cell."""
    from nbgrader.preprocessors import ClearSolutions
    from nbgrader.utils import compute_checksum

    nb, _ = ClearSolutions().preprocess(deepcopy(nb), {})
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id"):
            cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    return nb


def _register_cells(db: "Session", notebook: "Notebook", cells: list[NotebookNode]) -> None:
    from nbgrader import api, utils

    graded = {
        c.metadata.nbgrader.grade_id: {
            "max_score": float(c.metadata.nbgrader.points),
            "cell_type": c.cell_type,
        }
        for c in cells
        if utils.is_grade(c)
    }
    answered = {c.metadata.nbgrader.grade_id: {} for c in cells if utils.is_solution(c)}
    sources = {
        c.metadata.nbgrader.grade_id: {
            "cell_type": c.cell_type,
            "locked": utils.is_locked(c),
            "source": c.source,
            "checksum": c.metadata.nbgrader.checksum,
        }
        for c in cells
        if utils.is_grade(c) or utils.is_solution(c) or utils.is_locked(c)
    }
    for model, wanted in (
        (api.GradeCell, graded),
        (api.SolutionCell, answered),
        (api.TaskCell, {}),
        (api.SourceCell, sources),
    ):
        rows = {row.name: row for row in db.query(model).filter_by(notebook_id=notebook.id)}
        for name in rows.keys() - wanted.keys():
            for grade in db.query(api.Grade).filter_by(cell_id=rows[name].id):
                db.delete(grade)
            for comment in db.query(api.Comment).filter_by(cell_id=rows[name].id):
                db.delete(comment)
            db.flush()
            db.delete(rows[name])
        for name, facts in wanted.items():
            if name in rows:
                for attribute, value in facts.items():
                    setattr(rows[name], attribute, value)
            else:
                db.add(model(name=name, notebook_id=notebook.id, **facts))


def _record_cells(
    db: "Session",
    notebook: "Notebook",
    submitted: "SubmittedNotebook",
    verdict: Verdict,
    autograded: NotebookNode | None,
) -> None:
    from nbgrader import api

    answers = {cell.name: cell for cell in notebook.solution_cells}
    status = {exercise.exercise: exercise.status for exercise in verdict.exercises}
    rebuilt = autograded.cells if autograded is not None else []
    texts = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in rebuilt}
    scores = {cell.grade_id: cell.score for cell in verdict.cells}
    grades = {grade.cell_id: grade for grade in submitted.grades}
    comments = {comment.cell_id: comment for comment in submitted.comments}
    for cell in notebook.grade_cells:
        if cell.id not in grades:
            grades[cell.id] = api.Grade(cell_id=cell.id, notebook=submitted)
            db.add(grades[cell.id])
    db.flush()  # gives new rows their ids
    for cell in notebook.grade_cells:
        grade = grades[cell.id]
        outcome = status.get(exercise_of(cell.name), "ungraded")
        if outcome == "ungraded":
            grade.needs_manual_grade = True
        elif cell.name in answers and outcome == "manual_pending":
            _record_answer(db, grade, texts.get(cell.name, ""))
        else:
            # Positive proof: a test cell without a verdict is worth nothing.
            _record_score(grade, float(scores.get(cell.name, 0.0)))
    for name, cell in answers.items():
        comment = comments.get(cell.id) or api.Comment(cell_id=cell.id, notebook=submitted)
        db.add(comment)
        silent = status.get(exercise_of(name)) == "not_attempted"
        comment.auto_comment = "No response." if silent else None


def _record_score(grade: "Grade", score: float) -> None:
    """An automatic score. A person who overrode another one is asked to look again."""
    if grade.manual_score is None:
        grade.needs_manual_grade = False
    elif grade.auto_score != score:
        grade.needs_manual_grade = True
    grade.auto_score = score


def _record_answer(db: "Session", grade: "Grade", text: str) -> None:
    """An answer for a person to read: it waits until they did, and again when its text has changed."""
    from sqlalchemy import text as sql

    now = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    seen = db.execute(sql("SELECT sha256 FROM course_answer_seen WHERE grade_id = :id"), {"id": grade.id}).scalar()
    if grade.manual_score is None or seen not in (None, now):
        grade.needs_manual_grade = True
    grade.auto_score = None
    if seen != now:
        db.execute(sql("REPLACE INTO course_answer_seen VALUES (:id, :now)"), {"id": grade.id, "now": now})


def _graded_by_person(
    exercise: ExerciseVerdict,
    grades: dict[str, tuple[float, bool]],
    comments: dict[str, str],
    cells: dict[str, CellVerdict],
) -> ExerciseVerdict:
    """One exercise with what a person gave its cells: (score, needs another look) and comments."""
    if not grades and not comments:
        return exercise
    score = exercise.score
    for grade_id, (given, _) in grades.items():
        score += given - (cells[grade_id].score if grade_id in cells else 0.0)
    status = exercise.status
    if grades and not any(needs_look for _, needs_look in grades.values()):
        status = "passed" if score >= exercise.max_score else "partial" if score > 0 else "failed"
    said = [f"comment: {plain(comment)}" for comment in comments.values()]
    message = "; ".join(filter(None, [exercise.message if status != "passed" else "", *said]))
    return replace(exercise, score=score, status=status, message=message)
