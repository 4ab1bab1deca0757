"""check.raises, sizes, budget, and the ledger."""

import pytest
import torch

from course import check


def failure(*args, **options):
    with pytest.raises(check.CheckFailed) as caught:
        check.raises(*args, **options)
    return caught.value


def refuse(text="d_k of queries is 3, of keys 4", kind=ValueError):
    raise kind(text)


def stub():
    raise NotImplementedError


class Crossed(Exception):
    """An error as it arrives from another process."""

    def __init__(self, type_name, mro, message):
        super().__init__(f"{type_name}: {message}")
        self.type_name, self.mro, self.message = type_name, mro, message


def crossed(*bases, message="d_k differs"):
    raise Crossed(bases[0], [*bases, "Exception", "BaseException", "object"], message)


def test_the_right_error_passes():
    check.raises(ValueError, refuse)
    check.raises(ValueError, refuse, match="of keys")
    check.raises((TypeError, ValueError), refuse, kind=TypeError)
    check.raises(LookupError, refuse, kind=KeyError)
    check.raises(NotImplementedError, stub)


def test_the_right_error_of_another_process_passes():
    check.raises(ValueError, crossed, "ValueError", match="^d_k")
    check.raises(LookupError, crossed, "IndexError", "LookupError")


def test_no_error_and_another_error_fail():
    assert failure(ValueError, lambda: 1).message == "expected ValueError, but nothing was raised"
    wrong = failure((ValueError, TypeError), refuse, "the key is 0.1234", KeyError)
    assert wrong.message == "expected ValueError or TypeError, got KeyError" and "0.1234" in wrong.details
    assert failure(ValueError, crossed, "IndexError").message == "expected ValueError, got IndexError"


def test_a_message_that_does_not_match_fails_without_being_shown():
    wrong = failure(ValueError, refuse, "the key is 0.1234", match="d_k")
    assert "'d_k'" in wrong.message and "0.1234" not in wrong.message and "0.1234" in wrong.details
    assert "'d_v'" in failure(ValueError, crossed, "ValueError", match="d_v").message


def test_a_stub_is_no_runtime_error():
    with pytest.raises(NotImplementedError):
        check.raises(RuntimeError, stub)
    with pytest.raises(Crossed):
        check.raises(RuntimeError, crossed, "NotImplementedError", "RuntimeError")


@pytest.mark.parametrize("anything", [Exception, BaseException, (ValueError, Exception)])
def test_any_error_at_all_cannot_be_asked_for(anything):
    with pytest.raises(ValueError, match="name the error"):
        check.raises(anything, refuse)


# --- sizes and budget ---------------------------------------------------------------------------------------


def test_sizes_are_distinct_in_range_and_repeatable():
    seen = set()
    for seed in range(200):
        torch.manual_seed(seed)
        drawn = check.sizes("B T S d_k d_v", low=2, high=6)
        assert len(set(drawn)) == 5 and all(type(n) is int and 2 <= n <= 6 for n in drawn)
        torch.manual_seed(seed)
        assert check.sizes("B T S d_k d_v", low=2, high=6) == drawn
        seen.add(drawn)
    assert len(seen) > 50
    assert check.sizes("n", low=3, high=3) == (3,)


@pytest.mark.parametrize(
    ("names", "low", "high"), [("", 2, 9), ("a a", 2, 9), ("a b c", 2, 3), ("a", 4, 3), ("a", -1, 3)]
)
def test_sizes_that_cannot_be_drawn(names, low, high):
    with pytest.raises(ValueError, match="sizes"):
        check.sizes(names, low, high)


@pytest.mark.parametrize(("mode", "steps"), [(None, 500), ("autograde", 50), ("validate", 500)])
def test_budget_follows_the_kind_of_run(monkeypatch, mode, steps):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    if mode is not None:
        monkeypatch.setenv("NBGRADER_EXECUTION", mode)
    assert check.budget(full=500, graded=50) == steps


# --- the ledger ---------------------------------------------------------------------------------------------

X = torch.linspace(0, 1, 6).reshape(2, 3)
GOOD = {
    "close": lambda: check.close(X, X),
    "shape": lambda: check.shape(X, "a b", a=2, b=3),
    "gradient": lambda: check.gradient(torch.sin, X, reference=torch.sin),
    "unchanged": lambda: check.unchanged(torch.sin, X, expected=X.sin()),
    "runs_on_any_device": lambda: check.runs_on_any_device(torch.sin, X, expected=X.sin()),
    "causal": lambda: check.causal(torch.sin, X),
    "equivariant": lambda: check.equivariant(torch.sin, X),
    "raises": lambda: check.raises(ValueError, refuse),
}
BAD = {
    "close": lambda: check.close(X, X + 1),
    "shape": lambda: check.shape(X, "a b", a=3, b=2),
    "gradient": lambda: check.gradient(torch.sin, X, reference=torch.cos),
    "unchanged": lambda: check.unchanged(torch.sin_, X.clone(), expected=X.sin()),
    "runs_on_any_device": lambda: check.runs_on_any_device(torch.sin, X, expected=X),
    "causal": lambda: check.causal(lambda x: x.flip(-2), X),
    "equivariant": lambda: check.equivariant(lambda x: x.cumsum(-2), X),
    "raises": lambda: check.raises(ValueError, torch.sin, X),
}


@pytest.mark.parametrize("name", GOOD)
def test_every_check_that_holds_counts_once(name):
    check.ledger.reset()
    GOOD[name]()
    assert check.ledger.passed == 1
    GOOD[name]()
    assert check.ledger.passed == 2
    check.ledger.reset()
    assert check.ledger.passed == 0


@pytest.mark.parametrize("name", BAD)
def test_no_check_that_fails_counts(name):
    check.ledger.reset()
    with pytest.raises(check.CheckFailed):
        BAD[name]()
    assert check.ledger.passed == 0


def test_helpers_and_errors_do_not_count():
    check.ledger.reset()
    check.sizes("a b")
    check.budget(full=1, graded=1)
    with pytest.raises(TypeError):
        check.close(X, None)
    with pytest.raises(ZeroDivisionError):
        check.causal(lambda x: 1 / 0, X)
    assert check.ledger.passed == 0


def test_all_public_checks_are_covered_here():
    helpers = {"CheckFailed", "budget", "ledger", "sizes", "stand_in"}
    assert set(check.__all__) - helpers == set(GOOD) == set(BAD)
