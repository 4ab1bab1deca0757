"""The sequence classifier: pooling by the formula, and padding that changes nothing."""

import pytest
import torch

from course.models.attention import padding_mask
from course.models.classifier import AttentionPooling, SequenceClassifier

B, T_, D, VOCAB, CLASSES = 4, 7, 6, 13, 3
LENGTHS = torch.tensor([5, 1, 7, 3])
MASK = padding_mask(LENGTHS, T_)
ENCODERS = pytest.mark.parametrize("encoder", ["transformer", "recurrent"])


def classifier(encoder):
    torch.manual_seed(11)
    model = SequenceClassifier(VOCAB, CLASSES, encoder=encoder, d_model=D, layers=2, heads=2).double()
    torch.nn.init.normal_(model.pooling.query)
    return model


def random_tokens():
    return torch.randint(VOCAB, (B, T_), generator=torch.Generator().manual_seed(12))


def test_the_pooled_vector_is_a_mean_weighted_by_the_query():
    torch.manual_seed(13)
    pooling, x = AttentionPooling(D).double(), torch.randn(B, T_, D, dtype=torch.float64)
    torch.nn.init.normal_(pooling.query)
    pooled, weights = pooling(x, MASK)
    for row, length in enumerate(LENGTHS.tolist()):
        exponentials = [torch.exp(pooling.query[0] @ x_t / D**0.5) for x_t in x[row, :length]]
        expected = torch.stack([e / sum(exponentials) for e in exponentials])
        torch.testing.assert_close(weights[row, :length], expected)
        torch.testing.assert_close(pooled[row], expected @ x[row, :length])
        assert not weights[row, length:].any()


def test_an_untrained_query_takes_the_mean_and_learns():
    x = torch.randn(B, T_, D)
    pooling = AttentionPooling(D)
    pooled, _ = pooling(x)
    torch.testing.assert_close(pooled, x.mean(1))
    pooled.sum().backward()
    assert pooling.query.grad.any()


@ENCODERS
def test_a_padded_batch_says_the_same_as_each_sequence_alone(encoder):
    model, tokens = classifier(encoder), random_tokens()
    logits, weights = model(tokens, MASK), model.weights(tokens, MASK)
    assert logits.shape == (B, CLASSES)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = tokens[row : row + 1, :length]
        torch.testing.assert_close(logits[row], model(alone)[0])
        torch.testing.assert_close(weights[row, :length], model.weights(alone)[0])
        assert not weights[row, length:].any()
        assert weights[row].sum().item() == pytest.approx(1)


@ENCODERS
def test_the_weights_are_those_behind_the_logits(encoder):
    model, tokens = classifier(encoder), random_tokens()
    encoded = []
    model.pooling.register_forward_pre_hook(lambda _, inputs: encoded.append(inputs[0]))
    logits, weights = model(tokens, MASK), model.weights(tokens, MASK)
    torch.testing.assert_close(logits, model.output(torch.einsum("bt,btd->bd", weights, encoded[0])))


@ENCODERS
def test_the_order_of_tokens_counts(encoder):
    model, tokens = classifier(encoder), random_tokens()
    assert not torch.allclose(model(tokens), model(tokens.flip(1)))


def test_mistakes_are_told():
    with pytest.raises(ValueError, match='"transformer" or "recurrent", not \'lstm\''):
        SequenceClassifier(VOCAB, CLASSES, encoder="lstm")
    with pytest.raises(ValueError, match="even, not 7"):
        SequenceClassifier(VOCAB, CLASSES, encoder="recurrent", d_model=7)
