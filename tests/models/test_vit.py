"""A ViT is a ViT: transformers' outputs, layers, maps and gradients are its own; patches are what they say."""

import random
from types import SimpleNamespace

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

from course import check
from course.errors import CourseError
from course.models.multi_head import recorded_weights
from course.models.vision_checkpoints import from_vit
from course.models.vit import SIZES, PatchEmbedding, ViT, from_patches, patches
from tests.support.weights import shaken

SEEDS = range(3)


def sizes(seed: int) -> SimpleNamespace:
    """Sizes of which no two are equal, so that no axis can pass for another; pictures are no squares."""
    draw = random.Random(seed)
    batch, channels, patch, layers, heads, classes = draw.sample(range(2, 8), 6)
    rows, columns = draw.sample(range(1, 5), 2)
    d_model = heads * draw.choice([5, 9, 11])
    arguments = {
        "image_size": (rows * patch, columns * patch),
        "patch_size": patch,
        "channels": channels,
        "d_model": d_model,
        "heads": heads,
        "layers": layers,
        "d_ff": d_model + 7,
    }
    return SimpleNamespace(batch=batch, classes=classes, rows=rows, columns=columns, arguments=arguments)


def pictures(n: SimpleNamespace, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(100 + seed)
    shape = n.batch, n.arguments["channels"], *n.arguments["image_size"]
    return torch.randn(shape, dtype=torch.double, generator=generator)


def their_config(transformers, n: SimpleNamespace, **more):
    a = n.arguments
    return transformers.ViTConfig(
        image_size=a["image_size"],
        patch_size=a["patch_size"],
        num_channels=a["channels"],
        hidden_size=a["d_model"],
        num_attention_heads=a["heads"],
        num_hidden_layers=a["layers"],
        intermediate_size=a["d_ff"],
        layer_norm_eps=1e-6,
        num_labels=n.classes,
        **more,
    )


def assert_same_gradients(ours: nn.Module, theirs: nn.Module) -> None:
    found = {name: p.grad for name, p in ours.named_parameters() if p.grad is not None}
    expected = from_vit({name: p.grad for name, p in theirs.named_parameters() if p.grad is not None})
    assert found.keys() == expected.keys() == dict(ours.named_parameters()).keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], msg=lambda text, name=name: f"{name}: {text}")


# --- held to transformers


@pytest.mark.parametrize("seed", SEEDS)
def test_vectors_layers_and_gradients_are_those_of_transformers(seed: int, transformers):
    n = sizes(seed)
    theirs = shaken(transformers.ViTModel(their_config(transformers, n), add_pooling_layer=False), seed)
    ours = ViT(**n.arguments, classes=None).double().eval()
    ours.load_state_dict(from_vit(theirs.state_dict()))
    images = pictures(n, seed)
    mine, yours = images.clone().requires_grad_(), images.clone().requires_grad_()
    expected = theirs(yours, output_hidden_states=True)
    layers = []
    hooks = [layer.register_forward_hook(lambda _, __, out: layers.append(out)) for layer in ours.encoder.layers]
    found = ours.read(mine)
    for hook in hooks:
        hook.remove()
    torch.testing.assert_close(found, expected.last_hidden_state)
    torch.testing.assert_close([ours.embedding(mine), *layers], list(expected.hidden_states))
    torch.testing.assert_close(ours(mine), expected.last_hidden_state[:, 0])  # without a head: its features
    direction = torch.randn(found.shape, dtype=found.dtype, generator=torch.Generator().manual_seed(seed))
    (found * direction).sum().backward()
    (expected.last_hidden_state * direction).sum().backward()
    assert_same_gradients(ours, theirs)
    torch.testing.assert_close(mine.grad, yours.grad)


@pytest.mark.parametrize("seed", SEEDS)
def test_attention_maps_are_those_of_transformers(seed: int, transformers):
    n = sizes(seed)
    theirs = shaken(transformers.ViTModel(their_config(transformers, n), add_pooling_layer=False), seed)
    ours = ViT(**n.arguments, classes=None).double().eval()
    ours.load_state_dict(from_vit(theirs.state_dict()))
    theirs.set_attn_implementation("eager")  # it alone shows its weights; their softmax is in single precision
    with torch.no_grad(), recorded_weights(ours) as weights:
        ours(pictures(n, seed))
        expected = theirs(pictures(n, seed), output_attentions=True).attentions
    torch.testing.assert_close([*weights.values()], [*expected], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_classifier_is_that_of_transformers(seed: int, transformers):
    n = sizes(seed)
    theirs = shaken(transformers.ViTForImageClassification(their_config(transformers, n)), seed)
    ours = ViT(**n.arguments, classes=n.classes).double().eval()
    ours.load_state_dict(from_vit(theirs.state_dict()))
    labels = torch.arange(n.batch) % n.classes
    expected = theirs(pictures(n, seed), labels=labels)
    found = ours(pictures(n, seed))
    torch.testing.assert_close(found, expected.logits)
    F.cross_entropy(found, labels).backward()
    expected.loss.backward()
    assert_same_gradients(ours, theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_dropout_falls_where_that_of_transformers_falls(seed: int, transformers):
    n = sizes(seed)
    rates = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.2}
    theirs = shaken(transformers.ViTForImageClassification(their_config(transformers, n, **rates)), seed)
    ours = ViT(**n.arguments, classes=n.classes, dropout=0.2).double().eval()
    ours.load_state_dict(from_vit(theirs.state_dict()))
    quiet = ours(pictures(n, seed))
    torch.manual_seed(seed)
    found = ours.train()(pictures(n, seed))
    torch.manual_seed(seed)
    torch.testing.assert_close(found, theirs.train()(pictures(n, seed)).logits)
    assert not torch.allclose(found, quiet)


def test_a_file_that_transformers_wrote_can_be_read(transformers, tmp_path):
    n = sizes(1)
    theirs = shaken(transformers.ViTForImageClassification(their_config(transformers, n)), 1)
    theirs.save_pretrained(tmp_path)  # with the names of the hub's files, not those in memory
    names = safetensors.torch.load_file(tmp_path / "model.safetensors")
    assert "vit.encoder.layer.0.attention.attention.query.weight" in names
    ours = ViT(**n.arguments, classes=n.classes).double().eval()
    ours.load_state_dict(from_vit(names))
    torch.testing.assert_close(ours(pictures(n, 1)), theirs(pictures(n, 1)).logits)
    with pytest.raises(CourseError, match="known here"):
        from_vit({"vit.nowhere.weight": torch.ones(1)})


@pytest.mark.parametrize(("name", "parameters"), [("B/16", 86_567_656), ("L/16", 304_326_632), ("H/14", 632_045_800)])
def test_published_sizes(name: str, parameters: int):
    with torch.device("meta"):
        assert sum(p.numel() for p in ViT.named(name).parameters()) == parameters
    with pytest.raises(ValueError, match=r"B/16, L/16, H/14"):
        ViT.named("S/1")


def test_the_defaults_are_b_16_and_changes_are_taken():
    with torch.device("meta"):
        assert [p.shape for p in ViT().parameters()] == [p.shape for p in ViT.named("B/16").parameters()]
        assert ViT.named("L/16", classes=9).head.weight.shape == (9, SIZES["L/16"]["d_model"])


# --- patches


@pytest.mark.parametrize("seed", SEEDS)
def test_patches_are_read_line_by_line_and_within_by_channel_row_column(seed: int):
    n = sizes(seed)
    images, P = pictures(n, seed), n.arguments["patch_size"]
    found = patches(images, P)
    assert found.shape == (n.batch, n.rows * n.columns, n.arguments["channels"] * P * P)
    for row in range(n.rows):
        for column in range(n.columns):
            tile = images[:, :, row * P : (row + 1) * P, column * P : (column + 1) * P]
            assert torch.equal(found[:, row * n.columns + column], tile.flatten(1))
    assert torch.equal(from_patches(found, P, n.arguments["image_size"]), images)
    assert torch.equal(found.transpose(1, 2), F.unfold(images, P, stride=P))


def test_a_linear_layer_on_patches_is_a_convolution():
    n = sizes(3)
    a = n.arguments
    embedding = PatchEmbedding(
        a["image_size"], a["patch_size"], a["channels"], 9, class_token=False, positions=False
    ).double()
    kernel = embedding.projection.weight.unflatten(1, (a["channels"], a["patch_size"], a["patch_size"]))
    expected = F.conv2d(pictures(n, 3), kernel, embedding.projection.bias, stride=a["patch_size"])
    torch.testing.assert_close(embedding(pictures(n, 3)), expected.flatten(2).transpose(1, 2))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="do not tile"):
        patches(torch.rand(1, 1, 6, 8), 4)
    with pytest.raises(ValueError, match="do not tile"):
        ViT(image_size=(8, 6), patch_size=4)
    for sequence in (torch.rand(1, 5, 12), torch.rand(1, 4, 13)):
        with pytest.raises(ValueError, match="make no 4 × 4 picture"):
            from_patches(sequence, 2, 4)
    embedding = PatchEmbedding((4, 8), 2, 3, 6)
    for shape in ((1, 3, 8, 4), (1, 1, 4, 8)):
        with pytest.raises(ValueError, match="pictures are"):
            embedding(torch.rand(shape))


# --- the embedding and the model


@pytest.mark.parametrize("class_token", [True, False])
@pytest.mark.parametrize("positions", [True, False])
def test_the_embedding_is_equation_1(class_token: bool, positions: bool):
    n = sizes(4)
    a = n.arguments
    embedding = PatchEmbedding(
        a["image_size"], a["patch_size"], a["channels"], 9, bias=False, class_token=class_token, positions=positions
    )
    embedding = shaken(embedding)
    assert embedding.projection.bias is None
    rows = patches(pictures(n, 4), a["patch_size"]) @ embedding.projection.weight.T  # (B, N, 9)
    expected = rows
    if class_token:
        expected = torch.cat([embedding.class_token.expand(n.batch, 1, 9), rows], dim=1)
    if positions:
        expected = expected + embedding.positions.embedding.weight
    torch.testing.assert_close(embedding(pictures(n, 4)), expected)


@torch.no_grad()
def test_without_positions_a_picture_is_a_set_of_patches():
    n = sizes(5)
    P, N = n.arguments["patch_size"], n.rows * n.columns
    order = torch.randperm(N, generator=torch.Generator().manual_seed(0))
    assert order.tolist() != list(range(N))
    images = pictures(n, 5)
    shuffled = from_patches(patches(images, P)[:, order], P, n.arguments["image_size"])
    blind, seeing = (shaken(ViT(**n.arguments, classes=n.classes, positions=p), 5) for p in (False, True))
    torch.testing.assert_close(blind(shuffled), blind(images))
    torch.testing.assert_close(blind.read(shuffled)[:, 1:], blind.read(images)[:, 1:][:, order])
    assert (seeing(shuffled) - seeing(images)).abs().max() > 1e-3


@torch.no_grad()
def test_the_class_token_sees_every_patch():
    n = sizes(6)
    P = n.arguments["patch_size"]
    model, images = shaken(ViT(**n.arguments, classes=n.classes), 6), pictures(n, 6)
    for place in range(n.rows * n.columns):
        changed = patches(images, P)
        changed[:, place] += 1
        changed = from_patches(changed, P, n.arguments["image_size"])
        assert (model(changed) - model(images)).abs().amax(dim=1).min() > 1e-6


def test_fresh_weights_know_no_class_and_learn_in_a_few_steps():
    torch.manual_seed(0)
    model = ViT(8, 4, 1, classes=2, d_model=16, heads=2, layers=1, d_ff=32)
    images = torch.rand(32, 1, 8, 8)
    labels = (images[:, 0, :4].mean((1, 2)) > images[:, 0, 4:].mean((1, 2))).long()  # lighter above than below
    assert not model(images).any()
    assert model.embedding.positions.embedding.weight.std().item() == pytest.approx(0.02, rel=0.25)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(40):
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
    assert (model(images).argmax(1) == labels).float().mean() > 0.9


def test_it_runs_on_any_device():
    model = shaken(ViT(8, 4, 1, classes=3, d_model=16, heads=2, layers=2, d_ff=24)).float()
    images = torch.rand(2, 1, 8, 8)
    check.runs_on_any_device(model, images, expected=model(images))
    check.runs_on_any_device(patches, images, 2, expected=patches(images, 2))
