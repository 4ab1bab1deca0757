"""The networks for the toy task: what each can see, and what self-attention cannot tell apart."""

import pytest
import torch

from course.data.toy import sequences
from course.models.toy import KINDS, SelfAttention1d, ToyNet

N, T_ = 3, 50


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(7)


def reach(net, at):
    """Offsets of the input samples on which the output sample `at` depends."""
    x = torch.randn(200, 1, T_, dtype=torch.float64, requires_grad=True)
    net(x)[:, 0, at].sum().backward()
    seen = x.grad.abs().sum(dim=(0, 1)).nonzero().flatten()
    return seen - at


def shifted(x, by):
    return torch.cat([x[..., -by:], x[..., :-by]], dim=-1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("channels", "kernel", "size"), [(4, 3, 21), (6, 5, 50)])
def test_a_signal_keeps_its_shape_at_every_length(kind, channels, kernel, size):
    net = ToyNet(kind, channels, kernel)
    assert net(torch.randn(N, 1, size)).shape == (N, 1, size)


@pytest.mark.parametrize(("kind", "parameters"), [("convolution", 62_337), ("attention", 54_081)])
def test_with_64_channels_it_has_as_many_parameters_as_fleurets(kind, parameters):
    assert sum(parameter.numel() for parameter in ToyNet(kind, 64).parameters()) == parameters


@pytest.mark.parametrize("kernel", [3, 5])
def test_five_convolutions_see_five_times_half_a_kernel(kernel):
    seen = reach(ToyNet("convolution", 8, kernel).double(), at=T_ // 2)
    assert seen.min() == -5 * (kernel // 2) and seen.max() == 5 * (kernel // 2)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_attention_sees_everything(kind):
    assert len(reach(ToyNet(kind, 8, 3).double(), at=2)) == T_


def test_self_attention_permutes_its_output_as_its_input():
    layer, x, order = SelfAttention1d(6).double(), torch.randn(N, 6, T_, dtype=torch.float64), torch.randperm(T_)
    torch.testing.assert_close(layer(x[..., order]), layer(x)[..., order])
    torch.testing.assert_close(layer.weights(x[..., order]), layer.weights(x)[:, order][..., order])
    assert not torch.allclose(layer(x[..., order]), layer(x))


def test_self_attention_is_a_softmax_of_scaled_products():
    channels = 6
    layer, x = SelfAttention1d(channels).double(), torch.randn(N, channels, T_, dtype=torch.float64)
    for signal, weights, output in zip(x, layer.weights(x), layer(x), strict=True):
        Q, K, V = (W.weight @ signal for W in (layer.W_Q, layer.W_K, layer.W_V))  # (C, T) columns
        exponentials = torch.exp(Q.T @ K / channels**0.5)
        torch.testing.assert_close(weights, exponentials / exponentials.sum(1, keepdim=True))
        torch.testing.assert_close(output, V @ weights.T)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_map_is_of_what_the_layer_reads_and_its_rows_sum_to_one(kind):
    net, read = ToyNet(kind, 6), []
    net.middle.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    x = torch.randn(N, 1, T_)
    net(x)
    weights = net.attention_map(x)
    assert weights.shape == (N, T_, T_)
    torch.testing.assert_close(weights.sum(-1), torch.ones(N, T_))
    torch.testing.assert_close(weights, net.middle.weights(read[0]))


@pytest.mark.parametrize(("kind", "moves_along"), [("convolution", True), ("attention", True), (KINDS[2], False)])
def test_only_positions_tell_where_a_shape_stands(kind, moves_along):
    """Far from the borders, what a network without positions writes moves with the shape that it reads."""
    net, x = ToyNet(kind, 6, 3).double(), torch.zeros(N, 1, T_, dtype=torch.float64)
    x[..., 15:25] = torch.randn(N, 1, 10, dtype=torch.float64)
    y, y_moved = net(x)[..., 10:30], net(shifted(x, 7))[..., 17:37]
    assert torch.allclose(y, y_moved, rtol=0, atol=1e-9) == moves_along


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="kind is one of convolution, attention, attention"):
        ToyNet("atention")
    with pytest.raises(ValueError, match="odd, not 4"):
        ToyNet("convolution", kernel=4)
    with pytest.raises(ValueError, match="no attention map"):
        ToyNet("convolution").attention_map(torch.zeros(1, 1, T_))


def trained_error(kind, pairs, steps):
    """Mean squared error on new signals after `steps` of batches of 16."""
    torch.manual_seed(0)
    net = ToyNet(kind)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for step in range(steps):
        x, y = sequences(16, pairs=pairs, seed=step)
        loss = torch.nn.functional.mse_loss(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, y = sequences(500, pairs=pairs, seed=steps)
    with torch.no_grad():
        return torch.nn.functional.mse_loss(net(x), y).item()


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("pairs", "worse", "better", "steps", "ratio"),
    [("by shape", "convolution", "attention", 1500, 4), ("by side", "attention", "attention + positions", 3000, 1.6)],
)
def test_attention_finds_partners_by_shape_and_needs_positions_to_find_them_by_side(pairs, worse, better, steps, ratio):
    assert trained_error(worse, pairs, steps) > ratio * trained_error(better, pairs, steps)
