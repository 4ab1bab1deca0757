"""The toy task holds what it promises: four shapes apart, and targets with the mean heights of pairs."""

import pytest
import torch

from course.data import toy


def shapes_of(signal):
    """The shapes in one clean signal (T,), from left to right: (start, width, height, is it a triangle?)."""
    edges = torch.nn.functional.pad(signal != 0, (1, 1)).int().diff()
    found = []
    for start, end in zip(
        (edges == 1).nonzero().flatten().tolist(), (edges == -1).nonzero().flatten().tolist(), strict=True
    ):
        piece = signal[start:end]
        found.append((start, end - start, piece.max().item(), bool(piece.min() < piece.max())))
    return found


def pair_means(shapes, label):
    """For each shape the mean height of those with its label."""
    labels = [label(i, shape) for i, shape in enumerate(shapes)]
    height = torch.tensor([shape[2] for shape in shapes])
    return [height[[other == own for other in labels]].mean().item() for own in labels]


@pytest.mark.parametrize(("T", "widths"), [(64, (8, 8)), (100, (5, 11)), (35, (8, 8))])
def test_two_triangles_and_two_rectangles_that_do_not_touch(T, widths):
    x, y = toy.sequences(50, T, widths=widths, noise=0.0, seed=1)
    assert x.shape == y.shape == (50, 1, T)
    for signal in x[:, 0]:
        shapes = shapes_of(signal)
        assert len(shapes) == 4
        assert sum(triangle for *_, triangle in shapes) == 2
        assert all(widths[0] <= width <= widths[1] for _, width, _, _ in shapes)
        assert all(toy.HEIGHTS[0] <= height <= toy.HEIGHTS[1] for _, _, height, _ in shapes)


@pytest.mark.parametrize(
    ("pairs", "label"),
    [("by shape", lambda i, shape: shape[3]), ("by side", lambda i, shape: i < 2)],
    ids=["by shape", "by side"],
)
def test_the_target_has_the_mean_height_of_each_pair(pairs, label):
    x, y = toy.sequences(50, 80, pairs=pairs, widths=(7, 9), noise=0.0, seed=2)
    for signal, target in zip(x[:, 0], y[:, 0], strict=True):
        before, after = shapes_of(signal), shapes_of(target)
        assert [shape[:2] for shape in after] == [shape[:2] for shape in before]
        assert [shape[2] for shape in after] == pytest.approx(pair_means(before, label), rel=1e-5)


def test_both_pairings_occur_and_differ():
    by_shape = toy.sequences(20, noise=0.0, seed=3)
    by_side = toy.sequences(20, noise=0.0, seed=3, pairs="by side")
    assert torch.equal(by_shape[0], by_side[0])
    assert not torch.allclose(by_shape[1], by_side[1])


def test_triangles_rise_to_their_height_in_the_middle_and_fall_again():
    x, _ = toy.sequences(30, widths=(8, 8), noise=0.0, seed=4)
    for signal in x[:, 0]:
        for start, width, height, triangle in shapes_of(signal):
            piece = signal[start : start + width]
            assert torch.allclose(piece, piece.flip(0))
            if triangle:
                expected = height * torch.tensor([0.25, 0.5, 0.75, 1.0, 1.0, 0.75, 0.5, 0.25])
                assert torch.allclose(piece, expected)


def test_shapes_stand_anywhere():
    x, _ = toy.sequences(2000, noise=0.0, seed=5)
    covered = (x[:, 0] != 0).double().mean(0)
    assert covered.min() > 0.03
    assert covered[8:-8].max() < 0.75


def test_targets_have_a_variance_near_one():
    _, y = toy.sequences(3000, seed=6)
    assert 0.8 < y.var().item() < 1.3


def test_noise_is_on_the_input_alone_and_has_the_size_asked_for():
    clean, target = toy.sequences(500, noise=0.0, seed=7)
    noisy, same_target = toy.sequences(500, noise=0.2, seed=7)
    assert torch.equal(target, same_target)
    assert (noisy - clean).std().item() == pytest.approx(0.2, rel=0.05)


def test_a_seed_repeats_the_data_and_leaves_the_global_generator_alone():
    torch.manual_seed(8)
    before = torch.get_rng_state()
    first, second = toy.sequences(5, seed=9), toy.sequences(5, seed=9)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], toy.sequences(5, seed=10)[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_the_global_generator_draws():
    torch.manual_seed(11)
    first, again = toy.sequences(5), toy.sequences(5)
    torch.manual_seed(11)
    assert torch.equal(toy.sequences(5)[0], first[0])
    assert not torch.equal(again[0], first[0])


def test_the_device_is_the_one_asked_for():
    x, y = toy.sequences(2, device="meta")
    assert x.device.type == y.device.type == "meta"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pairs": "shape"}, "pairs is"),
        ({"widths": (9, 8)}, "widths are"),
        ({"widths": (0, 8)}, "widths are"),
        ({"T": 34}, "do not fit into 34"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        toy.sequences(1, **arguments)
