"""The loop in one process: the mathematics of a step, early stop, chance, errors and the bar."""

import copy
import json
import math
import pickle
import random
from dataclasses import asdict

import pytest
import torch
from torch import nn

from course.errors import CourseError
from course.training import History, train
from course.training.processes import Home, has_rows, own_rows
from tests.support.training_run import Pairs, batches, loss, make_model, validate

CPU = torch.device("cpu")


def run(model, steps, **options):
    return train(
        model, options.pop("batches", batches), options.pop("loss", loss), steps=steps, progress=False, **options
    )


def by_hand(model, steps, *, accumulate=1, clip=1.0, learning_rate=lambda step: 3e-4):
    """Losses of plain full-batch training: all rows of a step in one batch, one mean."""
    optimizer = torch.optim.Adam(model.parameters())
    losses = []
    for step in range(steps):
        parts = [batches(n) for n in range(step * accumulate, (step + 1) * accumulate)]
        total, count = loss(model, Pairs(*(torch.cat(column) for column in zip(*parts, strict=True))))
        optimizer.zero_grad()
        (total / count).backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.param_groups[0]["lr"] = learning_rate(step + 1)
        optimizer.step()
        losses.append((total / count).item())
    return losses


@pytest.mark.parametrize("accumulate", [1, 3])
@pytest.mark.parametrize("clip", [0.1, None])
def test_a_step_is_the_mean_over_all_items_clipped(accumulate, clip):
    mine, other = (make_model(dropout=0.0, dtype=torch.float64) for _ in range(2))
    rate = {"learning_rate": lambda step: 0.1 / step}
    history = run(mine, 5, accumulate=accumulate, clip=clip, **rate)
    wanted = by_hand(other, 5, accumulate=accumulate, clip=clip or math.inf, **rate)
    torch.testing.assert_close(history.losses, wanted)
    torch.testing.assert_close(mine.state_dict(), other.state_dict())
    assert history.learning_rates == [0.1 / step for step in range(1, 6)]
    assert history.items == sum(int((batches(n).targets != 0).sum()) for n in range(5 * accumulate))


def test_it_learns():
    history = run(make_model(dropout=0.0), 300, learning_rate=0.01)
    assert history.losses[0] > 2 and sum(history.losses[-10:]) / 10 < 0.5


def test_gradients_that_the_caller_left_do_not_count():
    clean, used = make_model(dropout=0.0), make_model(dropout=0.0)
    loss(used, batches(7))[0].backward()
    assert run(clean, 3).losses == run(used, 3).losses


def test_frozen_parameters_stay():
    model = make_model()
    model[0].weight.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    run(model, 3)
    same = {name for name, weight in model.state_dict().items() if torch.equal(weight, before[name])}
    assert same == {"0.weight"}


def test_the_same_seed_is_the_same_run_and_another_is_another():
    first, second, third = make_model(), make_model(), make_model()
    torch.manual_seed(1)
    losses = run(first, 4, seed=3).losses
    torch.manual_seed(2)  # what the caller drew before does not matter
    assert run(second, 4, seed=3).losses == losses != run(third, 4, seed=4).losses
    torch.testing.assert_close(first.state_dict(), second.state_dict(), rtol=0, atol=0)


def test_dropout_differs_from_step_to_step():
    draws = []

    def draw(model, batch):
        draws.append((torch.rand(()).item(), random.random()))
        return loss(model, batch)

    run(make_model(), 5, loss=draw)
    assert len({torch_draw for torch_draw, _ in draws}) == len({draw for _, draw in draws}) == 5


def test_the_callers_chance_is_untouched():
    random.seed(5), torch.manual_seed(5)
    wanted = random.random(), torch.rand(3).tolist()
    random.seed(5), torch.manual_seed(5)
    run(make_model(), 3)
    assert (random.random(), torch.rand(3).tolist()) == wanted


def test_what_validation_draws_changes_nothing():
    def drawing(model):
        return torch.rand(()).item() + random.random()

    assert run(make_model(), 6, validate=drawing, validate_every=2).losses == run(make_model(), 6).losses


def test_the_best_weights_come_back_after_an_early_stop():
    values, kept = iter([3.0, 2.0, math.nan, 2.0, 4.0, 1.0]), []

    def scripted(model):
        assert not model.training and not torch.is_grad_enabled()
        kept.append(copy.deepcopy(model.state_dict()))
        return next(values)

    model = make_model()
    history = run(model, 100, validate=scripted, validate_every=4, patience=3)
    assert [step for step, _ in history.validations] == [4, 8, 12, 16, 20]
    assert history.stopped_early and history.steps == 20 and history.best == (8, 2.0)
    torch.testing.assert_close(model.state_dict(), kept[1], rtol=0, atol=0)
    assert not torch.equal(kept[1]["1.weight"], kept[4]["1.weight"])


def test_training_goes_on_in_train_mode_and_ends_in_eval_mode():
    modes = []

    def watch(model, batch):
        modes.append(model.training)
        return loss(model, batch)

    model = make_model().eval()
    history = run(model, 5, loss=watch, validate=validate, validate_every=2)
    assert modes == [True] * 5 and not model.training and not history.stopped_early


def test_no_validation_is_better_than_nan_alone():
    assert History(validations=[(1, math.nan), (2, 5.0), (3, 5.0)]).best == (2, 5.0)
    assert History(validations=[(1, math.nan)]).best[0] == 1
    with pytest.raises(ValueError, match="empty"):
        _ = History().best


def test_the_history_travels():
    history = run(make_model(), 4, validate=validate, validate_every=2)
    assert pickle.loads(pickle.dumps(history)) == history
    back = json.loads(json.dumps(asdict(history)))
    assert back["losses"] == history.losses and back["validations"] == [list(entry) for entry in history.validations]
    assert history.seconds > 0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_it_does_harm(bad, tmp_path):
    def breaks(model, batch):
        total, count = loss(model, batch)
        calls.append(copy.deepcopy(model.state_dict()))
        return (total * bad if len(calls) == 6 else total), count

    calls, model, path = [], make_model(), tmp_path / "run.pt"
    with pytest.raises(CourseError, match=r"^step 6: the loss is (nan|inf)") as caught:
        run(model, 9, loss=breaks, checkpoint=path, checkpoint_every=5)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 1
    torch.testing.assert_close(model.state_dict(), calls[5], rtol=0, atol=0)
    assert run(make_model(), 9, checkpoint=path).losses == run(make_model(), 9).losses  # the checkpoint is whole


def test_a_gradient_that_is_not_finite_stops_too():
    def root(model, batch):
        return (model(batch.tokens) * 0).sum().sqrt(), 1  # the slope of √x at 0 is infinite, times 0 NaN

    with pytest.raises(CourseError, match=r"^step 1: the gradient's norm is nan"):
        run(make_model(), 2, loss=root)


def test_a_batch_of_padding_alone_is_an_error():
    with pytest.raises(CourseError, match="step 1: the batch holds no items"):
        run(make_model(), 2, batches=lambda n: Pairs(batches(n).tokens, torch.zeros_like(batches(n).targets)))


def test_a_first_part_of_padding_alone_does_no_harm():
    def gap(n):
        return batches(n) if n else Pairs(batches(n).tokens, torch.zeros_like(batches(n).targets))

    mine, other = (make_model(dropout=0.0, dtype=torch.float64) for _ in range(2))
    run(mine, 1, batches=gap, accumulate=2, clip=None)
    run(other, 1, batches=lambda n: batches(1), clip=None)
    torch.testing.assert_close(mine.state_dict(), other.state_dict())


def test_batches_of_every_form_are_shared_by_rows():
    rows = torch.arange(7)
    batch = {"pairs": Pairs(rows, rows + 10), "list": [rows, (rows,)], "name": "x"}
    shared = own_rows(batch, Home(1, 3, CPU))
    assert isinstance(shared["pairs"], Pairs) and shared["name"] == "x"
    assert shared["pairs"].tokens.tolist() == [1, 4] and shared["pairs"].targets.tolist() == [11, 14]
    assert shared["list"][0].tolist() == shared["list"][1][0].tolist() == [1, 4]
    assert torch.equal(own_rows(rows, Home(0, 1, CPU)), rows)


@pytest.mark.parametrize("form", [lambda rows: rows, lambda rows: {"a": [rows]}, lambda rows: (rows, "x")])
def test_who_is_left_without_a_row(form):
    batch = form(torch.arange(2))
    assert [has_rows(batch, Home(rank, 3, CPU)) for rank in range(3)] == [True, True, False]
    assert has_rows(batch, Home(0, 1, CPU))


def test_batches_go_where_the_model_is():
    assert own_rows(torch.ones(2), Home(0, 1, torch.device("meta"))).device.type == "meta"


@pytest.mark.parametrize(
    "options",
    [
        {"steps": -1},
        {"accumulate": 0},
        {"validate_every": 0},
        {"checkpoint_every": 0},
        {"patience": 2},
        {"patience": 0, "validate": validate},
        {"precision": "fp16"},
        {"precision": "half"},
    ],
)
def test_arguments_that_make_no_sense(options):
    with pytest.raises(ValueError, match=r"at least|fp32"):
        train(make_model(), batches, loss, **{"steps": 1, "progress": False} | options)


def test_the_bar_shows_the_loss_and_can_be_silenced(capsys):
    train(make_model(), batches, loss, steps=3)
    assert "3/3" in (shown := capsys.readouterr().err) and "loss 2." in shown
    train(make_model(), batches, loss, steps=3, progress=False)
    assert capsys.readouterr() == ("", "")
