"""Tokens lose nothing but case and kinds of space, and integers lose nothing at all."""

import doctest
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.data import cldr, grammar, interface, vocabulary
from course.data.vocabulary import BOS, EOS, JOIN, PAD, SPACE, UNK, Vocabulary, detokenize, normalize, tokenize

CORPORA = {
    **{kind: lambda kind=kind: cldr.pairs(kind, 400) for kind in ("numbers", "dates", "units")},
    "grammar": lambda: grammar.sentences(1500),
    "interface": lambda: interface.pairs(1, 10_000),
}


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("L'eau, c'est l’été", ["l'", "eau", ",", "c'", "est", "l'", "été"]),
        ("She didn't go.", ["she", "didn't", "go", "."]),
        ("Aujourd'hui qu'il", ["aujourd'hui", "qu'", "il"]),
        ("July 14, 2029", ["july", "1", "4", ",", "2", "0", "2", "9"]),
        ("quatre-vingt-dix", ["quatre", "-", "vingt", "-", "dix"]),
        ("Est-elle là ?", ["est", "-", "elle", "là", " ?"]),
        ("Is she there?", ["is", "she", "there", "?"]),
        ("1 200\u202fm", ["1", SPACE, "2", "0", "0", "m"]),
        ("1.5", ["1", ".", JOIN, "5"]),
        ("", []),
    ],
)
def test_what_a_token_is(text, tokens):
    assert tokenize(text) == tokens
    assert detokenize(tokens) == normalize(text)


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA.keys())
def test_whole_corpora_come_back_from_their_tokens(corpus):
    for pair in corpus():
        for text in pair[:2]:
            assert detokenize(tokenize(text)) == normalize(text)


@given(st.text())
def test_any_text_comes_back(text):
    text = text.replace(JOIN, "").replace(SPACE, "")
    assert detokenize(tokenize(text)) == normalize(text)


@pytest.mark.parametrize("corpus", [CORPORA[name] for name in ("numbers", "dates", "units", "grammar")])
def test_generated_corpora_need_no_marks_of_spacing(corpus):
    tokens = {token for pair in corpus() for text in pair[:2] for token in tokenize(text)}
    assert not tokens & {JOIN, SPACE}


def test_the_example_of_the_module_is_true():
    assert doctest.testmod(vocabulary).failed == 0
    assert doctest.testmod(vocabulary).attempted > 0


def test_the_most_frequent_word_comes_first_and_ties_go_by_alphabet():
    vocabulary = Vocabulary.of([["b", "c", "d"], ["c", "a"], ["c", "b"]])
    assert vocabulary.words[4:] == ["c", "b", "a", "d"]
    assert vocabulary.encode(["c", "d"]) == [4, 7]
    assert len(vocabulary) == 8


def test_words_below_the_minimum_count_are_unknown():
    vocabulary = Vocabulary.of([["b", "c", "a"], ["c", "b"]], min_count=2)
    assert "b" in vocabulary and "a" not in vocabulary and "<pad>" not in vocabulary
    assert vocabulary.encode(["a", "b"]) == [UNK, 4]


def test_decoding_stops_at_the_end_and_skips_what_is_no_word():
    vocabulary = Vocabulary.of([["a", "b"]])
    assert vocabulary.decode([BOS, 4, PAD, UNK, 5, EOS, 4]) == ["a", "<unk>", "b"]


def test_encoding_and_decoding_a_corpus_gives_it_back():
    sentences = [tokenize(sentence.french) for sentence in grammar.sentences(300)]
    vocabulary = Vocabulary.of(sentences)
    assert len(vocabulary) == 4 + len({word for sentence in sentences for word in sentence})
    assert all(vocabulary.decode(vocabulary.encode(sentence)) == sentence for sentence in sentences)
    top = Counter(word for sentence in sentences for word in sentence).most_common(1)[0][1]
    assert sum(sentence.count(vocabulary.words[4]) for sentence in sentences) == top
