"""The widgets on heads react at once, and say what is true."""

import pytest
import torch

from course.widgets.heads import ALL_WORDS, Example, Maps, heads_on_test, price_of_heads, which_word_looks_where

LAYERS, HEADS = 3, 4
ANIMAL = ["[CLS]", "the", "animal", "slept", "because", "it", "was", "tired", "[SEP]"]
SHORT = ["[CLS]", "the", "dog", "slept", "[SEP]"]


def maps(words: list[str], seed: int) -> Maps:
    chance = torch.Generator().manual_seed(seed)
    scores = 4 * torch.randn(LAYERS, HEADS, len(words), len(words), generator=chance)
    return Maps(words, scores.softmax(dim=-1))


@pytest.fixture
def sentences():
    return {"animal": maps(ANIMAL, 0), "dog": maps(SHORT, 1)}


@pytest.fixture
def looking(sentences):
    return which_word_looks_where(sentences, sentence="animal", word="it", layer=1, head=2)


def test_every_control_of_the_links_reacts_at_once(looking, hold_quick):
    hold_quick(looking, "head", [0, 1, 3])
    hold_quick(looking, "layer", [0, 2])
    hold_quick(looking, "word", [1, ALL_WORDS, 4])
    hold_quick(looking, "sentence", ["dog", "animal", "dog"])


def test_it_says_where_the_word_looks_most(looking, sentences):
    row = sentences["animal"].weights[1, 2, ANIMAL.index("it")]
    key = int(row.argmax())
    assert f"Head 1.2: word 5, 'it', gives {row[key]:.2f} to {ANIMAL[key]!r} and" in looking.sentence


def test_of_all_words_it_says_who_is_looked_at_most(looking, sentences):
    looking.controls["word"].value = ALL_WORDS
    weights = sentences["animal"].weights[1, 2]
    key = int(weights.sum(dim=0).argmax())
    assert f"{ANIMAL[key]!r} (word {key}) gets most, {weights[:, key].mean():.2f}" in looking.sentence
    assert f"{weights.max(dim=1).values.mean():.2f} on average" in looking.sentence


def test_a_new_sentence_brings_its_words_and_the_place_stays_where_there_is_one(looking):
    looking.controls["word"].value = 2
    looking.controls["sentence"].value = "dog"
    assert [label for label, _ in looking.controls["word"].options] == [
        "all words",
        *(f"{i} {word}" for i, word in enumerate(SHORT)),
    ]
    assert "word 2, 'dog'" in looking.sentence
    looking.controls["sentence"].value = "animal"
    looking.controls["word"].value = 7
    looking.controls["sentence"].value = "dog"  # which has no word 7
    assert looking.controls["word"].value == ALL_WORDS
    looking.controls["word"].value = 3  # still drawn again when it moves
    assert "word 3, 'slept'" in looking.sentence


def test_a_sentence_is_drawn_once_when_it_is_chosen(looking):
    drawn = []
    draw = looking.draw
    looking.draw = lambda figure, **values: drawn.append(values) or draw(figure, **values)
    looking.controls["sentence"].value = "dog"
    assert len(drawn) == 1


@pytest.fixture
def tested():
    heads = LAYERS * HEADS
    chance = torch.Generator().manual_seed(2)
    first = torch.rand(heads, generator=chance)
    looks = torch.rand(2, heads, len(ANIMAL), generator=chance).softmax(dim=-1)
    other = [*ANIMAL[:-2], "late", "[SEP]"]
    examples = [Example(ANIMAL, 2, 3, looks[0]), Example(other, 3, 2, looks[1])]
    return heads_on_test(first, 1 - first**2, first / 10, examples, heads=HEADS, layer=0, head=1), first, examples


def test_every_control_of_the_test_reacts_at_once(tested, hold_quick):
    widget, _, examples = tested
    hold_quick(widget, "layer", [1, 2, 0])
    hold_quick(widget, "head", [0, 2, 3])
    hold_quick(widget, "sentence", [" ".join(example.words) for example in reversed(examples)])


def test_it_says_how_often_the_head_is_right_and_whether_it_is_here(tested):
    widget, first, examples = tested
    for example in examples:
        widget.controls["sentence"].value = " ".join(example.words)
        for head in range(LAYERS * HEADS):
            layer, place = divmod(head, HEADS)
            widget.controls["layer"].value, widget.controls["head"].value = layer, place
            a, b = first[head].item(), 1 - first[head].item() ** 2
            assert f"Head {layer}.{place} is right in {a:.0%} of" in widget.sentence
            assert f"{(a + b) / 2:.2f} balanced" in widget.sentence
            right = example.looks[head, example.meant] > example.looks[head, example.other]
            assert widget.sentence.endswith("right." if right else "wrong.")


@pytest.fixture
def price():
    return price_of_heads(d_model=64)


def test_every_control_of_the_price_reacts_at_once(price, hold_quick):
    hold_quick(price, "heads", [1, 64, 16])
    hold_quick(price, "tokens", [64, 2048, 256])


def test_only_stored_weights_and_rank_depend_on_the_number_of_heads(price):
    price.controls["tokens"].value = 256
    price.controls["heads"].value = 1
    one = price.sentence
    assert one == (
        "1 head of d_k = 64 over 256 tokens: 16,384 parameters and 0.03 billion operations, as with one head; "
        "65,536 weights if they are stored; a head's scores have rank 64 at most."
    )
    price.controls["heads"].value = 16
    same = "16,384 parameters and 0.03 billion operations"
    assert same in price.sentence
    assert "1,048,576 weights if they are stored" in price.sentence
    assert "rank 4 at most" in price.sentence


def test_the_rank_is_no_larger_than_the_number_of_tokens():
    price = price_of_heads(d_model=512)
    price.controls["tokens"].value, price.controls["heads"].value = 64, 2
    assert "rank 64 at most" in price.sentence
