"""Hiding more, choosing columns: picture and sentence follow, and the sentence is true."""

import re

import pytest
import torch

from course.plots.proteins import joint_of, mutual_information
from course.widgets.proteins import columns, hider, impossible

N = 24


@pytest.fixture
def true() -> torch.Tensor:
    steps = torch.nn.functional.normalize(torch.randn(N, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    places = 3.8 * steps.cumsum(0)
    return torch.cdist(places, places)


@pytest.fixture
def order() -> torch.Tensor:
    above = torch.rand(N, N, generator=torch.Generator().manual_seed(1)).triu(1)
    return above + above.mT


@pytest.fixture
def widget(true, order):
    methods = {
        "ten everywhere": lambda hidden: torch.where(hidden, torch.tensor(10.0), true),
        "a little too much": lambda hidden: torch.where(hidden, true + 0.25, true),
    }
    return hider(true, order, methods)


def test_share_and_method_change_picture_and_sentence_at_once(widget, hold_quick):
    hold_quick(widget, "known", [0.1, 0.5, 0.7])
    hold_quick(widget, "method", ["a little too much", "ten everywhere", "a little too much"])


def test_the_sentence_counts_what_is_known_and_how_wrong_the_rest_is(widget, true, order):
    widget.controls["known"].value = 0.5
    above = torch.ones(N, N, dtype=torch.bool).triu(1)
    hidden = (order > 0.5) & above
    known, of, mean, most, broken, triangles = map(float, re.findall(r"\d+\.?\d*", widget.sentence))
    assert (known, of, triangles) == (int((above & ~hidden).sum()), 276, 2024)
    errors = (true - 10).abs()[hidden]
    assert mean == pytest.approx(errors.mean().item(), abs=0.006)
    assert most == pytest.approx(errors.max().item(), abs=0.06)
    widget.controls["method"].value = "a little too much"
    assert "wrong by 0.25 Å on average and 0.2 Å at most" in widget.sentence.replace("0.3 Å", "0.2 Å")


def test_hiding_more_only_takes_away(true, order):
    seen = []
    widget = hider(true, order, {"nothing": lambda hidden: seen.append(hidden) or true})
    for known in (0.5, 0.3, 0.1):
        widget.controls["known"].value = known
    for more, less in zip(seen[-2:], seen[-3:-1], strict=True):
        assert (more | ~less).all() and more.sum() > less.sum()
    assert not any(hidden.diagonal().any() for hidden in seen)


def test_impossible_triangles_are_counted_once(true):
    assert impossible(true) == 0
    points = torch.tensor([[0.0], [1.0], [3.0]])
    line = torch.cdist(points, points)
    assert impossible(line) == 0  # flat, and just possible
    line[0, 2] = line[2, 0] = 3.5
    assert impossible(line) == 1


@pytest.fixture
def family() -> torch.Tensor:
    """Column 3 copies column 0; columns 1 and 2 are noise."""
    tokens = torch.randint(1, 9, (600, 4), generator=torch.Generator().manual_seed(2))
    tokens[:, 3] = tokens[:, 0]
    return tokens


def explorer(family):
    distances = torch.arange(16.0).reshape(4, 4)
    return columns(family, ["A1", "B2", "C3", "D4"], "-ACDEFGHIKLMNPQRSTVWY", distances, (0, 1))


def test_columns_change_picture_and_sentence_at_once(family, hold_quick):
    widget = explorer(family)
    hold_quick(widget, "second", ["C3", "D4", "A1"])
    hold_quick(widget, "first", ["B2", "C3"])


def test_a_copy_shares_more_than_chance_and_noise_does_not(family):
    widget = explorer(family)
    pattern = r"share ([\d.]+) bits; .* shuffled ([\d.]+) on average and ([\d.]+) at most"
    observed, mean, most = map(float, re.search(pattern, widget.sentence).groups())
    assert observed == pytest.approx(mutual_information(joint_of(family, 0, 1, 21)), abs=6e-4)
    assert mean / 2 < observed < 2 * most
    widget.controls["second"].value = "D4"
    observed, mean, most = map(float, re.search(pattern, widget.sentence).groups())
    assert observed > 2.5 and most < 0.2
    assert widget.sentence.endswith("In the structure they are 3.0 Å apart.")
    widget.controls["second"].value = "A1"
    assert widget.sentence.startswith("A1 twice")
