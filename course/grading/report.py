"""The class reports: grades.csv, summary.csv and changes.csv for a spreadsheet, class.html for a person."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median, quantiles
from urllib.parse import quote

from markupsafe import Markup

from course.grading.changes import changes_csv, why
from course.grading.feedback import environment, feedback_path, lateness, which_attempt
from course.grading.notebook import Source
from course.grading.output import number, plain, write_atomically
from course.grading.safe_csv import csv_text, safe
from course.grading.verdict import STATUSES, ExerciseVerdict, Verdict

GRADES_HEADER = ("student", "assignment", "exercise", "score", "max_score", "status", "message", "final_score")
SUMMARY_HEADER = (
    *(
        "student",
        "assignment",
        "score",
        "max_score",
        "automatic_score",
        "automatic_max",
        "waiting_points",
        "late",
        "days_late",
        "percent_lost",
        "points_lost",
        "final_score",
        "attempt",
        "attempt_scores",
    ),
    *STATUSES,
    "notes",
)
MISTAKES_IN_PLOT = 12


def write_reports(out: Path, verdicts: list[Verdict], sources: Mapping[str, Source]) -> Path:
    """Write OUT/reports/{grades.csv, summary.csv, changes.csv, class.html} and return the path of class.html.

    The same verdicts give the same bytes, in whatever order they come.

    Args:
        sources: assignment -> its Source; exercises that a verdict doesn't speak of are reported as ungraded.

    Raises:
        CourseError (exit code 1): the folder cannot be written.
    """
    verdicts = sorted(
        (complete(verdict, sources.get(verdict.assignment)) for verdict in verdicts),
        key=lambda verdict: (verdict.assignment, verdict.student),
    )
    reports = out / "reports"
    write_atomically(reports / "grades.csv", grades_csv(verdicts))
    write_atomically(reports / "summary.csv", summary_csv(verdicts, sources))
    write_atomically(reports / "changes.csv", changes_csv(verdicts))
    write_atomically(reports / "class.html", class_html(out, verdicts))
    return reports / "class.html"


def complete(verdict: Verdict, source: Source | None) -> Verdict:
    """The verdict with every exercise of the source, in its order; those without a verdict are ungraded."""
    if source is None:
        return verdict
    known = {exercise.exercise: exercise for exercise in verdict.exercises}
    reason = "; ".join(verdict.notes) or "no verdict"
    exercises = [
        known.pop(exercise.id, None)
        or ExerciseVerdict(exercise.id, exercise.title, 0.0, exercise.points, "ungraded", reason)
        for exercise in source.exercises
    ]
    return replace(verdict, exercises=[*exercises, *known.values()])


def grades_csv(verdicts: Iterable[Verdict]) -> str:
    """A row per student and exercise. The final score is what lateness leaves of the score."""
    rows = (
        (
            *map(safe, (v.student, v.assignment, e.exercise)),
            number(e.score),
            number(e.max_score),
            e.status,
            safe(e.message),
            number(e.score * (1 - v.late.percent / 100) if v.late else e.score),
        )
        for v in sorted(verdicts, key=lambda verdict: (verdict.student, verdict.assignment))
        for e in v.exercises
    )
    return csv_text(GRADES_HEADER, rows)


def summary_csv(verdicts: Iterable[Verdict], sources: Mapping[str, Source]) -> str:
    """A row per student and assignment: points, what is open, lateness, attempts, how many exercises of each status."""
    by_person = {
        (name, exercise.id)
        for name, source in sources.items()
        for exercise in source.exercises
        if exercise.manual_points
    }
    rows = []
    for verdict in sorted(verdicts, key=lambda verdict: (verdict.student, verdict.assignment)):
        waiting = [e for e in verdict.exercises if e.status == "manual_pending"]
        automatic = [e for e in verdict.exercises if (verdict.assignment, e.exercise) not in by_person]
        counts = Counter(e.status for e in verdict.exercises)
        rows.append(
            (
                safe(verdict.student),
                safe(verdict.assignment),
                number(verdict.score),
                number(verdict.max_score),
                number(sum(e.score for e in automatic)),
                number(sum(e.max_score for e in automatic)),
                number(sum(e.max_score for e in waiting)),
                lateness(verdict.seconds_after_due),
                *_lost(verdict),
                number(verdict.final_score),
                *_attempts(verdict),
                *(counts[status] for status in STATUSES),
                safe("; ".join([*(["graded without a sandbox"] if verdict.sandbox else []), *verdict.notes])),
            )
        )
    return csv_text(SUMMARY_HEADER, rows)


def class_html(out: Path, verdicts: list[Verdict]) -> str:
    """The class report as one HTML file: a section per assignment, plots inside, nothing fetched."""
    assignments = sorted({verdict.assignment for verdict in verdicts})
    sections = [assignment_section(out, name, [v for v in verdicts if v.assignment == name]) for name in assignments]
    bare = [verdict for verdict in verdicts if verdict.sandbox]
    return (
        environment()
        .get_template("class.html.j2")
        .render(sections=sections, number=number, bare=len(bare), not_in_force=bare[0].sandbox if bare else "")
    )


def _lost(verdict: Verdict) -> tuple[str, str, str]:
    """Days, percent and points that lateness takes; nothing where it takes nothing."""
    late = verdict.late
    return (str(late.days), number(late.percent), number(late.points)) if late and late.percent else ("", "", "")


def _attempts(verdict: Verdict) -> tuple[str, str]:
    """Which attempt counts, and the automatic points of each after lateness: "2 of 3", "40 78 60"."""
    points = ("-" if attempt.points is None else number(attempt.points) for attempt in verdict.attempts)
    return which_attempt(verdict), " ".join(points)


@dataclass
class Failure:
    """One reason why something could not be graded, and whom it met: (student, exercises)."""

    reason: str
    students: list[tuple[str, str]]


def assignment_section(out: Path, name: str, verdicts: list[Verdict]) -> dict:
    """What the template needs to know of one assignment."""
    whole = [v for v in verdicts if v.exercises and not _points(v, "ungraded")]
    scores = [v.score for v in whole]
    top = max((v.max_score for v in verdicts), default=0.0)
    difficulty, mistakes = exercise_rows(verdicts), mistake_rows(verdicts)
    return {
        "name": name,
        "anchor": "assignment-" + quote(name, safe=""),
        "submissions": len(verdicts),
        "graded": len(whole),
        "top": top,
        "quartiles": quartiles(scores),
        "full": sum(1 for v in whole if v.score >= v.max_score - _points(v, "manual_pending")),
        "late": sum(1 for v in verdicts if v.seconds_after_due),
        "waiting": sum(1 for v in verdicts if _points(v, "manual_pending")),
        "open_points": max((_points(v, "manual_pending") for v in verdicts), default=0.0),
        "histogram": histogram_svg(name, scores, top),
        "difficulty": difficulty,
        "difficulty_svg": difficulty_svg(name, difficulty),
        "mistakes": mistakes,
        "mistakes_svg": mistakes_svg(name, mistakes),
        "mistakes_in_plot": MISTAKES_IN_PLOT,
        "statuses": {e.status for v in verdicts for e in v.exercises},
        "columns": column_heads(verdicts),
        "attempted": any(v.attempts for v in verdicts),
        "students": [student_row(out, v) for v in sorted(verdicts, key=lambda v: v.student)],
        "failures": failures(verdicts),
        "changes": [
            (plain(v.student, 200), c, plain(why(v, c), 300))
            for v in sorted(verdicts, key=lambda v: v.student)
            for c in v.changes
        ],
        "changed_students": sum(1 for v in verdicts if v.changes),
    }


def _points(verdict: Verdict, status: str) -> float:
    """The points of the exercises that have this status."""
    return sum(e.max_score for e in verdict.exercises if e.status == status)


def quartiles(scores: list[float]) -> tuple[float, float, float] | None:
    """Lower quartile, median, upper quartile; None without scores."""
    if not scores:
        return None
    if len(scores) == 1:
        return scores[0], scores[0], scores[0]
    low, _, high = quantiles(scores, n=4, method="inclusive")
    return low, median(scores), high


def exercise_rows(verdicts: list[Verdict]) -> list[dict]:
    """Exercises, the hardest first: mean share of the points, its middle half, how many got all and none.

    An exercise of which some answers wait for a person is left out: the rest would stand for the class.
    """
    shares, titles = defaultdict(list), {}
    waiting = {e.exercise for v in verdicts for e in v.exercises if e.status == "manual_pending"}
    for verdict in verdicts:
        for e in verdict.exercises:
            titles.setdefault(e.exercise, e.title)
            if e.status != "ungraded" and e.exercise not in waiting and e.max_score > 0:
                shares[e.exercise].append(e.score / e.max_score)
    rows = []
    for exercise, values in shares.items():
        low, _, high = quartiles(values)
        rows.append(
            {
                "exercise": exercise,
                "title": titles[exercise],
                "mean": mean(values),
                "low": low,
                "high": high,
                "full": sum(1 for share in values if share >= 1),
                "none": sum(1 for share in values if share <= 0),
                "graded": len(values),
            }
        )
    return sorted(rows, key=lambda row: round(row["mean"], 9))  # ties stay in the order of the notebook


def mistake_rows(verdicts: list[Verdict]) -> list[dict]:
    """The named mistakes, the most frequent first. A student counts once for each mistake in an exercise."""
    who = defaultdict(set)
    for verdict in verdicts:
        for e in verdict.exercises:
            for mistake in e.mistakes:
                who[e.exercise, " ".join(plain(mistake).split())].add(verdict.student)
    rows = [
        {"exercise": exercise, "mistake": mistake, "count": len(students), "students": sorted(students)}
        for (exercise, mistake), students in who.items()
    ]
    order = [head.exercise for head in column_heads(verdicts)]
    return sorted(rows, key=lambda row: (-row["count"], order.index(row["exercise"]), row["mistake"]))


def failures(verdicts: list[Verdict]) -> list[Failure]:
    """What could not be graded, by reason."""
    met = defaultdict(list)
    for verdict in sorted(verdicts, key=lambda v: v.student):
        by_reason = defaultdict(list)
        for e in verdict.exercises:
            if e.status == "ungraded":
                by_reason[plain(e.message) or "no reason given"].append(e.exercise)
        for reason, exercises in by_reason.items():
            everything = len(exercises) == len(verdict.exercises)
            met[reason].append((verdict.student, "all exercises" if everything else ", ".join(exercises)))
    return [Failure(reason, met[reason]) for reason in sorted(met, key=lambda reason: (-len(met[reason]), reason))]


def column_heads(verdicts: list[Verdict]) -> list[ExerciseVerdict]:
    """The exercises of an assignment in the order of its notebook, each once."""
    heads: dict[str, ExerciseVerdict] = {}
    for verdict in verdicts:
        for e in verdict.exercises:
            heads.setdefault(e.exercise, e)
    return list(heads.values())


def student_row(out: Path, verdict: Verdict) -> dict:
    """One row of the table of students; `link` is relative to the report, None without a feedback page."""
    page = feedback_path(out, verdict)
    link = "../" + "/".join(quote(part, safe="") for part in page.relative_to(out).parts)
    return {
        "student": plain(verdict.student, 200),
        "link": link if page.is_file() else None,
        "score": verdict.score,
        "final": verdict.final_score,
        "graded": any(e.status != "ungraded" for e in verdict.exercises),
        "late": lateness(verdict.seconds_after_due),
        "lost": verdict.late.words if verdict.late else "",
        "extended": bool(verdict.late and verdict.late.extended),
        "attempt": which_attempt(verdict),
        "attempts": verdict.attempts,
        "cells": {e.exercise: e for e in verdict.exercises},
        "notes": [plain(note, 300) for note in verdict.notes],
    }


def histogram_svg(name: str, scores: list[float], top: float) -> Markup | None:
    from course.grading import (
        charts,
    )  # matplotlib is imported where a plot is drawn, not where a CSV is written

    if not scores:
        return None
    low, middle, high = quartiles(scores)
    label = (
        f"Histogram of the points of {len(scores)} submissions of {name}: median {number(middle)}, "
        f"middle half from {number(low)} to {number(high)}, "
        f"lowest {number(min(scores))}, highest {number(max(scores))}."
    )
    return Markup(charts.score_histogram(scores, top, middle, label))


def difficulty_svg(name: str, rows: list[dict]) -> Markup | None:
    from course.grading import charts

    if not rows:
        return None
    hardest, easiest = rows[0], rows[-1]
    label = (
        f"Exercises of {name} by difficulty. Hardest: {hardest['exercise']} with a mean of "
        f"{hardest['mean']:.0%} of its points; "
        f"easiest: {easiest['exercise']} with {easiest['mean']:.0%}. The table below has all."
    )
    data = [(f"{r['exercise']} {r['title']}", r["mean"], r["low"], r["high"]) for r in rows]
    return Markup(charts.exercise_difficulty(data, label))


def mistakes_svg(name: str, rows: list[dict]) -> Markup | None:
    from course.grading import charts

    if not rows:
        return None
    first = rows[0]
    label = (
        f"Named mistakes in {name} by the number of students. Most frequent, with {first['count']}: "
        f"{first['mistake']} ({first['exercise']}). The table below has all."
    )
    data = [(f"{r['exercise']}: {r['mistake']}", r["count"]) for r in rows[:MISTAKES_IN_PLOT]]
    return Markup(charts.mistake_frequency(data, label))
