"""The generator of reviews: words keep company by polarity, labels need words that few labels do not show."""

import re

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from course.data import reviews, sentiment
from course.data.adjectives import ADJECTIVES
from course.data.reviews import NEGATIVE, POSITIVE
from course.data.vocabulary import tokenize


def opinions_of(text):
    return [word for word in tokenize(text) if word in set(ADJECTIVES)]


def test_few_opinion_words_are_a_part_of_all_and_split_alike():
    few, parts = reviews.opinion_words(12), reviews.split_opinion_words(12)
    for label, every in reviews.opinion_words().items():
        assert len(few[label]) == 12 and set(few[label]) <= set(every)
        assert sorted(word for part in parts for word in part[label]) == sorted(few[label])
    said = " ".join(pair.first + " " + pair.second for pair in reviews.sentence_pairs(50, 0, few)).lower()
    others = {word for words in reviews.opinion_words().values() for word in words} - {*few[0], *few[1]}
    assert not others & set(said.replace(",", " ").replace(".", " ").replace("!", " ").split())


def test_there_are_many_opinion_words_and_all_are_rated():
    words = reviews.opinion_words()
    assert len(words[POSITIVE]) >= 300 and len(words[NEGATIVE]) >= 300
    assert sorted((*words[POSITIVE], *words[NEGATIVE])) == sorted(set(ADJECTIVES))
    valence = dict(sentiment.words())
    assert all(valence[word] > 0 for word in words[POSITIVE]) and all(valence[word] < 0 for word in words[NEGATIVE])


def test_no_other_word_of_a_review_is_an_opinion_word():
    frames = " ".join((*reviews.FIRST, *reviews.SECOND, *reviews.SUBJECTS, *reviews.SUBJECTS.values()))
    assert not set(tokenize(frames)) & set(ADJECTIVES)


def test_a_review_has_six_opinions_of_its_polarity_about_two_aspects_of_one_subject():
    for review in reviews.reviews(300, seed=1):
        opinions = opinions_of(review.text)
        assert len(opinions) == len(set(opinions)) == 6
        assert set(opinions) <= set(reviews.opinion_words()[review.label])
        aspects = set(reviews.SUBJECTS[review.subject].split())
        named = [set(tokenize(sentence)) & aspects for sentence in (review.first, review.second)]
        assert len(named[0]) == len(named[1]) == 1 and named[0] != named[1]
        assert review.subject in tokenize(review.first)


def test_reviews_are_balanced_seeded_and_well_formed():
    some = reviews.reviews(200, seed=2)
    assert sum(review.label for review in some) == 100
    assert some == reviews.reviews(200, seed=2) != reviews.reviews(200, seed=3)
    for review in some:
        for sentence in (review.first, review.second):
            assert re.fullmatch(r"[A-Z][a-z]*[a-z ,:]+[.!]", sentence), sentence
            assert not re.search(r"\ba [aeiou]|{|}|  ", sentence), sentence


def test_polarity_and_subject_are_independent():
    by_subject = {}
    for review in reviews.reviews(4000, seed=4):
        by_subject.setdefault(review.subject, []).append(review.label)
    assert set(by_subject) == set(reviews.SUBJECTS)
    assert all(0.4 < sum(labels) / len(labels) < 0.6 for labels in by_subject.values())


def test_too_few_words_are_refused():
    with pytest.raises(ValueError, match="six"):
        reviews.reviews(2, 0, {POSITIVE: "good nice kind fine".split(), NEGATIVE: reviews.opinion_words()[NEGATIVE]})


def test_half_of_the_pairs_follow_and_the_others_come_from_elsewhere():
    pairs, wholes = reviews.sentence_pairs(600, seed=5), reviews.reviews(600, seed=5)
    assert 0.42 < sum(pair.follows for pair in pairs) / 600 < 0.58
    for pair, review in zip(pairs, wholes, strict=True):
        assert pair.first == review.first and (pair.second == review.second) == pair.follows


def test_what_strangers_share_by_chance_bounds_next_sentence_prediction():
    """About 1 stranger in 20 has the subject and the polarity of the first sentence."""
    one, other = reviews.reviews(3000, seed=6), reviews.reviews(3000, seed=7)
    alike = sum((a.label, a.subject) == (b.label, b.subject) for a, b in zip(one, other, strict=True)) / 3000
    assert 0.03 < alike < 0.07


def test_training_validation_and_test_share_no_opinion_word_and_no_stem():
    parts = [reviews.labelled(400), reviews.validation(), reviews.held_out()]
    seen = [{sentiment.stem(word) for review in part for word in opinions_of(review.text)} for part in parts]
    assert all(len(stems) > 60 for stems in seen)
    assert not (seen[0] & seen[1] or seen[0] & seen[2] or seen[1] & seen[2])


def test_few_labelled_reviews_show_few_words():
    shown = {word for review in reviews.labelled(20) for word in opinions_of(review.text)}
    assert len(shown) < 0.15 * len(set(ADJECTIVES))


def test_a_bag_of_words_is_at_chance_on_unseen_words_and_right_on_seen_ones():
    """Logistic regression on 200 labelled reviews: 0.5 on the test, near 1 on new reviews with training words."""
    train = reviews.labelled(200)
    model = make_pipeline(CountVectorizer(), LogisticRegression(max_iter=500))
    model.fit([review.text for review in train], [review.label for review in train])

    def accuracy(part):
        return model.score([review.text for review in part], [review.label for review in part])

    assert 0.4 < accuracy(reviews.held_out(1000)) < 0.6
    assert accuracy(reviews.labelled(500, seed=9)) > 0.9


def test_unlabelled_text_tells_the_polarity_of_every_word():
    """From one word, step by step to all words that stand with it in some review: that is its whole polarity."""
    words = [*reviews.opinion_words()[POSITIVE], *reviews.opinion_words()[NEGATIVE]]
    counter = CountVectorizer(vocabulary=words, binary=True)
    present = counter.transform(review.text for review in reviews.reviews(3000, seed=8)).toarray().astype(np.float32)
    company = present.T @ present > 0  # (W, W) do two words share a review?
    reached = company[0]
    for _ in range(5):
        reached = company[reached].any(0)
    assert [word for word, own in zip(words, reached, strict=True) if own] == list(reviews.opinion_words()[POSITIVE])
