"""What lateness costs: the edges one by one, and what holds whatever the policy is."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.grading.late import DAY, days_late, lateness_of, percent_lost, points_lost
from course.settings import Late

TEN = Late(grace_minutes=15, percent_a_day=10, at_most_percent=50, days=7)
GRACE = 15 * 60


@pytest.mark.parametrize(
    ("seconds", "days", "percent", "points"),
    [
        (None, 0, 0, 0),  # no due date, or no time stamp
        (0, 0, 0, 0),  # at the due date itself
        (0.9, 0, 0, 0),  # parts of a second don't count
        (1, 0, 0, 0),
        (GRACE, 0, 0, 0),  # the last second of grace
        (GRACE + 0.9, 0, 0, 0),
        (GRACE + 1, 1, 10, 9),
        (GRACE + DAY, 1, 10, 9),
        (GRACE + DAY + 1, 2, 20, 18),
        (5 * DAY, 5, 50, 45),
        (6 * DAY, 6, 50, 45),  # the cap
        (GRACE + 7 * DAY, 7, 50, 45),
        (GRACE + 7 * DAY + 1, 8, 100, 90),  # beyond the last day
    ],
)
def test_edges(seconds, days, percent, points):
    assert days_late(TEN, seconds) == days
    assert percent_lost(TEN, seconds) == percent
    assert points_lost(TEN, seconds, 90.0) == points


def test_without_a_policy_lateness_costs_nothing():
    late = lateness_of(Late(), 3 * DAY, 90.0)
    assert (late.seconds, late.percent, late.points, late.words) == (3 * DAY, 0, 0, "")


def test_nothing_can_be_taken_of_nothing():
    late = lateness_of(TEN, DAY, 0.0)
    assert (late.percent, late.points) == (10, 0)
    assert late.words == "1 day late: −10 % (0 points)"


@pytest.mark.parametrize(
    ("policy", "seconds", "words"),
    [
        (TEN, GRACE + DAY + 1, "2 days late: −20 % (18 points)"),
        (TEN, 6 * DAY, "6 days late: −50 % (45 points), the most that lateness costs"),
        (TEN, 5 * DAY, "5 days late: −50 % (45 points)"),
        (TEN, 9 * DAY, "9 days late: nothing counts after 7 days (−90 points)"),
        (Late(days=0), 1, "1 day late: nothing counts after the due date (−90 points)"),
        (Late(days=1), DAY + 1, "2 days late: nothing counts after 1 day (−90 points)"),
        (Late(percent_a_day=100 / 90), 1, "1 day late: −1.11 % (1 point)"),
        (TEN, GRACE, ""),
    ],
)
def test_words(policy, seconds, words):
    assert lateness_of(policy, seconds, 90.0).words == words


def test_a_day_has_24_hours_whatever_the_clocks_do():
    """On 25 October 2026 the clocks of Berlin go back: the same time by the clock is 25 hours later."""
    due = datetime.fromisoformat("2026-10-24T23:59:00+02:00")
    same_by_the_clock = datetime.fromisoformat("2026-10-25T23:59:00+01:00")
    seconds = (same_by_the_clock.astimezone(UTC) - due.astimezone(UTC)).total_seconds()
    assert seconds == 25 * 60 * 60
    assert days_late(Late(percent_a_day=10), seconds) == 2
    assert days_late(Late(percent_a_day=10, grace_minutes=60), seconds) == 1


policies = st.builds(
    Late,
    grace_minutes=st.floats(0, 7 * 24 * 60) | st.integers(0, 60),
    percent_a_day=st.floats(0, 100) | st.integers(0, 100),
    at_most_percent=st.floats(0, 100) | st.integers(0, 100),
    days=st.none() | st.integers(0, 366),
)
moments = st.none() | st.floats(0, 400 * DAY) | st.integers(0, 400 * DAY)
scores = st.floats(0, 1000, allow_subnormal=False)


@given(policies, moments, scores)
def test_never_less_than_nothing_nor_more_than_there_is(policy, seconds, score):
    assert 0 <= percent_lost(policy, seconds) <= 100
    assert 0 <= points_lost(policy, seconds, score) <= score
    late = lateness_of(policy, seconds, score)
    assert bool(late.words) == bool(late.percent)
    assert "\n" not in late.words


@given(policies, st.integers(0, 400 * DAY), st.integers(0, 400 * DAY), scores)
def test_who_comes_later_never_loses_less(policy, one, other, score):
    first, second = sorted((one, other))
    assert points_lost(policy, first, score) <= points_lost(policy, second, score)


@given(policies, moments, scores, scores)
def test_better_answers_never_end_with_less(policy, seconds, one, other):
    """Rounding to a hundredth may take back a hundredth, and no more."""
    first, second = sorted((one, other))
    rest = [score - points_lost(policy, seconds, score) for score in (first, second)]
    assert rest[0] <= rest[1] + 0.01 + 1e-9


@given(policies, st.integers(0, 400 * DAY), scores)
def test_in_grace_nothing_is_lost_and_the_cap_holds_until_the_last_day(policy, seconds, score):
    beyond = seconds - policy.grace_minutes * 60
    if beyond <= 0:
        assert points_lost(policy, seconds, score) == 0
    if policy.days is None or beyond <= policy.days * DAY:
        assert points_lost(policy, seconds, score) <= score * policy.at_most_percent / 100 + 0.005 + 1e-9
    elif beyond > policy.days * DAY + 1:
        assert points_lost(policy, seconds, score) == pytest.approx(score, abs=0.005)
