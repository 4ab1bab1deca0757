"""CLIP is CLIP: transformers' features, logits, loss and gradients are its own."""

import math
import random
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course import check
from course.models.checkpoints import Names, Rule
from course.models.clip import MAX_SCALE, Clip, ImageTower, TextTower, contrastive_loss
from tests.support.weights import shaken

SEEDS = range(3)
PAD, BOS, EOS = 0, 1, 2


def tower_rules(theirs: str, ours: str) -> list[Rule]:
    """What both towers have: layers and the norm behind them."""
    layer, own = f"{theirs}.encoder.layers.{{layer}}", f"{ours}.encoder.layers.{{layer}}"
    parts = [
        *((f"self_attn.{letter.lower()}_proj", f"self_attention.W_{letter}") for letter in "QKV"),
        ("self_attn.out_proj", "self_attention.W_O"),
        ("layer_norm1", "residuals.0.norm"),
        ("layer_norm2", "residuals.1.norm"),
        ("mlp.fc1", "feed_forward.0"),
        ("mlp.fc2", "feed_forward.2"),
    ]
    return [Rule(f"{layer}.{a}.{{kind}}", f"{own}.{b}.{{kind}}") for a, b in parts]


CLIP = Names(
    [
        Rule("logit_scale", "log_scale"),
        Rule("visual_projection.weight", "image_tower.projection.weight"),
        Rule("text_projection.weight", "text_tower.projection.weight"),
        Rule("vision_model.embeddings.class_embedding", "image_tower.patches.class_token"),
        Rule("vision_model.embeddings.patch_embedding.weight", "image_tower.patches.projection.weight"),
        Rule("vision_model.embeddings.position_embedding.weight", "image_tower.patches.positions.embedding.weight"),
        Rule("vision_model.pre_layrnorm.{kind}", "image_tower.norm.{kind}"),
        Rule("vision_model.post_layernorm.{kind}", "image_tower.encoder.norm.{kind}"),
        Rule("text_model.embeddings.token_embedding.weight", "text_tower.tokens.weight"),
        Rule("text_model.embeddings.position_embedding.weight", "text_tower.positions.embedding.weight"),
        Rule("text_model.final_layer_norm.{kind}", "text_tower.encoder.norm.{kind}"),
        *tower_rules("vision_model", "image_tower"),
        *tower_rules("text_model", "text_tower"),
    ]
)


def to_ours(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Their patches' projection is a convolution (d_model, C, P, P); ours is the same numbers in rows."""
    return CLIP.to_ours({name: x.flatten(1) if "patch_embedding" in name else x for name, x in state.items()})


def sizes(seed: int) -> SimpleNamespace:
    """Sizes of which no two are equal, so that no axis can pass for another."""
    draw = random.Random(seed)
    image_heads, text_heads, image_layers, text_layers, batch, channels = draw.sample(range(2, 9), 6)
    image = {
        "image_size": (side := draw.choice([3, 5])) * 4,
        "patch_size": 4 if side == 3 else 5,
        "channels": channels,
        "d_model": image_heads * draw.choice([6, 10]),
        "heads": image_heads,
        "layers": image_layers,
        "d_ff": 37,
        "d_shared": 29,
    }
    text = {
        "vocab": 31,
        "context": 13,
        "d_model": text_heads * draw.choice([4, 7]),
        "heads": text_heads,
        "layers": text_layers,
        "d_ff": 41,
        "d_shared": 29,
        "end": EOS,
    }
    return SimpleNamespace(batch=batch + 1, image=image, text=text)


def batch_of(n: SimpleNamespace, seed: int, end: int = EOS) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures, and texts of several lengths with their end and padding behind it."""
    generator = torch.Generator().manual_seed(100 + seed)
    side, time = n.image["image_size"], 11
    images = torch.randn(n.batch, n.image["channels"], side, side, generator=generator, dtype=torch.double)
    tokens = torch.randint(3, n.text["vocab"] - 1, (n.batch, time), generator=generator)
    for row in range(n.batch):
        length = time - 1 - row % (time - 2)
        tokens[row, length] = end
        tokens[row, length + 1 :] = PAD
    return images, tokens


def their_model(transformers, n: SimpleNamespace, end: int) -> nn.Module:
    vision = transformers.CLIPVisionConfig(
        hidden_size=n.image["d_model"],
        intermediate_size=n.image["d_ff"],
        projection_dim=n.image["d_shared"],
        num_hidden_layers=n.image["layers"],
        num_attention_heads=n.image["heads"],
        num_channels=n.image["channels"],
        image_size=n.image["image_size"],
        patch_size=n.image["patch_size"],
    )
    text = transformers.CLIPTextConfig(
        vocab_size=n.text["vocab"],
        hidden_size=n.text["d_model"],
        intermediate_size=n.text["d_ff"],
        projection_dim=n.text["d_shared"],
        num_hidden_layers=n.text["layers"],
        num_attention_heads=n.text["heads"],
        max_position_embeddings=n.text["context"],
        bos_token_id=BOS,
        eos_token_id=end,
        pad_token_id=None,
    )
    config = transformers.CLIPConfig(
        text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=n.image["d_shared"]
    )
    return transformers.CLIPModel(config)


# transformers looks for `eos_token_id`; unless that is 2, the value of its first configurations, which means the
# largest token of a text. So one case has another end, and one has 2 and an end that is the largest token.
@pytest.mark.parametrize(("seed", "end", "their_end"), [(0, 3, 3), (1, 30, 2), (2, 5, 5), (3, 30, 30)])
def test_features_logits_loss_and_gradients_are_those_of_transformers(seed, end, their_end, transformers):
    n = sizes(seed)
    n.text["end"] = end
    theirs = shaken(their_model(transformers, n, their_end), seed)
    ours = Clip(ImageTower(**n.image), TextTower(**n.text)).double().eval()
    ours.load_state_dict(to_ours(theirs.state_dict()))
    images, tokens = batch_of(n, seed, end)

    expected = theirs(input_ids=tokens, pixel_values=images, return_loss=True)
    torch.testing.assert_close(ours.embed_images(images), expected.image_embeds)
    torch.testing.assert_close(ours.embed_texts(tokens), expected.text_embeds)
    torch.testing.assert_close(ours.image_tower(images), theirs.get_image_features(pixel_values=images).pooler_output)
    torch.testing.assert_close(ours.text_tower(tokens), theirs.get_text_features(input_ids=tokens).pooler_output)
    logits = ours(images, tokens)
    torch.testing.assert_close(logits, expected.logits_per_image)
    loss = contrastive_loss(logits)
    torch.testing.assert_close(loss, expected.loss)

    loss.backward()
    expected.loss.backward()
    found = {name: p.grad for name, p in ours.named_parameters()}
    wanted = to_ours({name: p.grad for name, p in theirs.named_parameters()})
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, wanted[name], msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize(
    ("name", "parameters"), [("ViT-B/32", 151_277_313), ("ViT-B/16", 149_620_737), ("ViT-L/14", 427_616_513)]
)
def test_published_sizes(name: str, parameters: int):
    with torch.device("meta"):
        model = Clip.named(name)
    assert sum(p.numel() for p in model.parameters()) == parameters
    with pytest.raises(ValueError, match="ViT-B/16"):
        Clip.named("RN50")


def test_the_defaults_are_those_of_transformers(transformers):
    with torch.device("meta"):
        ours = Clip(ImageTower(), TextTower())
        theirs = transformers.CLIPModel(transformers.CLIPConfig())
        expected = {name: x.shape for name, x in to_ours(theirs.state_dict()).items()}
    assert {name: x.shape for name, x in ours.state_dict().items()} == expected
    assert ours.text_tower.end == theirs.config.text_config.eos_token_id


# --- without transformers


def small(seed: int = 0) -> tuple[Clip, torch.Tensor, torch.Tensor]:
    n = sizes(seed)
    model = shaken(Clip(ImageTower(**n.image), TextTower(**n.text)), seed)
    return model, *batch_of(n, seed)


@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_a_text_is_read_up_to_its_first_end(seed: int):
    model, _, tokens = small(seed)
    expected = model.embed_texts(tokens)
    for row, length in enumerate((tokens == EOS).int().argmax(dim=1).tolist()):
        alone = model.embed_texts(tokens[row : row + 1, : length + 1])
        torch.testing.assert_close(alone[0], expected[row])
        changed = tokens.clone()
        changed[row, length + 1 :] = EOS  # more ends behind it
        torch.testing.assert_close(model.embed_texts(changed), expected)
        changed = tokens.clone()
        changed[row, 0] = 3 + (changed[row, 0] - 2) % 20  # the first word
        assert (model.embed_texts(changed)[row] - expected[row]).abs().max() > 1e-4


def test_a_text_without_an_end_is_refused():
    model, images, tokens = small()
    tokens[1] = 3
    with pytest.raises(ValueError, match="token 2"):
        model(images, tokens)


@torch.no_grad()
def test_every_pair_is_a_cosine_times_the_scale():
    model, images, tokens = small()
    logits = model(images[:3], tokens)
    assert logits.shape == (3, len(tokens))
    for i in range(3):
        for j in range(len(tokens)):
            cosine = F.cosine_similarity(model.image_tower(images[i : i + 1]), model.text_tower(tokens[j : j + 1]))
            torch.testing.assert_close(logits[i, j], cosine[0] * model.log_scale.exp())


def test_the_temperature_starts_at_7_hundredths_and_stays_above_1_hundredth():
    n = sizes(0)
    model = Clip(ImageTower(**n.image), TextTower(**n.text))
    assert model.log_scale.item() == pytest.approx(math.log(1 / 0.07))
    assert model.scale().item() == pytest.approx(1 / 0.07)
    with torch.no_grad():
        model.log_scale.fill_(9.0)
    images, tokens = batch_of(n, 0)
    logits = model(images.float(), tokens)
    assert logits.abs().max() <= MAX_SCALE + 1e-3
    assert model.log_scale.item() == pytest.approx(math.log(MAX_SCALE))
    logits[0, 0].backward()
    assert model.log_scale.grad.abs() > 0  # it is not stuck there


def test_the_loss_asks_in_both_directions():
    logits = torch.randn(4, 4, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    by_hand = 0.0
    for i in range(4):
        rows, columns = sum(math.exp(logits[i, j]) for j in range(4)), sum(math.exp(logits[j, i]) for j in range(4))
        by_hand += -math.log(math.exp(logits[i, i]) / rows) - math.log(math.exp(logits[i, i]) / columns)
    assert contrastive_loss(logits).item() == pytest.approx(by_hand / 8)
    torch.testing.assert_close(contrastive_loss(logits), contrastive_loss(logits.T))


@pytest.mark.parametrize("size", [2, 7, 64])
def test_one_who_knows_nothing_pays_log_b(size: int):
    assert contrastive_loss(torch.zeros(size, size)).item() == pytest.approx(math.log(size))
    assert contrastive_loss(100 * torch.eye(size)).item() < 1e-6


def test_fresh_weights_have_the_deviations_of_the_authors_code():
    torch.manual_seed(0)
    d, layers = 128, 5
    image = ImageTower(32, 2, 3, d, 4, layers)
    text = TextTower(800, 100, d, 4, layers)
    for tower in (image, text):
        for name, parameter in tower.named_parameters():
            narrow, positions = "W_O.w" in name or "feed_forward.2.w" in name, "positions" in name
            if parameter.ndim == 1 and not name.endswith("class_token"):
                assert torch.equal(parameter, torch.full_like(parameter, float(name.endswith("norm.weight")))), name
                continue
            expected = (2 * d) ** -0.5 if "feed_forward.0" in name else (2 * layers * d) ** -0.5 if narrow else d**-0.5
            if tower is text:
                expected = 0.01 if positions else 0.02 if name == "tokens.weight" else expected
            assert parameter.std().item() == pytest.approx(expected, rel=0.2 if parameter.ndim == 1 else 0.05), name


def test_it_learns_to_pair_what_belongs_together():
    torch.manual_seed(0)
    image = ImageTower(8, 4, 1, 16, 2, 1, d_shared=8)
    text = TextTower(12, 4, 16, 2, 1, d_shared=8, end=EOS)
    model = Clip(image, text)
    images, tokens = torch.randn(8, 1, 8, 8), torch.stack([torch.tensor([BOS, 3 + i, EOS]) for i in range(8)])
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        contrastive_loss(model(images, tokens)).backward()
        optimizer.step()
    assert torch.equal(model(images, tokens).argmax(dim=1), torch.arange(8))


def test_it_runs_on_any_device():
    n = sizes(0)
    model = Clip(ImageTower(**n.image), TextTower(**n.text)).eval()
    images, tokens = batch_of(n, 0)
    images = images.float()
    check.runs_on_any_device(model, images, tokens, expected=model(images, tokens))
    logits = torch.randn(5, 5)
    check.runs_on_any_device(contrastive_loss, logits, expected=contrastive_loss(logits))
