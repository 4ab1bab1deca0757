"""Parallel files: any line at any time, and every fault of a file is one line with its name and place."""

import gzip
import random
import sys

import numpy as np
import pytest

from course.data import parallel
from course.data.batches import Batches
from course.data.parallel import Lines, ParallelText
from course.errors import CourseError

ENGLISH = ["The house is red.", "Hello", "I see  two cats", "über naïve\u2028words", "one two three four five six"]
GERMAN = ["Das Haus ist rot.", "Guten Tag allerseits", "Ich sehe zwei Katzen", "über naive Wörter", "eins"]


@pytest.fixture
def files(tmp_path):
    """Write two files from lists of lines, and give their paths."""

    def write(source=ENGLISH, target=GERMAN, end="\n", last=True):
        paths = tmp_path / "train.en", tmp_path / "train.de"
        for path, lines in zip(paths, (source, target), strict=True):
            text = end.join(lines) + (end if last else "")
            path.write_bytes(text.encode())
        return paths

    return write


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_line_n_translates_line_n(files, end, last):
    text = ParallelText(*files(end=end, last=last))
    assert len(text) == 5
    assert [text[i] for i in (4, 0, 3, 1, 2)] == [(ENGLISH[i], GERMAN[i]) for i in (4, 0, 3, 1, 2)]


def test_lines_count_from_the_end_too(files):
    lines = Lines(files()[0])
    assert lines[-1] == ENGLISH[-1]
    with pytest.raises(IndexError):
        lines[5]


def test_words_are_counted_as_python_splits_them(files):
    text = ParallelText(*files())
    assert text.word_counts.tolist() == [[4, 4], [1, 3], [4, 4], [2, 3], [6, 1]]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_chunks_leave_no_seam(files, monkeypatch, chunk):
    """Words, line ends and characters of several bytes may lie across the border of two chunks."""
    rng = random.Random(chunk)
    alphabet = "ab é☃\t𝔸"
    lines = [("x" + "".join(rng.choices(alphabet, k=rng.randint(0, 12)))).strip() for _ in range(60)]
    paths = files(lines, lines[::-1])
    monkeypatch.setattr(parallel, "_CHUNK", chunk)
    text = ParallelText(*paths)
    assert [text[i] for i in range(60)] == list(zip(lines, lines[::-1], strict=True))
    assert text.word_counts[:, 0].tolist() == [len(line.split()) for line in lines]


def test_packed_files_read_the_same(files):
    source, target = files()
    packed = source.with_suffix(".en.gz")
    packed.write_bytes(gzip.compress(source.read_bytes()))
    text = ParallelText(packed, target)
    assert [text[i] for i in range(5)] == list(zip(ENGLISH, GERMAN, strict=True))


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"max_words": 4}, [0, 1, 2, 3]),
        ({"max_words": 3}, [1, 3]),
        ({"max_ratio": 3}, [0, 1, 2, 3]),
        ({"max_ratio": 1.5}, [0, 2, 3]),
        ({"max_words": 3, "max_ratio": 1.5}, [3]),
    ],
)
def test_long_and_lopsided_pairs_are_dropped_on_request(files, limits, kept):
    text = ParallelText(*files(), **limits)
    assert [text[i] for i in range(len(text))] == [(ENGLISH[i], GERMAN[i]) for i in kept]
    assert text.dropped == 5 - len(kept)
    assert text.word_counts.shape == (len(kept), 2)


def test_blank_lines_are_dropped_on_request(files):
    text = ParallelText(*files(["a", "", "c", "d"], ["A", "B", "  ", "D"]), drop_empty=True)
    assert [text[i] for i in range(len(text))] == [("a", "A"), ("d", "D")]


def test_batches_read_only_what_they_need(files):
    text = ParallelText(*files())
    lengths = text.word_counts.max(axis=1)
    batches = Batches(text, lambda pairs: pairs, lengths=lengths, max_tokens=8)
    assert sorted(pair for step in range(len(batches)) for pair in batches(step)) == sorted(
        zip(ENGLISH, GERMAN, strict=True)
    )


def test_memory_holds_no_text(files):
    lines = ["a b c d e f g h " * 20] * 20_000
    side = Lines(files(lines, lines)[0])
    held = sum(value.nbytes for value in vars(side).values() if isinstance(value, np.ndarray))
    assert held == 12 * 20_000
    assert not [value for value in vars(side).values() if sys.getsizeof(value) > 200_000]


def message_of(source, target, **arguments):
    with pytest.raises(CourseError) as caught:
        ParallelText(source, target, **arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_different_numbers_of_lines(files):
    source, target = files(ENGLISH, GERMAN[:3])
    assert message_of(source, target) == f"{source} has 5 lines, {target} 3; line n must translate line n"


@pytest.mark.parametrize("side", [0, 1])
def test_a_missing_file(files, side):
    paths = files()
    paths[side].unlink()
    assert message_of(*paths).startswith(f"{paths[side]}: no such file")


def test_an_empty_file(files):
    source, target = files()
    target.write_bytes(b"")
    assert message_of(source, target).startswith(f"{target} is empty")


@pytest.mark.parametrize("chunk", [1 << 22, 5])
def test_a_line_that_is_not_utf8(files, monkeypatch, chunk):
    monkeypatch.setattr(parallel, "_CHUNK", chunk)
    source, target = files()
    target.write_bytes(target.read_bytes().replace("ö".encode(), "ö".encode("latin-1")))
    assert message_of(source, target).startswith(f"{target}, line 4: not UTF-8")


def test_a_file_that_ends_within_a_character(files):
    source, target = files(last=False)
    target.write_bytes(target.read_bytes() + "ö".encode()[:1])
    assert message_of(source, target).startswith(f"{target}, line 5: not UTF-8")


@pytest.mark.parametrize("blank", ["", " ", "\t", "\r"])
def test_a_blank_line(files, blank):
    source, target = files(["a", "b", blank], ["A", "B", "C"])
    assert message_of(source, target).startswith(f"{source}, line 3: blank; pass drop_empty=True")


def test_limits_that_leave_nothing(files):
    source, target = files()
    assert "no pair is left" in message_of(source, target, max_words=0)


@pytest.mark.parametrize(
    "spoil", [lambda raw: raw[:-9], lambda raw: b"plain text", lambda raw: raw[:20] + b"?" + raw[21:]]
)
def test_a_damaged_gz(files, spoil):
    source, target = files()
    packed = source.with_suffix(".en.gz")
    packed.write_bytes(spoil(gzip.compress(source.read_bytes())))
    assert message_of(packed, target).startswith(f"{packed}: a damaged .gz file")
