"""The stand-in device: what a GPU accepts passes with the CPU's values, what it refuses is named."""

import pytest
import torch

from course import check
from course.check import stand_in
from course.check.stand_in_mode import is_marked
from tests.check.attention_inputs import inputs, scores_of
from tests.check.gpu_accepts import ACCEPTED, moved_by_cuda
from tests.check.gpu_refuses import REFUSED, arange_made, cached


@pytest.mark.parametrize("fn", ACCEPTED, ids=lambda fn: fn.__name__)
def test_what_a_gpu_accepts_passes_with_the_values_of_the_cpu(fn):
    given = inputs()
    if fn is moved_by_cuda:  # .cuda() needs a GPU outside the stand-in
        expected = scores_of(*given[:2])
    else:
        expected = fn(*given)
    check.runs_on_any_device(fn, *given, expected=expected)


def test_cudnn_stays_out_of_it_and_comes_back():
    """On a machine with a GPU a recurrent layer asks it to lay out its weights; they only say that they are there."""
    before = torch.backends.cudnn.enabled
    seen = []
    stand_in.run(lambda x: seen.append(torch.backends.cudnn.enabled) or x, (torch.ones(2),))
    assert seen == [False] and torch.backends.cudnn.enabled == before


def test_arguments_keep_their_values_and_stay_unmarked():
    q, *rest = inputs()
    before = q.clone()
    stand_in.run(lambda q: q.mul_(2), (q,))
    assert torch.equal(q, before) and not is_marked(q)


def test_nothing_and_numbers_and_nested_arguments_pass_through():
    x = torch.randn(3)

    def fn(nothing, pair, options, *, scale):
        assert nothing is None and options["name"] == "a"
        (a, (b,)) = pair
        return {"sum": a + b * scale, "list": [a, None, 2]}

    result = stand_in.run(fn, (None, (x, (x,)), {"name": "a"}), {"scale": 2})
    assert torch.equal(result["sum"], 3 * x) and result["list"][1:] == [None, 2]
    assert not is_marked(result["sum"])


def test_one_tensor_given_twice_stays_one():
    x = torch.randn(3)
    assert stand_in.run(lambda a, b: (a is b, a.add_(1))[0], (x, x))


def test_a_device_among_the_arguments_becomes_the_other_one():
    def positions(count, device):
        return torch.arange(count, device=device)

    check.runs_on_any_device(positions, 4, torch.device("cpu"), expected=torch.arange(4))
    with pytest.raises(check.CheckFailed, match="result is on the CPU"):
        check.runs_on_any_device(lambda n, device: torch.arange(n), 4, torch.device("cpu"), expected=torch.arange(4))


def test_without_tensors_there_is_no_device_to_be_on():
    check.runs_on_any_device(lambda n: torch.arange(n), 4, expected=torch.arange(4))


@pytest.mark.parametrize(("fn", "mistake"), REFUSED, ids=lambda value: getattr(value, "__name__", ""))
def test_what_a_gpu_refuses_is_named(fn, mistake):
    q, k, *_ = inputs()
    expected = fn(q, k)
    with pytest.raises(check.CheckFailed) as caught:
        check.runs_on_any_device(fn, q, k, expected=expected)
    assert caught.value.mistake == mistake
    assert caught.value.message.startswith(mistake) and "\n" not in caught.value.message


def test_a_mask_cached_during_the_run_was_made_there():
    q, k, *_ = inputs()
    cache = {}
    with pytest.raises(stand_in.MixedDevices, match="was made on the CPU"):
        stand_in.run(lambda q, k: cached(q, k, cache), (q, k))
    with pytest.raises(stand_in.MixedDevices, match="from before the call"):
        stand_in.run(lambda q, k: cached(q, k, cache), (q, k))


def test_details_show_the_line():
    q, k, *_ = inputs()
    with pytest.raises(check.CheckFailed) as caught:
        check.runs_on_any_device(arange_made, q, k, expected=q)
    assert "masked_fill(~causal_mask(q, k), -1e9)" in caught.value.details


def test_what_only_waits_or_measures_on_a_gpu_is_no_trouble_and_is_itself_again():
    def measured(x):
        if x.is_cuda:
            torch.cuda.reset_peak_memory_stats()
            torch.cuda.synchronize(x.device)
            torch.cuda.empty_cache()
            print(torch.cuda.get_device_name(0))
        return x + torch.cuda.memory_allocated() if x.is_cuda else x

    before = torch.cuda.synchronize
    x = torch.randn(3)
    assert torch.equal(stand_in.run(measured, (x,)), x)
    assert torch.cuda.synchronize is before


def test_a_branch_for_the_gpu_is_taken():
    q, k, *_ = inputs()
    expected = scores_of(q, k)

    def fn(q, k):
        return scores_of(q, k) * 2 if q.device.type == "cuda" else scores_of(q, k)

    with pytest.raises(check.CheckFailed, match="the result on another device: not"):
        check.runs_on_any_device(fn, q, k, expected=expected)


def test_an_error_of_the_students_own_is_not_renamed():
    with pytest.raises(ZeroDivisionError):
        check.runs_on_any_device(lambda x: 1 / 0, torch.ones(2), expected=torch.ones(2))
