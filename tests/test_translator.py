"""A translator does with sentences what its model does with integers."""

import pytest
import torch

from course.data.batches import translation_batch
from course.data.vocabulary import BOS, EOS, tokenize
from course.experiments.translation import MODELS, SIZES
from course.models.decoding import generate
from course.models.multi_head import recorded_weights
from course.translator import Languages, Translator

PAIRS = [("one cat sleeps", "un chat dort"), ("two cats sleep", "deux chats dorment"), ("a dog", "un chien")]


def make(variant: str) -> Translator:
    torch.manual_seed(3)
    languages = Languages.of(PAIRS)
    return Translator(MODELS[variant](len(languages.english), len(languages.french), **SIZES[variant]), languages)


@pytest.mark.parametrize("variant", MODELS)
def test_sentences_are_translated_alike_one_by_one_and_together(variant: str):
    translator, sentences = make(variant), [english for english, _ in PAIRS]
    together = translator.translate(sentences)
    assert together == [translator.translate([sentence])[0] for sentence in sentences]
    assert together == translator.translate(sentences, batch_size=2)


def test_a_translation_is_what_greedy_decoding_gives():
    translator = make("transformer")
    batch = translation_batch([translator.languages.encode(PAIRS[0])])
    state = translator.model.start(batch.source, batch.source_mask)
    ids = generate(translator.model.step, state, torch.tensor([BOS]), end=EOS, max_length=60)[0].tolist()
    assert translator.translate([PAIRS[0][0]]) == [translator.languages.french.decode(ids)]


def test_one_beam_finds_what_greedy_decoding_finds():
    translator = make("Bahdanau attention")
    best = translator.beam(PAIRS[1][0], beams=1)[0]
    assert [translator.languages.french.decode(best.tokens)] == translator.translate([PAIRS[1][0]])


@pytest.mark.parametrize("variant", ["Bahdanau attention", "transformer"])
def test_an_alignment_has_a_row_for_each_token_and_for_the_end(variant: str):
    translator, (english, french) = make(variant), PAIRS[0]
    weights = translator.align(english, tokenize(french))
    assert weights.shape == (4, 3)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(4))


def test_a_transformers_alignment_is_its_last_cross_attention_with_heads_averaged():
    translator, (english, french) = make("transformer"), PAIRS[0]
    batch = translation_batch([translator.languages.encode((english, french))])
    with recorded_weights(translator.model) as weights:
        translator.model(batch.source, batch.target_in, batch.source_mask)
    expected = torch.stack(list(weights["decoder.layers.1.cross_attention"][0])).mean(dim=0)
    torch.testing.assert_close(translator.align(english, tokenize(french)), expected)
