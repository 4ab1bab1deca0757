"""What holds for an Evoformer block whatever it has learned: symmetries, padding, who knows of whom, sizes."""

import pytest
import torch
from torch import nn

from course import check
from course.models.evoformer import (
    Evoformer,
    EvoformerBlock,
    OuterProductMean,
    PairStack,
    TriangleAttention,
    TriangleMultiplication,
)
from course.models.gated_attention import GatedAttention, SharedDropout
from tests.support.weights import shaken

B, S, N, D_MSA, D_PAIR = 2, 4, 6, 10, 7
SMALL = {"heads": 3, "d_head": 5, "d_outer": 4, "d_triangle": 8, "pair_heads": 2, "pair_d_head": 9}
TRIANGLES = {
    "outgoing": lambda: TriangleMultiplication(D_PAIR, 8, outgoing=True),
    "incoming": lambda: TriangleMultiplication(D_PAIR, 8, outgoing=False),
    "starting": lambda: TriangleAttention(D_PAIR, 3, 5, starting=True),
    "ending": lambda: TriangleAttention(D_PAIR, 3, 5, starting=False),
}


def block(**options) -> EvoformerBlock:
    torch.manual_seed(0)
    return shaken(EvoformerBlock(D_MSA, D_PAIR, **SMALL, **options))


def tracks(sequences: int = S, residues: int = N) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(sequences + residues)
    shapes = (B, sequences, residues, D_MSA), (B, residues, residues, D_PAIR)
    return tuple(torch.randn(shape, dtype=torch.float64, generator=generator) for shape in shapes)


# --- symmetries


def test_the_order_of_sequences_does_not_matter():
    (m, z), order, model = tracks(), torch.tensor([2, 0, 3, 1]), block()
    m_out, z_out = model(m, z)
    m_moved, z_moved = model(m[:, order], z)
    torch.testing.assert_close(m_moved, m_out[:, order])
    torch.testing.assert_close(z_moved, z_out)


def test_residues_have_no_order_but_the_one_that_m_and_z_bring():
    """A protein has one: AlphaFold puts it into z, as the distance of i and j along the chain (Algorithm 4)."""
    (m, z), order, model = tracks(), torch.tensor([3, 0, 5, 1, 4, 2]), block()
    m_out, z_out = model(m, z)
    m_moved, z_moved = model(m[:, :, order], z[:, order][:, :, order])
    torch.testing.assert_close(m_moved, m_out[:, :, order])
    torch.testing.assert_close(z_moved, z_out[:, order][:, :, order])
    alone, _ = model(m[:, :, order], z)
    assert not torch.allclose(alone, m_out[:, :, order])


def test_ending_is_starting_on_the_transposed_map():
    _, z = tracks()
    starting, ending = shaken(TRIANGLES["starting"]()), shaken(TRIANGLES["ending"]())
    ending.load_state_dict(starting.state_dict())
    torch.testing.assert_close(ending(z), starting(z.transpose(1, 2)).transpose(1, 2))
    assert not torch.allclose(ending(z), starting(z))


def test_incoming_is_outgoing_on_the_transposed_map_with_both_factors_exchanged():
    _, z = tracks()
    outgoing, incoming = shaken(TRIANGLES["outgoing"]()), shaken(TRIANGLES["incoming"]())
    exchange = {"left": "right", "right": "left", "left_gate": "right_gate", "right_gate": "left_gate"}
    weights = outgoing.state_dict()
    parts = {name: name.split(".") for name in weights}
    incoming.load_state_dict({f"{exchange.get(part, part)}.{kind}": weights[n] for n, (part, kind) in parts.items()})
    torch.testing.assert_close(incoming(z), outgoing(z.transpose(1, 2)).transpose(1, 2))
    incoming.load_state_dict(weights)
    assert not torch.allclose(incoming(z), outgoing(z.transpose(1, 2)).transpose(1, 2))


# --- who knows of whom


def edges_seen(layer: nn.Module, i: int, j: int) -> set[tuple[int, int]]:
    """The edges that the update of (i, j) depends on."""
    z = tracks()[1].requires_grad_()
    gradient = torch.autograd.grad(layer(z)[0, i, j].sum(), z)[0][0]
    return {(a, b) for a in range(N) for b in range(N) if gradient[a, b].any()}


@pytest.mark.parametrize("name", TRIANGLES)
def test_an_edge_hears_of_the_two_other_sides_of_each_of_its_triangles(name: str):
    i, j = 1, 4
    leaving = {(node, k) for node in (i, j) for k in range(N)}
    arriving = {(k, node) for node in (i, j) for k in range(N)}
    expected = leaving if name in ("outgoing", "starting") else arriving
    assert edges_seen(shaken(TRIANGLES[name]()), i, j) == expected | {(i, j)}


def test_without_triangles_an_edge_knows_of_itself_only():
    bare = shaken(PairStack(D_PAIR, triangle_multiplication=False, triangle_attention=False))
    assert edges_seen(bare, 1, 4) == {(1, 4)}


@pytest.mark.parametrize("multiplication", [True, False])
@pytest.mark.parametrize("attention", [True, False])
def test_what_is_left_out_has_no_parameters(multiplication: bool, attention: bool):
    model = block(triangle_multiplication=multiplication, triangle_attention=attention)
    kinds = [type(layer) for layer in model.modules()]
    assert kinds.count(TriangleMultiplication) == 2 * multiplication
    assert kinds.count(TriangleAttention) == 2 * attention
    assert kinds.count(GatedAttention) == 2 + 2 * attention
    assert kinds.count(SharedDropout) == 1 + 2 * multiplication + 2 * attention
    out = model(*tracks())
    assert [x.shape for x in out] == [x.shape for x in tracks()]


# --- padding


def test_padded_residues_and_sequences_change_nothing_that_is_real():
    (m, z), (s, n), model = tracks(), (3, 4), block()
    real = torch.zeros(B, S, N, dtype=torch.bool)
    real[:, :s, :n] = True
    pairs = real[:, 0, :, None] & real[:, 0, None, :]
    m.requires_grad_()
    z.requires_grad_()
    m_out, z_out = model(m, z, real, pairs)
    m_small, z_small = model(m[:, :s, :n], z[:, :n, :n])
    torch.testing.assert_close(m_out[:, :s, :n], m_small)
    torch.testing.assert_close(z_out[:, :n, :n], z_small)
    assert m_out.isfinite().all() and z_out.isfinite().all()
    upstream = m_out[real].square().sum() + z_out[pairs].square().sum()
    for gradient, mask in zip(torch.autograd.grad(upstream, (m, z)), (real, pairs), strict=True):
        assert (gradient[~mask] == 0).all()
        assert gradient[mask].all() and gradient.isfinite().all()


# --- parts


def test_outer_products_of_amino_acids_are_how_often_two_stand_together():
    letters = torch.tensor([[[0, 1, 2], [0, 1, 1], [2, 0, 0], [0, 1, 0]]])  # (B = 1, S = 4, N = 3)
    layer = OuterProductMean(3, 3, 9)
    layer.norm = layer.left = layer.right = layer.output = nn.Identity()
    together = layer(nn.functional.one_hot(letters, 3).double()).unflatten(-1, (3, 3))[0]
    assert together[0, 1].tolist() == [[0, 0.75, 0], [0, 0, 0], [0.25, 0, 0]]
    for i in range(3):
        for j in range(3):
            for a in range(3):
                for b in range(3):
                    share = ((letters[0, :, i] == a) & (letters[0, :, j] == b)).double().mean()
                    assert together[i, j, a, b] == share


def test_dropout_is_shared_along_its_axis():
    torch.manual_seed(0)
    x = torch.ones(5, 40, 50, 6, dtype=torch.float64)
    for axis in (1, 2):
        dropout = SharedDropout(0.25, axis)
        y = dropout(x)
        assert torch.equal(y, y.narrow(axis, 0, 1).expand_as(y))
        assert set(y.unique().tolist()) == {0.0, 1 / 0.75}
        for other in {0, 1, 2, 3} - {axis}:
            assert not torch.equal(y, y.narrow(other, 0, 1).expand_as(y))
        assert y.mean().item() == pytest.approx(1, abs=0.1)
        assert torch.equal(dropout.eval()(x), x)


def test_dropout_stands_where_algorithm_6_puts_it():
    model, found = block().train(), []
    for module in model.modules():
        if isinstance(module, SharedDropout):
            module.register_forward_hook(lambda layer, *_: found.append((layer.probability, layer.axis)))
    model(*tracks())
    assert found == [(0.15, 1), (0.25, 1), (0.25, 1), (0.25, 1), (0.25, 2)]
    assert {x.probability for x in block(dropout=0.4).modules() if isinstance(x, SharedDropout)} == {0.4}


def test_a_fresh_block_is_the_identity_and_learns():
    torch.manual_seed(0)
    fresh, (m, z) = EvoformerBlock(D_MSA, D_PAIR, **SMALL, dropout=0.0).double(), tracks()
    m_out, z_out = fresh(m, z)
    assert torch.equal(m_out, m) and torch.equal(z_out, z)
    optimiser = torch.optim.Adam(fresh.parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        m_out, z_out = fresh(m, z)
        loss = (m_out - m.flip(1)).square().mean() + (z_out - z.transpose(1, 2)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert all(p.grad.any() for p in fresh.parameters())


def test_fresh_weights_start_as_the_supplement_says():
    """§1.11.4: gates open, last layers silent, the others with variance 1 / inputs, or 2 / inputs before a ReLU."""
    torch.manual_seed(0)
    fresh = EvoformerBlock()
    outgoing, gate = fresh.pair_stack.triangles[0], fresh.column_attention.attention.W_G
    for layer in (gate, outgoing.gate, outgoing.left_gate, outgoing.right_gate):
        assert (layer.weight == 0).all() and (layer.bias == 1).all()
    for layer, variance in ((outgoing.left, 1 / 128), (fresh.outer_product_mean.right, 1 / 256)):
        assert layer.weight.var().item() == pytest.approx(variance, rel=0.05) and (layer.bias == 0).all()
    assert fresh.transition.expand.weight.var().item() == pytest.approx(2 / 256, rel=0.05)
    query = fresh.row_attention.attention.W_Q.weight
    assert query.abs().max().item() <= (6 / (256 + 256)) ** 0.5 <= 1.01 * query.abs().max().item()


def linear(inputs: int, outputs: int, bias: bool = True) -> int:
    return inputs * outputs + bias * outputs


def parameters(c_m: int, c_z: int, c: int, heads: int, c_outer: int, c_triangle: int, c_pair: int, pair_heads: int):
    """Of one block, counted from the Supplement's algorithms."""

    def attention(d: int, h: int, c: int) -> int:
        return 3 * linear(d, h * c, bias=False) + linear(d, h * c) + linear(h * c, d)

    def transition(d: int) -> int:
        return 2 * d + linear(d, 4 * d) + linear(4 * d, d)

    row = 2 * c_m + 2 * c_z + linear(c_z, heads, bias=False) + attention(c_m, heads, c)
    column = 2 * c_m + attention(c_m, heads, c)
    outer = 2 * c_m + 2 * linear(c_m, c_outer) + linear(c_outer**2, c_z)
    multiplication = 2 * c_z + 4 * linear(c_z, c_triangle) + linear(c_z, c_z) + 2 * c_triangle + linear(c_triangle, c_z)
    triangle = 2 * c_z + linear(c_z, pair_heads, bias=False) + attention(c_z, pair_heads, c_pair)
    return row + column + transition(c_m) + outer + 2 * multiplication + 2 * triangle + transition(c_z)


def test_a_block_has_the_parameters_of_the_paper():
    expected = parameters(256, 128, 32, 8, 32, 128, 32, 4)
    assert sum(p.numel() for p in EvoformerBlock().parameters()) == expected == 1_829_952
    small = parameters(D_MSA, D_PAIR, 5, 3, 4, 8, 9, 2)
    assert sum(p.numel() for p in block().parameters()) == small


# --- devices


def test_it_runs_on_any_device():
    (m, z), real = (x.float() for x in tracks()), torch.rand(B, S, N) < 0.7
    pairs = real[:, 0, :, None] & real[:, 0, None, :]
    stack = shaken(Evoformer(2, D_MSA, D_PAIR, 5, **SMALL)).float()
    check.runs_on_any_device(stack, m, z, real, pairs, expected=stack(m, z, real, pairs))
    check.runs_on_any_device(stack, m, z, expected=stack(m, z))
