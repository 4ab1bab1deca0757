"""A roll-out counts all paths through the layers."""

import pytest
import torch

from course import check
from course.models.multi_head import recorded_weights
from course.models.rollout import rollout
from course.models.vit import ViT
from tests.support.weights import shaken


def random_maps(seed: int, layers: int = 3) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 4, 5, 5, dtype=torch.double, generator=generator).softmax(-1) for _ in range(layers)]


@pytest.mark.parametrize("seed", range(3))
def test_a_roll_out_adds_up_all_paths(seed: int):
    """Token by token: half of it stays where it is, half comes from what each head looked at."""
    maps = random_maps(seed)
    expected = torch.zeros(2, 5, 5, dtype=torch.double)
    for picture in range(2):
        for start in range(5):
            share = torch.eye(5, dtype=torch.double)[start]  # who holds how much of the token `start`
            for of_layer in maps:
                mean = of_layer[picture].mean(0)
                share = torch.stack([share[i] / 2 + (mean[i] * share).sum() / 2 for i in range(5)])
            expected[picture, :, start] = share
    torch.testing.assert_close(rollout(maps), expected)
    torch.testing.assert_close(rollout(maps).sum(-1), torch.ones(2, 5, dtype=torch.double))


def test_a_roll_out_of_what_looks_at_itself_is_the_identity_and_of_nothing_is_refused():
    eye = torch.eye(4).expand(1, 2, 4, 4)
    assert torch.equal(rollout([eye, eye])[0], torch.eye(4))
    with pytest.raises(ValueError, match="at least one layer"):
        rollout([])


def test_the_maps_of_a_model_can_be_rolled_out():
    model = shaken(ViT(8, 4, 1, classes=3, d_model=16, heads=2, layers=3, d_ff=24))
    with torch.no_grad(), recorded_weights(model) as weights:
        model(torch.rand(2, 1, 8, 8, dtype=torch.double))
    assert [*weights] == [f"encoder.layers.{i}.self_attention" for i in range(3)]
    assert rollout([*weights.values()]).shape == (2, 5, 5)


def test_it_runs_on_any_device():
    maps = [torch.rand(2, 3, 5, 5).softmax(-1) for _ in range(2)]
    check.runs_on_any_device(lambda *maps: rollout(list(maps)), *maps, expected=rollout(maps))
