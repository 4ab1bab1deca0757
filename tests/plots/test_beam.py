"""The tree of a beam search shows its trace, and hypotheses are ranked as `course.models.decoding` ranks them."""

import pytest

from course.models.decoding import length_penalty
from course.plots.beam import Candidate, beam_tree, finished, ranked, score, scores_by_alpha, state_of

END = "<eos>"
TRACE = [
    [Candidate(("a",), -0.5, True), Candidate(("b",), -1.0, True), Candidate(("c",), -3.0, False)],
    [Candidate(("b", "d"), -1.1, True), Candidate(("a", END), -1.2, True), Candidate(("a", "d"), -2.0, False)],
    [Candidate(("b", "d", END), -1.4, True), Candidate(("b", "d", "e"), -4.0, False)],
]


def nodes(ax) -> list[str]:
    """Token, number, token, number, …"""
    return [line for text in ax.texts for line in text.get_text().split("\n")]


def test_a_candidate_is_kept_finished_or_dropped():
    assert [[state_of(c, END) for c in step] for step in TRACE] == [
        ["kept", "kept", "dropped"],
        ["kept", "finished", "dropped"],
        ["finished", "dropped"],
    ]
    assert state_of(Candidate((END,), -1.0, False), END) == "dropped"


def test_finished_ones_are_those_up_to_the_step():
    assert finished(TRACE, 1, END) == []
    assert [c.tokens for c in finished(TRACE, 2, END)] == [("a", END)]
    assert [c.tokens for c in finished(TRACE, 3, END)] == [("a", END), ("b", "d", END)]


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2])
def test_the_score_is_the_one_of_the_models(alpha):
    for step in TRACE:
        for c in step:
            assert score(c, alpha) == pytest.approx(c.log_probability / length_penalty(len(c.tokens), alpha))


def test_a_length_penalty_may_put_the_longer_one_first():
    short, long = finished(TRACE, 3, END)
    assert ranked([long, short], 0.0) == [short, long]
    assert ranked([short, long], 2.0) == [long, short]


def test_the_tree_shows_tokens_numbers_and_what_continues_what(ax):
    beam_tree(ax, TRACE, 2, end=END)
    assert sorted(nodes(ax)[::2]) == sorted(["a", "b", "c", "d", END, "d"])
    assert set(nodes(ax)[1::2]) == {"-0.50", "-1.00", "-3.00", "-1.10", "-1.20", "-2.00"}
    segments = {tuple(map(tuple, line)) for line in ax.collections[0].get_segments()}
    assert segments == {((1, -1), (2, 0)), ((1, 0), (2, -1)), ((1, 0), (2, -2))}
    by_state = {points.get_label(): points.get_offsets().tolist() for points in ax.collections[1:]}
    assert by_state == {"kept": [[1, 0], [1, -1], [2, 0]], "finished": [[2, -1]], "dropped": [[1, -2], [2, -2]]}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["kept", "finished", "dropped"]


def test_only_the_last_columns_are_shown(ax):
    beam_tree(ax, TRACE, 3, end=END, columns=2)
    assert list(ax.get_xticks()) == [2, 3]
    assert sorted(nodes(ax)[::2]) == sorted(["d", END, "d", END, "e"])


@pytest.mark.parametrize("step", [0, 4])
def test_a_step_that_was_not_made_is_refused(ax, step: int):
    with pytest.raises(ValueError, match=f"from 1 to 3, not {step}"):
        beam_tree(ax, TRACE, step, end=END)


def test_each_line_is_a_hypothesis_by_alpha(ax):
    alphas = [0.0, 1.0, 2.0]
    found = finished(TRACE, 3, END)
    scores_by_alpha(ax, found, alphas)
    for line, c in zip(ax.lines, found, strict=True):
        assert list(line.get_xdata()) == alphas
        assert list(line.get_ydata()) == [score(c, alpha) for alpha in alphas]
        assert str(len(c.tokens)) in line.get_label() and " ".join(c.tokens) in line.get_label()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("α", "log p / length penalty")
