"""The page says what the outcomes say: medians, spreads, and claims that can be refuted."""

import pytest

from course.experiments.common import Claim, Experiment, Outcome, Row
from course.experiments.report import judge, page, section, sections_of, spread, table


def outcomes(valid: dict[str, list[float]], test: dict[str, list[float]]):
    """variant -> runs, from the values of the metric "score"."""
    return {
        name: [
            Outcome({"score": v}, {"score": t}, {"parameters": 1234}, 7.0)
            for v, t in zip(valid[name], test[name], strict=True)
        ]
        for name in valid
    }


CLAIM = Claim("a is better", ("a", "score"), ("b", "score"))


@pytest.mark.parametrize(
    ("a", "b", "threshold", "holds"),
    [
        ([0.9, 0.8, 0.85], [0.1, 0.2, 0.3], 0.55, True),
        ([0.9, 0.8, 0.5], [0.1, 0.2, 0.3], 0.55, False),  # one run of the larger group falls below
        ([0.9, 0.8, 0.85], [0.1, 0.6, 0.3], 0.55, False),  # one of the smaller rises above
    ],
)
def test_a_claim_holds_if_the_validation_threshold_parts_all_test_runs(a, b, threshold, holds):
    found = outcomes({"a": [0.9, 0.8, 0.85], "b": [0.1, 0.2, 0.3]}, {"a": a, "b": b})
    assert judge(CLAIM, found) == (pytest.approx(threshold), holds)


def test_groups_that_overlap_on_the_validation_split_bear_nothing_out():
    found = outcomes({"a": [0.9, 0.4], "b": [0.1, 0.5]}, {"a": [0.9, 0.9], "b": [0.1, 0.1]})
    assert judge(CLAIM, found) == (None, False)


def test_a_cell_has_the_median_and_the_extremes():
    assert spread([0.5, 0.1, 0.9]) == "**0.500**<br>0.100–0.900"
    assert spread([50.0, 10.0, 90.0]) == "**50.0**<br>10.0–90.0"
    assert spread([0.5, None]) == "–"


def experiment(**changes) -> Experiment:
    described = {
        "name": "one",
        "title": "One",
        "setting": "How it was.",
        "run": lambda variant, seed: Outcome({}, {}),
        "rows": (Row("the first", "a"), Row("the second", "b")),
        "columns": {"score": "score"},
        "claims": (CLAIM,),
    }
    return Experiment(**described | changes)


def test_the_page_shows_test_numbers_and_says_what_does_not_hold():
    found = outcomes({"a": [0.9, 0.8], "b": [0.1, 0.2]}, {"a": [0.7, 0.6], "b": [0.65, 0.2]})
    text = page([section(experiment(remarks=lambda outcomes: "A remark."), found, "here")])
    assert "## One" in text and "How it was." in text and "A remark." in text
    assert "| the first | **0.650**<br>0.600–0.700 | 1,234 | 7 |" in text
    assert "| a is better | 0.5 | 0.7, 0.6 | 0.65, 0.2 | **no** |" in text
    assert text.endswith("*2 seeds; here.*\n")


def test_a_page_is_made_of_its_sections_again():
    sections = {"One": "## One\n\nFirst.\n\n### Below\n\nMore.", "Two": "## Two\n\nSecond."}
    text = page([*sections.values()])
    assert sections_of(text) == sections
    assert page([*sections_of(text).values()]) == text


def test_rows_of_one_variant_are_told_apart_by_their_suffix():
    runs = {"a": [Outcome({}, {"score, early": 0.25, "score, late": 0.75})]}
    rows = (Row("before", "a", ", early"), Row("after", "a", ", late"))
    drawn = table(experiment(rows=rows, claims=()), runs)
    assert "before | **0.250**" in drawn and "after | **0.750**" in drawn
    assert experiment(rows=rows).variants == ("a",)
