"""Byte-pair encoding: merges what is frequent, loses nothing, and its file is the same vocabulary again."""

import json

import pytest

from course.data import grammar
from course.data.bpe import BPE, train_bpe
from course.data.vocabulary import BOS, EOS, PAD, UNK, tokenize
from course.errors import CourseError

TEXTS = [text for sentence in grammar.sentences(400) for text in sentence[:2]]


@pytest.fixture(scope="module")
def bpe():
    return train_bpe(TEXTS, 300)


def test_the_most_frequent_pair_merges_first():
    """Words "ab" × 3 and "cb" × 4: b▁ comes 7 times, then cb▁ 4 times, then ab▁ 3 times."""
    alphabet = 4 + len("abc▁")
    merged = [train_bpe(["ab cb ab cb cb ab cb"], alphabet + merges) for merges in range(4)]
    assert [bpe.pieces(bpe.encode(["ab", "cb"])) for bpe in merged] == [
        ["a", "b", "▁", "c", "b", "▁"],
        ["a", "b▁", "c", "b▁"],
        ["a", "b▁", "cb▁"],
        ["ab▁", "cb▁"],
    ]


def test_all_sentences_come_back(bpe):
    for text in TEXTS:
        assert bpe.decode(bpe.encode(tokenize(text))) == tokenize(text)


def test_words_never_seen_are_made_of_pieces(bpe):
    words = ["studentine", "traversation"]
    assert not any(word in bpe for word in words)
    assert UNK not in bpe.encode(words)
    assert bpe.decode(bpe.encode(words)) == words


def test_more_pieces_make_shorter_sequences(bpe):
    large = train_bpe(TEXTS, 600)
    tokens = [[len(vocabulary.encode(tokenize(text))) for text in TEXTS] for vocabulary in (bpe, large)]
    assert len(bpe) == 300 and len(large) == 600
    assert sum(tokens[1]) < 0.9 * sum(tokens[0])


def test_no_words_are_no_integers(bpe):
    assert bpe.encode([]) == []
    assert bpe.decode([BOS, EOS]) == []


def test_frequent_words_are_whole(bpe):
    assert "the" in bpe
    assert len(bpe.encode(["the"])) == 1


def test_the_four_special_integers_are_the_vocabularys(bpe):
    assert bpe.encode(["☃"])[0] == UNK
    assert bpe.decode([BOS, *bpe.encode(["the", "☃", "cat"]), PAD, EOS, *bpe.encode(["dog"])]) == [
        "the",
        "<unk>",
        "cat",
    ]
    assert min(bpe.encode(tokenize(" ".join(TEXTS)))) > UNK


def test_training_again_gives_the_same_integers(bpe):
    for _ in range(5):
        assert train_bpe(TEXTS, 300).tokenizer.get_vocab() == bpe.tokenizer.get_vocab()


def test_a_size_below_the_alphabet_is_refused():
    with pytest.raises(ValueError, match="a size of 10 is less than"):
        train_bpe(TEXTS, 10)


def test_a_saved_vocabulary_encodes_the_same(bpe, tmp_path):
    bpe.save(tmp_path / "bpe.json")
    again = BPE.load(tmp_path / "bpe.json")
    assert len(again) == len(bpe)
    assert [again.encode(tokenize(text)) for text in TEXTS[:50]] == [bpe.encode(tokenize(text)) for text in TEXTS[:50]]


def message_of(path):
    with pytest.raises(CourseError) as caught:
        BPE.load(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    return message


def test_a_missing_file_is_named(tmp_path):
    assert "no such file" in message_of(tmp_path / "none.json")


@pytest.mark.parametrize("spoil", [lambda text: text[: len(text) // 2], lambda text: "{}", lambda text: "\x00"])
def test_a_damaged_file_is_named(bpe, tmp_path, spoil):
    path = tmp_path / "bpe.json"
    bpe.save(path)
    path.write_text(spoil(path.read_text()))
    assert "damaged" in message_of(path)


def test_a_vocabulary_with_other_special_entries_is_refused(bpe, tmp_path):
    path = tmp_path / "bpe.json"
    bpe.save(path)
    entries = json.loads(path.read_text())
    vocabulary = entries["model"]["vocab"]
    vocabulary["<pad>"], vocabulary["<bos>"] = vocabulary["<bos>"], vocabulary["<pad>"]
    for special in entries["added_tokens"]:
        special["id"] = vocabulary[special["content"]]
    entries["added_tokens"].sort(key=lambda special: special["id"])
    path.write_text(json.dumps(entries))
    assert "first four entries" in message_of(path)
