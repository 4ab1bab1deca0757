"""Positions: the paper's formula, wavelengths, rotations, and an offset that means what it says."""

import math

import pytest
import torch

from course.models.positions import LearnedPositions, RotaryPositions, SinusoidalPositions, angles, sinusoidal


@pytest.mark.parametrize("d_model", [6, 7])
def test_sinusoids_are_the_formula(d_model):
    table = sinusoidal(9, d_model, dtype=torch.float64)
    for t in range(9):
        for c in range(d_model):
            angle = t / 10_000 ** (2 * (c // 2) / d_model)
            assert table[t, c].item() == pytest.approx(math.cos(angle) if c % 2 else math.sin(angle), abs=1e-12)


def test_far_positions_are_as_exact_as_near_ones():
    far = sinusoidal(1, 8, offset=1_000_000)
    assert far[0, 0].item() == pytest.approx(math.sin(1_000_000), abs=1e-6)


def test_a_shift_is_one_fixed_rotation():
    """PE[t + k] = M_k PE[t] with the same M_k for every t: each pair (sin, cos) turns by k over its wavelength."""
    d, k = 10, 3
    table = sinusoidal(40, d, dtype=torch.float64)
    turns = [k / 10_000 ** (2 * i / d) for i in range(d // 2)]
    blocks = [torch.tensor([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]) for a in turns]
    M = torch.block_diag(*blocks).double()
    torch.testing.assert_close(table[:-k] @ M.T, table[k:], atol=1e-6, rtol=0)


@pytest.mark.parametrize("module", [SinusoidalPositions(), LearnedPositions(30, 6), RotaryPositions()])
def test_pieces_with_offsets_are_the_whole(module):
    x = torch.randn(2, 11, 6)
    pieces = [module(x[:, :4], 0), module(x[:, 4:5], 4), module(x[:, 5:], 5)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), module(x))


@pytest.mark.parametrize("module", [SinusoidalPositions(), LearnedPositions(30, 6)])
def test_the_same_position_gets_the_same_vector_in_every_row(module):
    added = module(torch.zeros(3, 5, 6))
    assert torch.equal(added[0], added[2])
    assert not torch.equal(added[0, 1], added[0, 2])


def test_learned_positions_end_somewhere():
    with pytest.raises(ValueError, match="8 positions were asked for, and 7 are learned"):
        LearnedPositions(7, 4)(torch.zeros(1, 3, 4), offset=5)


def test_rotary_is_a_product_of_complex_numbers():
    x = torch.randn(2, 3, 7, 6, dtype=torch.float64)
    turned = RotaryPositions(base=100.0)(x, offset=4)
    pairs = torch.view_as_complex(x.unflatten(-1, (3, 2)))
    turn = torch.polar(torch.ones(7, 3, dtype=torch.float64), angles(7, 6, 4, base=100.0))
    torch.testing.assert_close(turned, torch.view_as_real(pairs * turn).flatten(-2))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))


def test_rotary_products_depend_on_the_distance_alone():
    rotary = RotaryPositions()
    q, k = torch.randn(1, 1, 8, dtype=torch.float64), torch.randn(1, 1, 8, dtype=torch.float64)
    near = rotary(q, 5) @ rotary(k, 2).mT
    torch.testing.assert_close(rotary(q, 905) @ rotary(k, 902).mT, near)
    assert not torch.allclose(rotary(q, 6) @ rotary(k, 2).mT, near)


def test_rotary_needs_pairs():
    with pytest.raises(ValueError, match="d_k is even, not 7"):
        RotaryPositions()(torch.zeros(1, 2, 7))
