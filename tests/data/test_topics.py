"""The help topics: cleaned, each paragraph once, split by topic, and batches that depend on the step alone."""

import math
import sys

import pytest
import torch

from course.data import topics
from course.errors import CourseError


def paragraphs(text):
    return {" ".join(part.split()) for part in text.split("\n\n")}


def test_no_rules_of_tables_and_no_bars_around_cells_are_left():
    lines = topics.text().splitlines()
    assert not any(line.strip() and set(line) <= set("-=+|*~^ ") for line in lines)
    assert not any(line.startswith("| ") and line.endswith("|") for line in lines)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("| a     | two words  |", "a  two words"),
        ('   target ::= identifier\n   | "(" [target] ")"', '   target ::= identifier\n   | "(" [target] ")"'),
        ("Title\n*****\n\nText,   \nmore", "Title\n\nText,\nmore"),
        ("+---+---+\n| x | y |\n|===|===|\n", "x  y"),
    ],
    ids=["cells", "a grammar keeps its bars", "a heading loses its underline", "a table loses its rules"],
)
def test_cleaning(raw, clean):
    assert "\n\n".join(topics._paragraphs(raw)) == clean


def test_every_paragraph_stands_in_one_topic_only():
    texts = topics.topics()
    assert len(texts) > 50
    all_paragraphs = [paragraph for text in texts.values() for paragraph in paragraphs(text)]
    assert len(all_paragraphs) == len(set(all_paragraphs))


def test_the_split_shares_the_topics_out_and_no_long_stretch_of_text_is_on_two_sides():
    split = topics.split_topics()
    assert sorted([*split.train, *split.valid, *split.test]) == sorted(topics.topics())
    assert (len(split.valid), len(split.test)) == (6, 12)
    train, test = (" ".join(topics.text(part).split()) for part in (split.train, split.test))
    known = {train[i : i + 60] for i in range(len(train) - 59)}
    shared = sum(test[i : i + 60] in known for i in range(len(test) - 59)) / len(test)
    assert shared < 0.01


def test_another_seed_is_another_split():
    assert topics.split_topics(1) == topics.split_topics(1) != topics.split_topics(2)


def test_the_codec_gives_back_every_text_and_names_what_it_lacks():
    codec = topics.characters()
    assert codec.decode(codec.encode(topics.text())) == topics.text()
    assert codec.encode("if").unique().numel() == 2
    assert len(codec) == len(set(topics.text()))
    with pytest.raises(ValueError, match="'語'"):
        codec.encode("if 語")


def test_windows_cover_the_stream_once_and_the_target_is_one_ahead():
    ids = torch.arange(23)
    source, target = topics.windows(ids, 5)
    assert source.flatten().tolist() == list(range(20))
    assert torch.equal(target, source + 1)
    assert topics.windows(torch.arange(21), 5)[1].flatten()[-1] == 20  # the last target is there
    with pytest.raises(ValueError, match="too few"):
        topics.windows(torch.arange(5), 5)


def test_a_batch_depends_on_seed_and_step_alone():
    ids = torch.arange(100)
    batches = topics.CharacterBatches(ids, length=7, batch_size=5, seed=3)
    later = [batches(step) for step in (4, 2)]
    again = [topics.CharacterBatches(ids, length=7, batch_size=5, seed=3)(step) for step in (4, 2)]
    for one, other in zip(later, again, strict=True):
        assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])
    source, target = batches(2)
    assert source.shape == target.shape == (5, 7)
    assert torch.equal(target, source + 1)
    assert not torch.equal(source, batches(3)[0])
    assert not torch.equal(source, topics.CharacterBatches(ids, 7, 5, seed=4)(2)[0])


def test_windows_of_batches_begin_everywhere():
    batches = topics.CharacterBatches(torch.arange(12), length=9, batch_size=50)
    assert set(batches(0)[0][:, 0].tolist()) == {0, 1, 2}
    with pytest.raises(ValueError, match="too few"):
        topics.CharacterBatches(torch.arange(9), length=9, batch_size=1)


def test_unigram_bits_by_hand():
    train, held_out = [0, 0, 0, 1], [0, 1, 2]  # smoothed: 4/7, 2/7, 1/7
    assert topics.unigram_bits(train, held_out) == pytest.approx(-math.log2(4 / 7 * 2 / 7 * 1 / 7) / 3)


def test_the_baseline_of_the_corpus_is_about_four_and_a_half_bits():
    codec, split = topics.characters(), topics.split_topics()
    train, test = (codec.encode(topics.text(part)) for part in (split.train, split.test))
    assert 4.3 < topics.unigram_bits(train, test) < 5.0


def test_a_python_without_the_topics_is_one_clear_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    topics.topics.cache_clear()
    try:
        with pytest.raises(CourseError, match="standard library") as error:
            topics.topics()
        assert "\n" not in str(error.value)
    finally:
        topics.topics.cache_clear()
