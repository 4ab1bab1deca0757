"""BERT is BERT: transformers' outputs, losses and gradients are its own; words are hidden as the paper says."""

import math
import random
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from course.models.bert import (
    NOT_ASKED,
    SIZES,
    Bert,
    BertClassifier,
    BertPretraining,
    mask_tokens,
    masked_word_loss,
    pretraining_loss,
)
from course.models.checkpoints import BERT
from tests.support.weights import shaken

SEEDS = range(3)


def sizes(seed: int) -> SimpleNamespace:
    """Sizes of which no two are equal, so that no axis can pass for another."""
    draw = random.Random(seed)
    batch, heads, layers, time, classes = draw.sample(range(2, 9), 5)
    d_model = heads * draw.choice([6, 10, 12])
    arguments = {
        "vocab": d_model + 11,
        "d_model": d_model,
        "heads": heads,
        "layers": layers,
        "d_ff": d_model + 5,
        "max_length": time + 9,
        "segments": 3,
    }
    return SimpleNamespace(batch=batch, time=time, classes=classes, arguments=arguments, vocab=d_model + 11)


def batch_of(n: SimpleNamespace, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens, segments, and a mask with a different length for each row, the first of them full."""
    generator = torch.Generator().manual_seed(100 + seed)
    tokens = torch.randint(n.vocab, (n.batch, n.time), generator=generator)
    segments = torch.randint(3, (n.batch, n.time), generator=generator)
    lengths = torch.tensor([n.time - row % n.time for row in range(n.batch)])
    return tokens, segments, torch.arange(n.time) < lengths[:, None]


def their_config(transformers, n: SimpleNamespace):
    a = n.arguments
    return transformers.BertConfig(
        vocab_size=a["vocab"],
        hidden_size=a["d_model"],
        num_attention_heads=a["heads"],
        num_hidden_layers=a["layers"],
        intermediate_size=a["d_ff"],
        max_position_embeddings=a["max_length"],
        type_vocab_size=a["segments"],
        num_labels=n.classes,
        pad_token_id=None,  # else theirs gives token 0 no gradient
    )


def assert_same_gradients(ours: nn.Module, theirs: nn.Module) -> None:
    found = BERT.to_theirs({name: p.grad for name, p in ours.named_parameters() if p.grad is not None})
    expected = {name: p.grad for name, p in theirs.named_parameters() if p.grad is not None}
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("seed", SEEDS)
def test_vectors_and_gradients_are_those_of_transformers(seed: int, transformers):
    n = sizes(seed)
    theirs = shaken(transformers.BertModel(their_config(transformers, n)), seed)
    ours = Bert(**n.arguments).double().eval()
    ours.load_state_dict(BERT.to_ours(theirs.state_dict()))
    tokens, segments, mask = batch_of(n, seed)
    expected = theirs(tokens, attention_mask=mask.long(), token_type_ids=segments)
    found = ours(tokens, segments, mask)
    pooled = ours.pool(found)
    torch.testing.assert_close(found, expected.last_hidden_state)
    torch.testing.assert_close(pooled, expected.pooler_output)
    direction = torch.randn(found.shape, dtype=found.dtype, generator=torch.Generator().manual_seed(seed))
    for vectors, text in ((expected.last_hidden_state, expected.pooler_output), (found, pooled)):
        ((vectors * direction).sum() + (text * direction[:, -1]).sum()).backward()
    assert_same_gradients(ours, theirs)


def test_without_segments_and_mask_all_is_sentence_a_and_real(transformers):
    n = sizes(7)
    theirs = shaken(transformers.BertModel(their_config(transformers, n)), 7)
    ours = Bert(**n.arguments).double().eval()
    ours.load_state_dict(BERT.to_ours(theirs.state_dict()))
    tokens, _, _ = batch_of(n, 7)
    torch.testing.assert_close(ours(tokens), theirs(tokens).last_hidden_state)


@pytest.mark.parametrize("seed", SEEDS)
def test_dropout_falls_where_that_of_transformers_falls(seed: int, transformers):
    n = sizes(seed)
    theirs = shaken(transformers.BertForSequenceClassification(their_config(transformers, n)), seed)
    ours = BertClassifier(Bert(**n.arguments), n.classes).double().eval()
    ours.load_state_dict(BERT.to_ours(theirs.state_dict()))
    tokens, segments, _ = batch_of(n, seed)
    quiet = ours(tokens, segments)
    torch.manual_seed(seed)
    found = ours.train()(tokens, segments)
    torch.manual_seed(seed)
    torch.testing.assert_close(found, theirs.train()(tokens, token_type_ids=segments).logits)
    assert not torch.allclose(found, quiet)


@pytest.mark.parametrize("seed", SEEDS)
def test_pretraining_is_that_of_transformers(seed: int, transformers):
    n = sizes(seed)
    theirs = shaken(transformers.BertForPreTraining(their_config(transformers, n)), seed)
    ours = BertPretraining(Bert(**n.arguments)).double().eval()
    ours.load_state_dict(BERT.to_ours(theirs.state_dict()))
    tokens, segments, mask = batch_of(n, seed)
    generator = torch.Generator().manual_seed(seed)
    corrupted, targets = mask_tokens(tokens, mask, 4, n.vocab, generator, p=0.5)
    elsewhere = torch.randint(2, (n.batch,), generator=generator)
    expected = theirs(
        corrupted, attention_mask=mask.long(), token_type_ids=segments, labels=targets, next_sentence_label=elsewhere
    )
    words, following = ours(corrupted, segments, mask)
    torch.testing.assert_close(words, expected.prediction_logits)
    torch.testing.assert_close(following, expected.seq_relationship_logits)
    loss = pretraining_loss(words, following, targets, elsewhere)
    torch.testing.assert_close(loss, expected.loss)
    loss.backward()
    expected.loss.backward()
    assert_same_gradients(ours, theirs)


@pytest.mark.parametrize("seed", SEEDS)
def test_classifier_is_that_of_transformers(seed: int, transformers):
    n = sizes(seed)
    theirs = shaken(transformers.BertForSequenceClassification(their_config(transformers, n)), seed)
    ours = BertClassifier(Bert(**n.arguments), n.classes).double().eval()
    ours.load_state_dict(BERT.to_ours(theirs.state_dict()))
    tokens, segments, mask = batch_of(n, seed)
    labels = torch.arange(n.batch) % n.classes
    expected = theirs(tokens, attention_mask=mask.long(), token_type_ids=segments, labels=labels)
    found = ours(tokens, segments, mask)
    torch.testing.assert_close(found, expected.logits)
    expected.loss.backward()
    nn.functional.cross_entropy(found, labels).backward()
    assert_same_gradients(ours, theirs)


# --- without transformers


@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_padding_changes_nothing(seed: int):
    n = sizes(seed)
    model = shaken(Bert(**n.arguments), seed)
    tokens, segments, mask = batch_of(n, seed)
    together = model(tokens, segments, mask)
    for row, length in enumerate(mask.sum(dim=1).tolist()):
        alone = model(tokens[row : row + 1, :length], segments[row : row + 1, :length])
        torch.testing.assert_close(together[row, :length], alone[0])
    other = torch.where(mask, tokens, (tokens + 1) % n.vocab)
    torch.testing.assert_close(model(other, segments, mask)[mask], together[mask])


@torch.no_grad()
def test_every_position_sees_all_others():
    n = sizes(1)
    model = shaken(Bert(**n.arguments), 1)
    tokens, _, _ = batch_of(n, 1)
    before = model(tokens)
    for t in range(n.time):
        changed = tokens.clone()
        changed[:, t] = (changed[:, t] + 1) % n.vocab
        assert (model(changed) - before).abs().amax(dim=-1).min() > 1e-4


@pytest.mark.parametrize(("name", "parameters"), [("base", 109_482_240), ("large", 335_141_888)])
def test_published_sizes(name: str, parameters: int):
    with torch.device("meta"):
        assert sum(p.numel() for p in Bert.named(name).parameters()) == parameters
    with pytest.raises(ValueError, match="base, large"):
        Bert.named("huge")


def test_the_defaults_are_base_and_changes_are_taken():
    with torch.device("meta"):
        assert [p.shape for p in Bert().parameters()] == [p.shape for p in Bert.named("base").parameters()]
        assert Bert.named("large", vocab=9).tokens.weight.shape == (9, SIZES["large"]["d_model"])


def test_fresh_weights_are_a_cut_normal_and_heads_leave_the_body_alone():
    torch.manual_seed(0)
    bert = Bert(vocab=2000, d_model=96, heads=4, layers=2, d_ff=160)
    before = {name: value.clone() for name, value in bert.state_dict().items()}
    for model in (BertPretraining(bert), BertClassifier(bert, 3)):
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and parameter.numel() > 1000:
                # cutting a normal at two standard deviations leaves 0.88 of its own
                assert parameter.std().item() == pytest.approx(0.88 * 0.02, rel=0.05), name
                assert parameter.abs().max() <= 0.04, name
            elif name.endswith("bias"):
                assert not parameter.any(), name
    assert all(torch.equal(value, before[name]) for name, value in bert.state_dict().items())


# --- hiding words


VOCAB, MASK, SPECIAL = 50, 7, {0, 1, 2, 3, 11}


@pytest.fixture(scope="module")
def hidden():
    """Many tokens, which of them may be chosen, and what became of them."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(VOCAB, (400, 250), generator=generator)
    maskable = ~torch.isin(tokens, torch.tensor([*SPECIAL, MASK]))
    return tokens, maskable, *mask_tokens(tokens, maskable, MASK, VOCAB, generator, special=SPECIAL)


def assert_share(hits: torch.Tensor, p: float) -> None:
    """The share of hits is p up to 4.5 standard deviations of the binomial: by chance once in 150,000 draws."""
    n = hits.numel()
    assert abs(hits.double().mean().item() - p) < 4.5 * math.sqrt(p * (1 - p) / n)


def test_15_percent_are_asked_for_and_nothing_else_changes(hidden):
    tokens, maskable, corrupted, targets = hidden
    asked = targets != NOT_ASKED
    assert_share(asked[maskable], 0.15)
    assert not asked[~maskable].any()
    assert torch.equal(targets[asked], tokens[asked])
    assert torch.equal(corrupted[~asked], tokens[~asked])


def test_80_10_10(hidden):
    tokens, _, corrupted, targets = hidden
    asked = targets != NOT_ASKED
    before, after = tokens[asked], corrupted[asked]
    words = VOCAB - len(SPECIAL) - 1
    assert_share(after == MASK, 0.8)
    assert_share(after == before, 0.1 + 0.1 / words)  # a random word may be the true one
    assert_share((after != before) & (after != MASK), 0.1 - 0.1 / words)


def test_random_words_are_all_words_and_no_special_token(hidden):
    tokens, _, corrupted, targets = hidden
    drawn = corrupted[(corrupted != tokens) & (corrupted != MASK)]
    assert set(drawn.tolist()) == set(range(VOCAB)) - SPECIAL - {MASK}
    counts = torch.bincount(drawn, minlength=VOCAB)
    expected = len(drawn) / (VOCAB - len(SPECIAL) - 1)
    assert ((counts[counts > 0] - expected).abs() < 5 * math.sqrt(expected)).all()


def test_hiding_depends_on_the_generator_alone():
    tokens = torch.arange(4, 44).repeat(3, 1)
    everywhere = torch.ones_like(tokens, dtype=torch.bool)

    def hide(seed: int, global_seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        torch.manual_seed(global_seed)
        return mask_tokens(tokens, everywhere, 44, 45, torch.Generator().manual_seed(seed))

    for once, again, other in zip(hide(1, 5), hide(1, 6), hide(2, 5), strict=True):
        assert torch.equal(once, again) and not torch.equal(once, other)
    corrupted, targets = mask_tokens(tokens, everywhere, 44, 45, torch.Generator().manual_seed(1), p=1.0)
    assert torch.equal(targets, tokens) and (corrupted == 44).any()


def test_hiding_refuses_what_makes_no_sense():
    tokens = torch.ones(2, 3, dtype=torch.long)
    with pytest.raises(ValueError, match="probability"):
        mask_tokens(tokens, tokens > 0, 4, 9, torch.Generator(), p=1.5)
    with pytest.raises(ValueError, match="no word"):
        mask_tokens(tokens, tokens > 0, 4, 5, torch.Generator())


def test_the_loss_counts_what_is_asked_and_is_finite_when_nothing_is():
    logits = torch.randn(2, 3, 5, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[NOT_ASKED, 4, NOT_ASKED], [0, NOT_ASKED, NOT_ASKED]])
    total, count = masked_word_loss(logits, targets)
    by_hand = -logits.log_softmax(-1)[0, 1, 4] - logits.log_softmax(-1)[1, 0, 0]
    assert count == 2
    torch.testing.assert_close(total, by_hand)
    nothing = torch.full_like(targets, NOT_ASKED)
    next_logits, elsewhere = logits[:, 0, :2], torch.tensor([0, 1])
    found = pretraining_loss(logits, next_logits, nothing, elsewhere)
    torch.testing.assert_close(found, nn.functional.cross_entropy(next_logits, elsewhere))
