"""check.shape speaks axis names."""

import pytest
import torch

from course import check

SIZES = {"batch": 2, "queries": 3, "d_v": 5}


def message(actual, axes="batch queries d_v", **sizes):
    with pytest.raises(check.CheckFailed) as caught:
        check.shape(actual, axes, **(sizes or SIZES))
    return caught.value.message


def test_the_right_shape_passes():
    check.shape(torch.ones(2, 3, 5), "batch queries d_v", **SIZES)
    check.shape(torch.tensor(1.0), "")


def test_a_wrong_axis_is_named():
    assert message(torch.ones(2, 3, 4)) == (
        "expected (batch=2, queries=3, d_v=5); yours is (2, 3, 4): axis d_v should be 5 and is 4"
    )
    assert message(torch.ones(2, 4, 4)).endswith("axis queries should be 3 and is 4; axis d_v should be 5 and is 4")


def test_axes_in_another_order_are_named():
    assert message(torch.ones(2, 5, 3)).endswith("the axes are in the order batch, d_v, queries")


def test_the_number_of_axes():
    assert message(torch.ones(2, 3)) == "expected 3 axes (batch=2, queries=3, d_v=5); yours has 2: (2, 3)"
    assert message(torch.ones(2, 3), "n", n=2) == "expected 1 axis (n=2); yours has 2: (2, 3)"


def test_what_is_no_tensor():
    assert message(None) == "expected a tensor, got NoneType: does the function return its result?"
    assert message([1, 2]) == "expected a tensor, got list"


@pytest.mark.parametrize(
    ("axes", "sizes", "error", "words"),
    [
        ("batch d", {"batch": 2}, TypeError, "no size was given for axis d"),
        ("batch", {"batch": 2, "d": 3}, TypeError, "unknown axis d"),
        ("d d", {"d": 2}, ValueError, "twice"),
    ],
)
def test_slips_of_the_author(axes, sizes, error, words):
    with pytest.raises(error, match=words):
        check.shape(torch.ones(2, 3), axes, **sizes)


def test_an_axis_may_be_called_actual():
    check.shape(torch.ones(2), "actual", actual=2)
