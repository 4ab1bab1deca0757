"""What lateness costs: the arithmetic of `[late]` in course.toml, and its words.

Time is counted from the end of the grace period, in days of 24 hours, each of which counts in full as soon as it has
begun. What a day costs is a share of the points that the submission earned, those of a person included.
"""

from course.grading.output import number
from course.grading.verdict import Lateness
from course.settings import Late

DAY = 24 * 60 * 60


def days_late(policy: Late, seconds: float | None) -> int:
    """The days that count, the one that has begun included; 0 in time or in the grace period.

    seconds: after the due date (None: not known). Parts of a second don't count.
    """
    beyond = int(seconds or 0) - int(policy.grace_minutes * 60)
    return -(-beyond // DAY) if beyond > 0 else 0


def percent_lost(policy: Late, seconds: float | None) -> float:
    """The share of the points that lateness takes, from 0 to 100."""
    days = days_late(policy, seconds)
    if policy.days is not None and days > policy.days:
        return 100.0
    return float(min(days * policy.percent_a_day, policy.at_most_percent))


def points_lost(policy: Late, seconds: float | None, score: float) -> float:
    """The points that lateness takes of a score, to a hundredth of a point, and never more than there are."""
    return max(0.0, min(score, round(score * percent_lost(policy, seconds) / 100, 2)))


def lateness_of(policy: Late, seconds: int | None, score: float, extended: bool = False) -> Lateness:
    """What lateness costs a submission that came so many seconds after its due date, and what there is to say of it."""
    days, percent = days_late(policy, seconds), percent_lost(policy, seconds)
    lost = points_lost(policy, seconds, score)
    return Lateness(seconds, days, percent, lost, _words(policy, days, percent, lost), extended)


def _words(policy: Late, days: int, percent: float, lost: float) -> str:
    """`2 days late: −20 % (18 points)`; nothing where lateness costs nothing."""
    if not percent:
        return ""
    came = f"{days} day{'' if days == 1 else 's'} late"
    points = f"{number(lost)} point{'' if lost == 1 else 's'}"
    if policy.days is not None and days > policy.days:
        after = f"{policy.days} day{'' if policy.days == 1 else 's'}" if policy.days else "the due date"
        return f"{came}: nothing counts after {after} (−{points})"
    most = ", the most that lateness costs" if days * policy.percent_a_day > policy.at_most_percent else ""
    return f"{came}: −{number(percent)} % ({points}){most}"
