"""No source stands on two sides of a split, and nothing is lost."""

from collections import Counter

import pytest

from course.data import cldr, grammar, interface
from course.data.splits import Pair, split
from course.data.vocabulary import tokenize

CORPORA = {
    "cldr": lambda: cldr.pairs("mixed", 900),
    "grammar": lambda: grammar.sentences(900),
    "interface": interface.pairs,
}


def sources(part):
    return {tuple(tokenize(item[0])) for item in part}


@pytest.mark.parametrize("corpus", CORPORA.values(), ids=CORPORA.keys())
def test_no_sentence_of_a_corpus_is_on_two_sides(corpus):
    items = corpus()
    parts = split(items, 100, 150, seed=1)
    assert [len(part) for part in parts] == [len(items) - 250, 100, 150]
    assert sorted(parts.train + parts.valid + parts.test) == sorted(items)
    train, valid, test = map(sources, parts)
    assert not train & valid and not train & test and not valid & test


def test_items_with_one_source_stay_together():
    items = [Pair(str(i % 20), str(i)) for i in range(200)]
    parts = split(items, 4, 5)
    assert [len(part) for part in parts] == [110, 40, 50]
    assert Counter(items) == Counter(parts.train + parts.valid + parts.test)
    assert not {pair.english for pair in parts.train} & {pair.english for pair in parts.valid + parts.test}


def test_plain_items_and_sources_of_ones_own():
    words = [f"w{i}" for i in range(30)]
    assert [len(part) for part in split(words, 5, 5)] == [20, 5, 5]
    by_last = split(words, 2, 3, source=lambda word: word[-1])
    assert {word[-1] for word in by_last.test}.isdisjoint(word[-1] for word in by_last.train + by_last.valid)


def test_a_seed_repeats_the_split():
    items = list(range(50))
    assert split(items, 5, 5, seed=1) == split(items, 5, 5, seed=1)
    assert split(items, 5, 5, seed=1).test != split(items, 5, 5, seed=2).test


@pytest.mark.parametrize(("valid", "test"), [(10, 10), (20, 5), (-1, 3), (3, -1)])
def test_sizes_that_leave_nothing_are_refused(valid, test):
    with pytest.raises(ValueError, match="to train on"):
        split(list(range(20)), valid, test)
