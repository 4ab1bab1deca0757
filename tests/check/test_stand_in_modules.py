"""Modules on the stand-in device: parameters and buffers move with them, plain attributes do not."""

import pytest
import torch
from torch import nn

from course import check
from course.check import stand_in
from course.check.stand_in_mode import KEPT, MADE, is_marked


class Layer(nn.Module):
    """A linear map and a table of positions, registered or not."""

    def __init__(self, d: int, registered: bool):
        super().__init__()
        self.linear = nn.Linear(d, d)
        self.norm = nn.LayerNorm(d)
        if registered:
            self.register_buffer("table", torch.randn(20, d))
        else:
            self.table = torch.randn(20, d)

    def forward(self, x):
        return self.norm(self.linear(x)) + self.table[: x.shape[-2]]


def test_a_registered_buffer_moves_and_a_plain_attribute_does_not():
    batch, steps, d = check.sizes("batch steps d")
    x = torch.randn(batch, steps, d)
    right, wrong = Layer(d, True), Layer(d, False)
    check.runs_on_any_device(right, x, expected=right(x))
    with pytest.raises(check.CheckFailed) as caught:
        check.runs_on_any_device(wrong, x, expected=wrong(x))
    assert caught.value.mistake == KEPT and "register" in caught.value.message


def test_parameters_are_the_same_objects_and_values_afterwards():
    layer = Layer(3, True)
    before = {name: (id(t), t.clone()) for name, t in layer.state_dict(keep_vars=True).items()}

    def spoil(layer):
        layer.table.zero_()
        layer.table = layer.table + 1
        with torch.no_grad():
            layer.linear.weight.zero_()
        return layer.linear.weight * 1

    assert not stand_in.run(spoil, (layer,)).any()
    for name, tensor in layer.state_dict(keep_vars=True).items():
        assert id(tensor) == before[name][0] and torch.equal(tensor, before[name][1])
        assert not is_marked(tensor)


def test_values_come_back_after_an_error():
    layer = nn.Linear(3, 3)
    before = layer.weight.clone()

    def fail(layer):
        with torch.no_grad():
            layer.weight.zero_()
        raise KeyError("no")

    with pytest.raises(KeyError):
        stand_in.run(fail, (layer,))
    assert torch.equal(layer.weight, before) and not is_marked(layer.weight)


@pytest.mark.parametrize(
    "make",
    [
        lambda d: nn.GRUCell(d, 3),
        lambda d: nn.GRU(d, 3, batch_first=True),
        lambda d: nn.LSTM(d, 3, batch_first=True, bidirectional=True),
        lambda d: nn.Sequential(nn.Linear(d, 4), nn.Tanh(), nn.Linear(4, 1, bias=False)),
        lambda d: nn.TransformerEncoderLayer(2 * d, 2, dim_feedforward=5, dropout=0.0, batch_first=True),
        lambda d: nn.BatchNorm1d(d),
    ],
)
def test_layers_of_torch_pass(make):
    d = 6
    module = make(d)
    x = torch.randn(4, d) if isinstance(module, nn.GRUCell | nn.BatchNorm1d) else torch.randn(4, 5, d)
    x = torch.randn(4, 5, 2 * d) if isinstance(module, nn.TransformerEncoderLayer) else x
    expected = module(x)
    check.runs_on_any_device(module, x, expected=expected)


def test_multi_head_attention_with_masks():
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    x, hidden = torch.randn(3, 5, 8), torch.ones(5, 5).triu(1).bool()
    check.runs_on_any_device(layer, x, x, x, attn_mask=hidden, expected=layer(x, x, x, attn_mask=hidden))


def test_running_statistics_are_not_updated_by_the_check():
    layer = nn.BatchNorm1d(3)
    x = torch.randn(5, 3)
    stand_in.run(layer, (x,))
    assert not layer.running_mean.any() and layer.num_batches_tracked == 0


def test_the_module_of_a_bound_method_and_modules_among_arguments_move():
    layer = nn.Linear(3, 2)
    x = torch.randn(4, 3)
    check.runs_on_any_device(layer.forward, x, expected=layer(x))
    check.runs_on_any_device(lambda score, x: score(x), layer, x, expected=layer(x))


def test_a_layer_that_makes_its_state_on_the_cpu_is_caught():
    cell = nn.GRUCell(3, 2)

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell

        def forward(self, x):
            state = torch.zeros(x.shape[0], 2)
            for step in x.unbind(1):
                state = self.cell(step, state)
            return state

    x = torch.randn(4, 3, 3)
    with pytest.raises(check.CheckFailed) as caught:
        check.runs_on_any_device(Loop(), x, expected=Loop()(x))
    assert caught.value.mistake == MADE


def test_values_of_a_remote_function_are_used():
    class Remote:
        def on_stand_in_device(self, x, *, scale):
            return x * scale

        def __call__(self, *_, **__):
            raise AssertionError("not this way")

    check.runs_on_any_device(Remote(), torch.ones(2), scale=3, expected=torch.full((2,), 3.0))


class Crossed(Exception):
    """An error as it arrives from another process."""

    def __init__(self, type_name, message, line=None):
        super().__init__(f"{type_name}: {message}")
        self.type_name, self.mro, self.message, self.line = type_name, [type_name, "Exception"], message, line


@pytest.mark.parametrize(
    ("text", "mistake"), [(f"{MADE}: (2, 3) meets (3,) in add", MADE), ("the key is 0.1234", None)]
)
def test_a_remote_mix_is_a_failure_and_only_known_text_is_shown(text, mistake):
    class Remote:
        def on_stand_in_device(self, x):
            raise Crossed("MixedDevices", text, line=4)

    with pytest.raises(check.CheckFailed) as caught:
        check.runs_on_any_device(Remote(), torch.ones(2), expected=torch.ones(2))
    assert caught.value.mistake == mistake and "0.1234" not in caught.value.message
    assert "line 4" in caught.value.details


def test_other_remote_errors_pass_through():
    class Remote:
        def on_stand_in_device(self, x):
            raise Crossed("IndexError", "too far")

    with pytest.raises(Crossed):
        check.runs_on_any_device(Remote(), torch.ones(2), expected=torch.ones(2))
