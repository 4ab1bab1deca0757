"""The distance network looks at nothing that is hidden, and news passes from pair to pair by triangles alone."""

import pytest
import torch

from course import check
from course.models.distances import KINDS, DistanceNet, hidden_error
from course.models.evoformer import Transition, TriangleAttention, TriangleMultiplication
from tests.support.weights import shaken

B, N, D = 2, 7, 8


def net(kind: str, seed: int = 0) -> DistanceNet:
    torch.manual_seed(seed)
    return shaken(DistanceNet(kind, d_pair=D, heads=2, window=5), seed)


@pytest.fixture
def given() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Residues, distances of random points, and a symmetric mask of what is hidden."""
    generator = torch.Generator().manual_seed(1)
    places = 6 * torch.randn(B, N, 3, generator=generator, dtype=torch.double)
    hidden = (torch.rand(B, N, N, generator=generator) < 0.6).triu(1)
    residues = torch.randint(20, (B, N), generator=generator)
    return residues, torch.cdist(places, places), hidden | hidden.mT


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_comes_out_symmetric_positive_zero_on_the_diagonal(kind, given):
    found = net(kind)(*given)
    assert found.shape == (B, N, N)
    torch.testing.assert_close(found, found.mT)
    assert found.diagonal(dim1=1, dim2=2).eq(0).all()
    assert (found + torch.eye(N) > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_hidden_is_not_looked_at(kind, given):
    residues, distances, hidden = given
    model = net(kind)
    other = torch.where(hidden, torch.nan, distances)
    torch.testing.assert_close(model(residues, other, hidden), model(residues, distances, hidden), rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_known_distance_reaches_other_pairs_by_triangles_alone(kind, given):
    """Change d_01: without triangles only the pair (0, 1) notices; with them every pair does."""
    residues, distances, hidden = given
    hidden[:, 0, 1] = hidden[:, 1, 0] = False
    changed = distances.clone()
    changed[:, 0, 1] += 3.0
    changed[:, 1, 0] += 3.0
    model = net(kind)
    moved = (model(residues, changed, hidden) - model(residues, distances, hidden)).abs() > 1e-9
    assert moved[:, 0, 1].all()
    elsewhere = torch.ones(N, N, dtype=torch.bool)
    elsewhere[[0, 1], [1, 0]] = False
    elsewhere.fill_diagonal_(False)
    assert moved[:, elsewhere].any() == (kind != "none")
    assert moved[:, elsewhere].all() == (kind != "none")


@pytest.mark.parametrize("kind", KINDS)
def test_residues_far_apart_in_the_sequence_are_one_class(kind, given):
    """Turning the chain round turns the map round, up to the residues' sides: separation has no direction."""
    residues, distances, hidden = given
    model = net(kind)
    model.right.weight.data.copy_(model.left.weight)
    turned = model(residues.flip(1), distances.flip(1, 2), hidden.flip(1, 2)).flip(1, 2)
    torch.testing.assert_close(turned, model(residues, distances, hidden))
    far = model.embed(residues[:, :1].expand(-1, N), torch.zeros_like(distances), torch.ones_like(hidden))
    torch.testing.assert_close(far[:, 0, 5], far[:, 0, 6])
    assert not torch.allclose(far[:, 0, 4], far[:, 0, 5])


def test_each_kind_has_the_layers_of_its_name():
    def count(kind: str, layer: type) -> int:
        return sum(isinstance(module, layer) for module in net(kind).modules())

    layers = {kind: tuple(count(kind, layer) for layer in LAYERS) for kind in KINDS}
    assert layers == {"none": (0, 0, 2), "multiplication": (4, 0, 2), "attention": (0, 4, 2), "both": (4, 4, 2)}
    with pytest.raises(ValueError, match="triangles is one of none, multiplication, attention, both, not 'all'"):
        DistanceNet("all")


LAYERS = (TriangleMultiplication, TriangleAttention, Transition)


def test_the_error_is_the_mean_over_what_is_hidden():
    found = torch.tensor([[[0.0, 5.0, 9.0], [5.0, 0.0, 2.0], [9.0, 2.0, 0.0]]])
    true = torch.tensor([[[0.0, 4.0, 6.0], [4.0, 0.0, 7.0], [6.0, 7.0, 0.0]]])
    hidden = torch.tensor([[[False, True, True], [True, False, False], [True, False, False]]])
    assert hidden_error(found, true, hidden).item() == pytest.approx(2.0)


@pytest.mark.parametrize("kind", KINDS)
def test_it_runs_on_any_device(kind, given):
    model = net(kind).float()
    residues, distances, hidden = given
    arguments = residues, distances.float(), hidden
    check.runs_on_any_device(model, *arguments, expected=model(*arguments))
