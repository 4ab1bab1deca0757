"""The transformer agrees with `nn.Transformer` and its parts, has the published sizes, and never looks ahead."""

import itertools
import random

import pytest
import torch
from torch import nn

from course.models.attention import key_mask, padding_mask
from course.models.checkpoints import from_torch
from course.models.transformer import Decoder, DecoderLayer, Encoder, EncoderLayer, Transformer
from tests.support.weights import shaken


@pytest.fixture(autouse=True, params=range(2), ids="draw {}".format)
def random_distinct_sizes(request: pytest.FixtureRequest):
    """Every test runs with two draws of sizes, none twice in a draw: no axis can pass for another."""
    global B, S, T, d_model, heads, d_ff, layers, SIZES, LENGTHS
    draw = random.Random(request.param)
    B, layers, heads = draw.sample(range(2, 5), 3)
    S, T = draw.sample(range(5, 10), 2)
    d_model, d_ff = heads * draw.choice([6, 10]), 41
    SIZES = {"d_model": d_model, "heads": heads, "d_ff": d_ff, "layers": layers}
    LENGTHS = torch.tensor([S, *(draw.randint(1, S - 1) for _ in range(B - 1))])


def copy_random_weights(ours: nn.Module, theirs: nn.Module):
    """Random weights for torch's module, norms and biases too, and the same for ours."""
    ours.load_state_dict(from_torch(shaken(theirs).state_dict()))


def inputs():
    source = torch.randn(B, S, d_model, dtype=torch.float64, requires_grad=True)
    target = torch.randn(B, T, d_model, dtype=torch.float64, requires_grad=True)
    return source, target, padding_mask(LENGTHS, S)


def options(norm, activation="relu"):
    return {"norm": norm, "activation": activation}, {
        "dim_feedforward": d_ff,
        "dropout": 0.0,
        "activation": activation,
        "norm_first": norm == "pre",
        "batch_first": True,
        "dtype": torch.float64,
    }


def assert_same(ours, theirs, x, models, rows):
    """Outputs at real tokens, and with them the gradients of inputs and of every parameter."""
    torch.testing.assert_close(ours[rows], theirs[rows])
    upstream = torch.randn_like(ours[rows])
    parameters = [dict(model.named_parameters()) for model in models]
    mine, other = (
        torch.autograd.grad(y[rows], [*x, *named.values()], upstream)
        for y, named in zip((ours, theirs), parameters, strict=True)
    )
    for a, b in zip(mine[: len(x)], other[: len(x)], strict=True):
        torch.testing.assert_close(a, b)
    mine, other = (
        dict(zip(named, g[len(x) :], strict=True)) for named, g in zip(parameters, (mine, other), strict=True)
    )
    torch.testing.assert_close(mine, from_torch(other))


@pytest.mark.parametrize(("norm", "activation"), list(itertools.product(["post", "pre"], ["relu", "gelu"])))
def test_encoder_layer_agrees(norm, activation):
    torch.manual_seed(0)
    mine, other = options(norm, activation)
    theirs = nn.TransformerEncoderLayer(d_model, heads, **other)
    ours = EncoderLayer(d_model, heads, d_ff, **mine).double()
    copy_random_weights(ours, theirs)
    x, _, mask = inputs()
    assert_same(ours(x, key_mask(mask)), theirs(x, src_key_padding_mask=~mask), [x], (ours, theirs), mask)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_decoder_layer_agrees(norm):
    torch.manual_seed(1)
    mine, other = options(norm)
    theirs = nn.TransformerDecoderLayer(d_model, heads, **other)
    ours = DecoderLayer(d_model, heads, d_ff, **mine).double()
    copy_random_weights(ours, theirs)
    memory, x, mask = inputs()
    future = nn.Transformer.generate_square_subsequent_mask(T).double().isinf()
    expected = theirs(x, memory, tgt_mask=future, memory_key_padding_mask=~mask)
    everywhere = torch.ones(B, T, dtype=torch.bool)
    assert_same(ours(x, memory, key_mask(mask)), expected, [x, memory], (ours, theirs), everywhere)


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_encoder_decoder_agrees_with_nn_transformer(norm):
    torch.manual_seed(2)
    mine, other = options(norm)
    theirs = nn.Transformer(d_model, heads, layers, layers + 1, **other)
    ours = nn.ModuleDict(
        {
            "encoder": Encoder(layers, d_model, heads, d_ff, final_norm=True, **mine),
            "decoder": Decoder(layers + 1, d_model, heads, d_ff, final_norm=True, **mine),
        }
    ).double()
    copy_random_weights(ours, theirs)
    source, target, mask = inputs()
    y = ours["decoder"](target, ours["encoder"](source, key_mask(mask)), key_mask(mask))
    future = nn.Transformer.generate_square_subsequent_mask(T).isinf()
    expected = theirs(source, target, tgt_mask=future, src_key_padding_mask=~mask, memory_key_padding_mask=~mask)
    everywhere = torch.ones(B, T, dtype=torch.bool)
    assert_same(y, expected, [source, target], (ours, theirs), everywhere)


def test_post_and_pre_differ_where_the_paper_and_its_followers_do():
    """In post-LN a layer's output is normalised. In pre-LN it is a sum: with sub-layers at zero, x itself."""
    x = 5 * torch.randn(2, 4, d_model)
    for norm in ("post", "pre"):
        layer = EncoderLayer(d_model, heads, d_ff, norm=norm)
        for last in (layer.self_attention.W_O, layer.feed_forward[2]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        expected = x if norm == "pre" else nn.functional.layer_norm(x, [d_model])
        torch.testing.assert_close(layer(x), expected, atol=1e-4, rtol=1e-4)
    assert isinstance(Encoder(1, d_model, heads, d_ff, norm="pre").norm, nn.LayerNorm)
    assert isinstance(Encoder(1, d_model, heads, d_ff).norm, nn.Identity)


# --- the model as a whole

EVERY = list(itertools.product(["post", "pre"], ["sinusoidal", "learned", "rotary"]))


def model(norm="post", positions="sinusoidal", **more):
    torch.manual_seed(3)
    return Transformer(17, 13, norm=norm, positions=positions, **{**SIZES, **more}).double().eval()


def tokens():
    generator = torch.Generator().manual_seed(4)
    source = torch.randint(4, 17, (B, S), generator=generator)
    return source, torch.randint(4, 13, (B, T), generator=generator), padding_mask(LENGTHS, S)


@pytest.mark.parametrize(("norm", "positions"), EVERY)
def test_no_position_sees_its_future(norm, positions):
    net, (source, target, mask) = model(norm, positions), tokens()
    before = net(source, target, mask)
    changed = target.clone()
    changed[:, 3:] = (changed[:, 3:] + 1) % 13
    after = net(source, changed, mask)
    torch.testing.assert_close(after[:, :3], before[:, :3])
    assert not torch.allclose(after[:, 3:], before[:, 3:])


@pytest.mark.parametrize(("norm", "positions"), EVERY)
def test_padding_changes_nothing(norm, positions):
    net, (source, target, mask) = model(norm, positions), tokens()
    batched = net(source.masked_fill(~mask, 0), target, mask)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = net(source[row : row + 1, :length], target[row : row + 1])
        torch.testing.assert_close(batched[row], alone[0])


@pytest.mark.parametrize(("norm", "positions"), EVERY)
def test_step_by_step_is_all_at_once(norm, positions):
    net, (source, target, mask) = model(norm, positions), tokens()
    state, found = net.start(source, mask), []
    for token in target.unbind(dim=1):
        logits, state = net.step(token, state)
        found.append(logits)
    torch.testing.assert_close(torch.stack(found, dim=1), net(source, target, mask))


def test_without_positions_the_encoder_is_equivariant_and_with_them_not():
    net, (source, _, _) = model(), tokens()
    order = torch.arange(S).roll(2)
    assert not torch.allclose(net.encode(source[:, order]), net.encode(source)[:, order], atol=1e-3)
    net.source_embedding.positions = None
    torch.testing.assert_close(net.encode(source[:, order]), net.encode(source)[:, order])


def test_a_token_vector_is_scaled_and_gets_its_position():
    net = model()
    x = net.source_embedding(torch.tensor([[5, 5]]))
    weight = net.source_embedding.tokens.weight[5] * d_model**0.5
    torch.testing.assert_close(x[0, 0, 0::2], weight[0::2])  # sin 0 = 0
    torch.testing.assert_close(x[0, 0, 1::2], weight[1::2] + 1)  # cos 0 = 1
    assert not torch.allclose(x[0, 0], x[0, 1])


def test_tied_embeddings_are_one_matrix():
    net = Transformer(13, 13, tied=True, **SIZES)
    assert net.output.weight is net.source_embedding.tokens.weight is net.target_embedding.tokens.weight
    with pytest.raises(ValueError, match="one vocabulary, not one of 17 and one of 13"):
        Transformer(17, 13, tied=True, **SIZES)


@pytest.mark.parametrize(("wrong", "message"), [({"norm": "mid"}, "not 'mid'"), ({"positions": "x"}, "not 'x'")])
def test_unknown_names_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Transformer(9, 9, **SIZES, **wrong)


@pytest.mark.parametrize(
    ("sizes", "published", "tolerance"),
    [({}, 65e6, 0.03), ({"d_model": 1024, "heads": 16, "d_ff": 4096}, 213e6, 0.01)],
    ids=["base", "big"],
)
def test_published_sizes(sizes, published, tolerance):
    """Table 3 of the paper: 65 and 213 million, rounded, with "about 37000" shared tokens (§5.1)."""
    with torch.device("meta"):
        net = Transformer(37_000, 37_000, tied=True, **sizes)
    count = sum(parameter.numel() for parameter in net.parameters())
    assert count == pytest.approx(published, rel=tolerance)
    width, inner = sizes.get("d_model", 512), sizes.get("d_ff", 2048)
    attention, norm = 4 * (width * width + width), 2 * width
    feed_forward = 2 * width * inner + inner + width
    encoder, decoder = attention + feed_forward + 2 * norm, 2 * attention + feed_forward + 3 * norm
    assert count == 37_000 * width + 6 * (encoder + decoder)
