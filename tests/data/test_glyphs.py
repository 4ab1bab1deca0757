"""Letters are drawn whole, on one line; captions are their names; what is held out is new, and its words are known."""

import time
import unicodedata
from collections import Counter

import pytest
import torch

from course.data import glyphs
from course.data.glyphs import BASELINE, FACES, HELD_OUT, KNOWN_FROM, SHARED_BY, SIDE, Letter


def named(*characters: str) -> list[Letter]:
    return [letter for letter in glyphs.letters() if letter.character in characters]


def looks(letters: list[Letter]) -> list[bytes]:
    return [picture.numpy().tobytes() for picture in glyphs.pictures(letters)]


def test_the_datasheet_counts_right():
    letters, counts = glyphs.letters(), glyphs.words_of(glyphs.letters())
    lengths = [len(letter.caption.split()) for letter in letters]
    twins = [look for look in Counter(looks(letters)).values() if look > 1]
    assert (len(letters), len(letters) * len(FACES), len(counts), sum(twins)) == (1206, 9648, 119, 101)
    assert (min(lengths), max(lengths)) == (2, 9)
    assert counts["with"] / len(letters) == pytest.approx(0.75, abs=0.03)
    assert counts["ogonek"] / len(letters) == pytest.approx(0.01, abs=0.001)
    assert min(counts.values()) >= SHARED_BY


def test_captions_are_unicode_names_and_no_two_are_equal():
    letters = glyphs.letters()
    assert len({letter.caption for letter in letters}) == len({letter.character for letter in letters}) == len(letters)
    for letter in letters:
        words = unicodedata.name(letter.character).lower().split()
        assert [word for word in words if word != "letter"] == letter.caption.split()
    assert named("ḛ")[0].caption == "latin small e with tilde below"


def test_pictures_are_ink_on_paper_and_nothing_is_cut():
    pictures = glyphs.pictures(glyphs.letters())
    assert pictures.shape == (1206, len(FACES), 1, SIDE, SIDE)
    assert pictures.min() == 0 and 0.9 < pictures.max() <= 1
    assert (pictures.amax(dim=(2, 3, 4)) > 0.3).all()  # thin strokes are grey
    assert not pictures[..., [0, -1], :].any()


def test_letters_stand_on_one_line_in_the_middle():
    pictures = glyphs.pictures(named("E", "H", "Z")) > 0.1
    assert not pictures[..., BASELINE:, :].any()
    assert pictures[..., BASELINE - 1, :].any(dim=-1).all()
    columns = pictures.any(dim=-2).squeeze(2).float()  # (letters, faces, side)
    middle = (columns * torch.arange(SIDE)).sum(dim=-1) / columns.sum(dim=-1)
    assert (middle - (SIDE - 1) / 2).abs().max() <= 1
    small, capital = glyphs.pictures(named("o"))[0], glyphs.pictures(named("O"))[0]
    assert (small > 0.1).any(dim=-1).sum() < (capital > 0.1).any(dim=-1).sum()  # size is kept: case can be seen


def test_an_accent_is_added_to_the_letter_below_it():
    plain, accented = glyphs.pictures(named("E"))[0], glyphs.pictures(named("È"))[0]
    top = int((plain[0, 0] > 0.1).any(dim=-1).float().argmax())
    assert torch.equal(plain[0, :, top + 1 :], accented[0, :, top + 1 :])
    assert accented[:, :, : top - 1].any(dim=(1, 2, 3)).all() and not plain[:, :, : top - 1].any()


def test_faces_differ():
    faces = glyphs.pictures(named("R"))[0].flatten(1)
    assert (torch.cdist(faces, faces) > 1).sum() == len(FACES) * (len(FACES) - 1)


def test_held_out_letters_are_new_and_their_words_are_known():
    train, valid, test = glyphs.split()
    assert (len(train), len(valid), len(test)) == (1006, HELD_OUT, HELD_OUT) == (1006, 100, 100)
    assert {*train, *valid, *test} == set(glyphs.letters())
    known, seen = glyphs.words_of(train), set(looks(train))
    for part in (valid, test):
        assert all(known[word] >= KNOWN_FROM for letter in part for word in letter.caption.split())
        assert len(seen & set(looks(part))) == 0  # no held-out picture is in the training part under another name
    assert len(set(looks([*valid, *test]))) == 2 * HELD_OUT


def test_the_split_depends_on_nothing_drawn_before():
    before = glyphs.split()
    glyphs.split.cache_clear()
    torch.manual_seed(5)
    assert glyphs.split() == before


def test_all_is_drawn_in_seconds_and_kept():
    for kept in (glyphs.letters, glyphs._drawn):
        kept.cache_clear()
    begun = time.process_time()
    glyphs.pictures(glyphs.letters())
    assert time.process_time() - begun < 10
    begun = time.process_time()
    glyphs.pictures(glyphs.letters())
    assert time.process_time() - begun < 1
