"""GPT is GPT-2: transformers' outputs, gradients, cache and greedy texts are its own."""

import random
from types import SimpleNamespace

import pytest
import torch

from course.models.checkpoints import GPT2
from course.models.decoding import Prefix, beam_search, generate, without_cache
from course.models.gpt import GPT, SIZES
from tests.support.weights import shaken

SEEDS = range(3)


def sizes(seed: int) -> SimpleNamespace:
    """Sizes of which no two are equal, so that no axis can pass for another."""
    draw = random.Random(seed)
    batch, heads, layers, time = draw.sample(range(2, 8), 4)
    d_model = heads * draw.choice([6, 10, 12])
    return SimpleNamespace(
        batch=batch, time=time, heads=heads, layers=layers, d_model=d_model, vocab=d_model + 11, context=time + 9
    )


def model_of(n: SimpleNamespace, seed: int) -> GPT:
    model = GPT(n.vocab, n.context, n.d_model, n.heads, n.layers).double().eval()
    return shaken(model, seed)


def tokens_of(n: SimpleNamespace, seed: int, time: int | None = None) -> torch.Tensor:
    generator = torch.Generator().manual_seed(100 + seed)
    return torch.randint(n.vocab, (n.batch, n.time if time is None else time), generator=generator)


@pytest.fixture(params=SEEDS)
def pair(request, transformers):
    """Sizes, our model, and theirs with the same weights, in float64."""
    seed = request.param
    n = sizes(seed)
    config = transformers.GPT2Config(
        vocab_size=n.vocab,
        n_positions=n.context,
        n_embd=n.d_model,
        n_head=n.heads,
        n_layer=n.layers,
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = shaken(transformers.GPT2LMHeadModel(config).double().eval(), seed)
    ours = GPT(n.vocab, n.context, n.d_model, n.heads, n.layers).double().eval()
    ours.load_state_dict(GPT2.to_ours(theirs.state_dict()))
    return seed, n, ours, theirs


def test_logits_and_gradients_are_those_of_transformers(pair):
    seed, n, ours, theirs = pair
    tokens = tokens_of(n, seed)
    expected, found = theirs(tokens).logits, ours(tokens)
    torch.testing.assert_close(found, expected)
    direction = torch.randn(found.shape, dtype=found.dtype, generator=torch.Generator().manual_seed(seed))
    (expected * direction).sum().backward()
    (found * direction).sum().backward()
    gradients = GPT2.to_theirs({name: p.grad for name, p in ours.named_parameters()})
    theirs_gradients = {name: p.grad for name, p in theirs.named_parameters()}
    assert gradients.keys() == theirs_gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, theirs_gradients[name], msg=lambda text, name=name: f"{name}: {text}")


@torch.no_grad()
def test_steps_with_a_cache_are_those_of_transformers(pair):
    seed, n, ours, theirs = pair
    length = random.Random(seed).randint(1, n.time)
    answer = theirs.generate(
        tokens_of(n, seed, time=length),
        do_sample=False,
        max_new_tokens=6,
        pad_token_id=0,
        use_cache=True,
        output_logits=True,
        return_dict_in_generate=True,
    )
    text = answer.sequences
    state = ours.start(text[:, : length - 1])
    for t, expected in enumerate(answer.logits, start=length - 1):
        logits, state = ours.step(text[:, t], state)
        torch.testing.assert_close(logits, expected, check_dtype=False)  # theirs come in float32
    assert state.length == length + 5


def test_dropout_falls_where_that_of_transformers_falls(pair):
    seed, n, ours, theirs = pair
    tokens = tokens_of(n, seed)
    quiet = ours(tokens)
    outputs = []
    for model in (ours, theirs):
        torch.manual_seed(seed)
        outputs.append(model.train()(tokens))
    torch.testing.assert_close(outputs[0], outputs[1].logits)
    assert not torch.allclose(outputs[0], quiet)


def test_greedy_texts_are_those_of_transformers(pair):
    seed, n, ours, theirs = pair
    prompt = tokens_of(n, seed, time=3)
    free = ours.complete(prompt, end=-1, max_length=7)
    end = int(free[0, 2])  # so that one row at least ends early
    expected = theirs.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        max_new_tokens=7,
        eos_token_id=end,
        pad_token_id=1,
    )
    found = ours.complete(prompt, end=end, max_length=7, pad=1)
    assert torch.equal(found, expected[:, 3:])
    assert end in found[0] and free.shape[1] == 7


# --- without transformers


@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_a_cache_changes_nothing(seed: int):
    n = sizes(seed)
    model, tokens = model_of(n, seed), tokens_of(n, seed)
    whole = model(tokens)
    for length in {0, random.Random(seed).randint(1, n.time - 1), n.time - 1}:
        state = model.start(tokens[:, :length])
        for t in range(length, n.time):
            logits, state = model.step(tokens[:, t], state)
            assert state.length == t + 1
            torch.testing.assert_close(logits, whole[:, t])


@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_no_position_sees_its_future(seed: int):
    n = sizes(seed)
    model, tokens = model_of(n, seed), tokens_of(n, seed)
    t = random.Random(seed).randint(1, n.time - 1)
    changed = tokens.clone()
    changed[:, t:] = (changed[:, t:] + 1) % n.vocab
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(after[:, :t], before[:, :t])
    assert (after[:, t:] - before[:, t:]).abs().amax(dim=-1).min() > 1e-3


@torch.no_grad()
def test_a_state_follows_the_rows_that_are_selected():
    n = sizes(5)
    model, tokens = model_of(n, 5), tokens_of(n, 5)
    rows = torch.tensor([1, 0, 1])
    for length in (0, n.time - 1):  # nothing was read yet; all but the last token
        state = model.start(tokens[:, :length]).select(rows)
        logits, _ = model.step(tokens[rows, length], state)
        torch.testing.assert_close(logits, model(tokens[rows, : length + 1])[:, -1])


def test_decoders_write_the_same_with_a_cache_as_without():
    n = sizes(1)
    model, prompt = model_of(n, 1), tokens_of(n, 1, time=3)
    with torch.no_grad():
        end = int(model.complete(prompt, end=-1, max_length=6)[0, 3])
        for start in (1, 3):  # the state is empty, or has read something
            states = model.start(prompt[:, : start - 1]), Prefix(prompt[:, : start - 1])
            for decode in (generate, beam_search):
                cached, plain = (
                    decode(step, state.select(torch.arange(n.batch)), prompt[:, start - 1], end=end, max_length=6)
                    for step, state in zip((model.step, without_cache(model)), states, strict=True)
                )
                if decode is generate:
                    assert torch.equal(cached, plain)
                else:
                    assert [[h.tokens for h in row] for row in cached] == [[h.tokens for h in row] for row in plain]


def test_a_text_ends_with_the_context():
    n = sizes(2)
    model, prompt = model_of(n, 2), tokens_of(n, 2, time=4)
    written = model.complete(prompt, end=-1, max_length=1000)
    assert written.shape == (n.batch, n.context - 4 + 1)
    assert torch.equal(written[:, :5], model.complete(prompt, end=-1, max_length=5))
    for length in (0, n.context + 1):
        with pytest.raises(ValueError, match="between 1 and"):
            model.complete(tokens_of(n, 2, time=length), end=-1, max_length=5)
    with pytest.raises(ValueError, match="positions"):
        model(tokens_of(n, 2, time=n.context + 1))


def test_completing_keeps_no_gradients():
    n = sizes(0)
    model = model_of(n, 0)
    seen = []
    model.stack.register_forward_hook(lambda module, arguments, output: seen.append(output.requires_grad))
    model.complete(tokens_of(n, 0), end=-1, max_length=3)
    assert seen == [False] * 4  # the prompt, then three tokens


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
    ],
)
def test_published_sizes(name: str, parameters: int, transformers):
    with torch.device("meta"):
        model = GPT.named(name)
        n = SIZES[name]
        config = transformers.GPT2Config(n_embd=n["d_model"], n_head=n["heads"], n_layer=n["layers"])
        theirs = transformers.GPT2LMHeadModel(config)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert GPT2.to_theirs(model.state_dict()).keys() == dict(theirs.named_parameters()).keys()


def test_the_defaults_are_the_smallest_and_changes_are_taken():
    with torch.device("meta"):
        assert [p.shape for p in GPT().parameters()] == [p.shape for p in GPT.named("gpt2").parameters()]
        assert GPT.named("gpt2", context=7).context == 7
    with pytest.raises(ValueError, match="gpt2-medium"):
        GPT.named("gpt3")


def test_fresh_weights_are_those_of_the_paper():
    torch.manual_seed(0)
    layers = 8
    model = GPT(vocab=2000, context=300, d_model=128, heads=4, layers=layers)
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            narrow = "W_O" in name or "feed_forward.2" in name
            expected = 0.02 / (2 * layers) ** 0.5 if narrow else 0.02
            assert parameter.std().item() == pytest.approx(expected, rel=0.05), name
        else:
            assert torch.equal(parameter, torch.full_like(parameter, float("norm.weight" in name))), name
