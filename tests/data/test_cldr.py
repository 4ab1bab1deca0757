"""Pairs of the CLDR are what Babel and num2words write, distinct, seeded, and of all lengths."""

import random
import re
from collections import Counter
from datetime import date

import pytest
from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.units import format_unit
from num2words import num2words

from course.data import cldr
from course.data.splits import Pair
from course.data.vocabulary import tokenize


def months(code):
    """The number of a month by the first token of its name, long or short."""
    tables = [Locale(code).months["format"][width] for width in ("wide", "abbreviated")]
    return {tokenize(name)[0]: number for table in tables for number, name in table.items()}


ENGLISH_MONTHS, FRENCH_MONTHS = months("en"), months("fr")


def plain(text):
    return " ".join(text.split())


@pytest.mark.parametrize("kind", cldr.kinds())
def test_a_seed_repeats_the_pairs_and_another_draws_others(kind):
    assert cldr.pairs(kind, 50, seed=1) == cldr.pairs(kind, 50, seed=1)
    assert cldr.pairs(kind, 50, seed=1) != cldr.pairs(kind, 50, seed=2)


@pytest.mark.parametrize("kind", cldr.kinds())
def test_english_sides_are_distinct_and_spaces_plain(kind):
    pairs = cldr.pairs(kind, 1000)
    assert len({tuple(tokenize(pair.english)) for pair in pairs}) == len(pairs) == 1000
    assert all(plain(text) == text for pair in pairs for text in pair)


def test_numbers_are_those_of_num2words():
    words = {num2words(number): num2words(number, lang="fr") for number in range(1000)}
    small = [pair for pair in cldr.pairs("numbers", 1000) if "thousand" not in pair.english]
    assert len(small) > 200
    assert all(words[pair.english] == pair.french for pair in small)
    assert words["eighty-one"] == "quatre-vingt-un"


def test_dates_are_those_of_babel():
    """A long date is read back by its English side, and Babel writes the French side of that day."""
    seen = 0
    for english, french in cldr.pairs("dates", 1000):
        match = re.fullmatch(r"(?:(\w+), )?(\w+) (\d+), (\d{4})", english)
        if match:
            weekday, month, day, year = match.groups()
            when = date(int(year), ENGLISH_MONTHS[month.lower()], int(day))
            style = "full" if weekday and len(weekday) > 3 else "long"
            written = [format_date(when, style, locale="fr"), format_date(when, "medium", locale="fr")]
            written.append(format_skeleton("yMMMEd", when, locale="fr"))
            assert french in map(plain, written)
            seen += 1
    assert seen > 500


def test_no_date_is_a_first_day():
    """The CLDR's French has no "1er"."""
    assert not [pair for pair in cldr.pairs("dates", 3000) if re.search(r"\b1 [a-zéû]", pair.french)]


def test_units_are_those_of_babel(monkeypatch):
    quantities = {}
    for unit in cldr.UNITS:
        for amount in range(100):
            english, french = (plain(format_unit(amount, unit, "long", locale=code)) for code in ("en", "fr"))
            quantities[english] = french
    monkeypatch.setattr(cldr, "_amount", lambda rng: rng.randrange(100))
    for pair in cldr.pairs("units", 300):
        items = re.split(r",? (?:and|or) |, ", pair.english)
        style = "or" if " or " in pair.english else "standard"
        assert pair.french == plain(format_list([quantities[item] for item in items], style, "fr"))


@pytest.mark.parametrize("unit", cldr.UNITS)
def test_every_unit_has_a_french_name(unit):
    """Where the CLDR has none, Babel writes the unit's own name: "2 volume-cup"."""
    assert not any(unit in format_unit(amount, unit, "long", locale="fr") for amount in (0, 1, 2, 999))


@pytest.mark.parametrize(
    ("english", "french", "positions"),
    [
        ("July 14, 2029", "14 juillet 2029", (0, 2)),
        ("Saturday, May 5, 2029", "samedi 5 mai 2029", (2, 2)),
        ("Tue, Mar 13, 2029", "mar. 13 mars 2029", (2, 4)),
        ("Dec 2050", "déc. 2050", (0, 0)),
    ],
)
def test_where_the_month_stands(english, french, positions):
    assert cldr.month_positions(Pair(english, french)) == positions


def test_the_month_at_that_place_is_the_same_in_both_languages():
    places = Counter()
    for pair in cldr.pairs("dates", 1500):
        e, f = cldr.month_positions(pair)
        assert ENGLISH_MONTHS[tokenize(pair.english)[e]] == FRENCH_MONTHS[tokenize(pair.french)[f]]
        places[e, f] += 1
    assert len([place for place, count in places.items() if count > 30]) >= 5


@pytest.mark.parametrize("pair", [Pair("one", "un"), Pair("May to June", "mai à juin")])
def test_what_is_no_date_has_no_month(pair):
    with pytest.raises(ValueError, match="months"):
        cldr.month_positions(pair)


def test_lists_of_quantities_have_all_lengths():
    lengths = Counter(len(tokenize(pair.english)) for pair in cldr.pairs("units", 2000))
    assert min(lengths) == 2
    assert all(lengths[length] >= 20 for length in range(2, 23))


def kind_of(pair):
    if not re.search(r"\d", pair.english):
        return "number"
    return "date" if set(tokenize(pair.english)) & set(ENGLISH_MONTHS) else "units"


def test_mixed_pairs_have_equal_shares_in_random_order():
    kinds = [kind_of(pair) for pair in cldr.pairs("mixed", 301)]
    assert sorted(Counter(kinds).values()) == [100, 100, 101]
    assert len(set(kinds[:20])) == 3


def test_the_global_generator_has_no_say():
    random.seed(1)
    first = cldr.pairs("mixed", 30)
    random.seed(2)
    assert cldr.pairs("mixed", 30) == first


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind is one of numbers, dates, units, mixed, not 'number'"):
        cldr.pairs("number", 3)


def test_more_pairs_than_there_are_are_refused(monkeypatch):
    monkeypatch.setitem(cldr._DRAW, "numbers", lambda rng: Pair(str(rng.randrange(5)), ""))
    assert len(cldr.pairs("numbers", 5)) == 5
    with pytest.raises(ValueError, match="6 distinct pairs are too many for numbers: 5 were found"):
        cldr.pairs("numbers", 6)
