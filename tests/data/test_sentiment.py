"""Sentences with labels by hand, words with labels by raters, and splits that share nothing."""

from collections import Counter
from itertools import chain

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from course.data import sentiment
from course.data.sentiment import NEGATIVE, POSITIVE
from course.errors import CourseError


def test_two_hundred_sentences_balanced_in_every_topic():
    sentences = sentiment.sentences()
    assert len(sentences) >= 200 and len({sentence.text for sentence in sentences}) == len(sentences)
    by_topic = Counter((sentence.topic, sentence.label) for sentence in sentences)
    assert len(by_topic) == 30 and set(by_topic.values()) == {7}
    tricky = Counter(sentence.label for sentence in sentences if sentence.tricky)
    assert tricky[POSITIVE] == tricky[NEGATIVE] >= 15


def test_sentences_are_whole_sentences():
    for sentence in sentiment.sentences():
        assert sentence.text[0].isupper() and sentence.text[-1] in ".!?" and "  " not in sentence.text
        assert 5 <= len(sentence.text.split()) <= 22, sentence.text


@pytest.mark.parametrize(
    ("text", "label", "tricky"),
    [
        ("For a vegetable I used to hate, this cabbage was not bad at all.", POSITIVE, True),
        ("A beautiful cake, but it tasted of nothing.", NEGATIVE, True),
        ("We won in the last minute and the whole town sang.", POSITIVE, False),
        ("The parcel arrived three weeks late and damaged.", NEGATIVE, False),
    ],
)
def test_labels_checked_by_hand(text, label, tricky):
    sentence = next(sentence for sentence in sentiment.sentences() if sentence.text == text)
    assert (sentence.label, sentence.tricky) == (label, tricky)


def test_the_split_of_the_sentences_is_fixed_balanced_and_disjoint():
    parts = sentiment.split_sentences()
    assert [len(part) for part in parts] == [120, 30, 60]
    assert sorted(chain(*parts)) == sorted(sentiment.sentences())
    for part in parts:
        assert sum(sentence.label for sentence in part) * 2 == len(part)
    assert [sum(sentence.tricky for sentence in part) for part in parts] == [46, 10, 22]


def test_tricky_sentences_are_tricky_for_single_words():
    """Where summed ratings decide, they are right about 88 % of the plain and 22 % of the tricky sentences."""
    valence = dict(sentiment.words())
    right = {True: [], False: []}
    for sentence in sentiment.sentences():
        total = sum(valence.get(word.strip(".,:;!?").lower(), 0) for word in sentence.text.split())
        if total:
            right[sentence.tricky].append((total > 0) == (sentence.label == POSITIVE))
    plain, tricky = (sum(right[kind]) / len(right[kind]) for kind in (False, True))
    assert plain > 0.75 and tricky < 0.4


def test_words_have_the_sign_of_their_ratings():
    label = {word.text: word.label for word in sentiment.words()}
    assert {label[word] for word in "good charming hope superb".split()} == {POSITIVE}
    assert {label[word] for word in "bad dreadful hate tedious cruel".split() if word in label} == {NEGATIVE}


def test_words_are_plain_clear_and_fit_for_a_slide():
    words = sentiment.words()
    assert len(words) == len(dict(words)) > 5000
    assert all(word.text.isalpha() and word.text.islower() and 1 <= abs(word.valence) <= 4 for word in words)
    texts = {word.text for word in words}
    assert not {"ass", "dumbass", "shitty", "rapist"} & texts
    assert {"assure", "asset", "harass", "classy"} <= texts  # no innocent goes with the guilty


@pytest.mark.parametrize(
    ("word", "stem"), [("hateful", "hate"), ("hate", "hate"), ("charming", "charm"), ("sadly", "sad"), ("odd", "odd")]
)
def test_stems(word, stem):
    assert sentiment.stem(word) == stem


def test_no_stem_of_a_word_is_on_two_sides():
    parts = sentiment.split_words()
    assert sorted(chain(*parts)) == sorted(sentiment.words())
    beginnings = [{word.text[: sentiment.STEM] for word in part} for part in parts]
    assert not (beginnings[0] & beginnings[1] or beginnings[0] & beginnings[2] or beginnings[1] & beginnings[2])
    assert all(0.35 < sum(word.label for word in part) / len(part) < 0.6 for part in parts)
    assert sentiment.split_words(1) == sentiment.split_words(1) != parts


def test_spelling_alone_tells_little_about_new_stems():
    """Character n-grams and logistic regression: 0.58 on the test words, where guessing gets 0.54."""
    train, _, test = sentiment.split_words()
    model = make_pipeline(CountVectorizer(analyzer="char_wb", ngram_range=(2, 4)), LogisticRegression(max_iter=500))
    model.fit([word.text for word in train], [word.label for word in train])
    assert 0.5 < model.score([word.text for word in test], [word.label for word in test]) < 0.7


@pytest.mark.parametrize(
    ("fault", "advice"),
    [("missing", "pip install vaderSentiment"), ("damaged", "pip install --force-reinstall vaderSentiment")],
)
def test_a_lexicon_that_is_missing_or_damaged_is_one_clear_line(tmp_path, monkeypatch, fault, advice):
    if fault == "damaged":
        (tmp_path / "vader_lexicon.txt").write_text("good\n", encoding="utf-8")
    monkeypatch.setattr(sentiment, "files", lambda package: tmp_path)
    with pytest.raises(CourseError, match=advice) as error:
        sentiment.words.__wrapped__()
    assert "\n" not in str(error.value)
