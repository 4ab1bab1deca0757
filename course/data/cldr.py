"""Numbers, dates and lists of quantities in English and French, as many as you like.

Datasheet
    What: pairs of three kinds. "numbers": 0 to 999,999 in words. "dates": seven forms, from "July 14" to "Saturday,
        July 14, 2029". "units": lists of one to five quantities, "3 kilometers, 12 hours, and 1 liter".
    From: the Unicode CLDR through Babel (tested with 2.18), and num2words (0.5.14). Nothing is downloaded.
    Licence: Babel BSD-3, the CLDR's data Unicode licence, num2words LGPL-2.1 (imported, not copied).
    Size: unlimited for a course: 1,000,000 numbers, over 200,000 dates, billions of lists. Sources have 1 to 31 tokens,
        mostly 2 to 22.
    Made: a seeded generator draws a number, a day or a list; both languages are written by the same library from
        the same value, so every pair is right as far as the library is.
    Good for: seeing alignment (the month changes its place, see `month_positions`), and seeing what a single vector
        cannot hold (lists of up to five quantities, by length).
    Flaws: a small world of some 145 words a language; no ambiguity; texts may change with the version of the CLDR, so
        tests ask the libraries. The CLDR writes "1 juillet" where French says "1er juillet": first days are left out.
    Splits: none of its own; the sources are distinct, see `course.data.splits`.
"""

import random
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache, lru_cache

from babel import Locale
from babel.dates import DateTimePattern
from babel.lists import format_list
from babel.units import format_unit
from num2words import num2words

from course.data.splits import Pair
from course.data.vocabulary import tokenize

LANGUAGES = ("en", "fr")
DATE_STYLES = ("long", "full", "medium")  # with month in letters: "short" is 7/14/29
DATE_SKELETONS = ("MMMMd", "yMMMM", "yMMM", "yMMMEd")  # the CLDR's names: month and day, month and year, …
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2099, 12, 31)
LONGEST_LIST = 5
# Those whose French is complete in the CLDR (a cup, for one, has no French name there).
UNITS = """
    length-kilometer length-meter length-centimeter length-mile length-foot length-inch length-light-year
    mass-kilogram mass-gram mass-tonne mass-pound mass-ounce volume-liter volume-teaspoon volume-drop
    duration-year duration-month duration-week duration-day duration-hour duration-minute duration-second
    area-square-meter area-hectare angle-degree temperature-celsius speed-kilometer-per-hour
    digital-byte digital-megabyte graphics-pixel energy-kilocalorie power-watt frequency-hertz force-newton
""".split()


def kinds() -> tuple[str, ...]:
    """The kinds of pairs that there are; "mixed" has all of them, in equal shares."""
    return (*_DRAW, "mixed")


def pairs(kind: str, n: int, seed: int = 0) -> list[Pair]:
    """Draw `n` pairs whose English sides are all distinct.

    Raises:
        ValueError: an unknown kind, or more pairs than the kind has.
    """
    if kind not in kinds():
        raise ValueError(f"kind is one of {', '.join(kinds())}, not {kind!r}")
    rng = random.Random(f"{kind} {seed}")
    if kind != "mixed":
        return _distinct(kind, n, rng)
    shares = {name: n // len(_DRAW) + (i < n % len(_DRAW)) for i, name in enumerate(_DRAW)}
    mixed = [pair for name, share in shares.items() for pair in _distinct(name, share, rng)]
    rng.shuffle(mixed)
    return mixed


def month_positions(pair: Pair) -> tuple[int, int]:
    """Where the month stands in a date: its token's index in `tokenize(english)` and in `tokenize(french)`.

    Raises:
        ValueError: a side does not name exactly one month.
    """
    english, french = (_month_position(text, code) for text, code in zip(pair, LANGUAGES, strict=True))
    return english, french


def _distinct(kind: str, n: int, rng: random.Random) -> list[Pair]:
    found: dict[str, Pair] = {}
    for _ in range(20 * n + 100):
        if len(found) == n:
            return list(found.values())
        pair = _DRAW[kind](rng)
        found.setdefault(pair.english, pair)
    raise ValueError(f"{n} distinct pairs are too many for {kind}: {len(found)} were found")


def _draw_number(rng: random.Random) -> Pair:
    """Small numbers are as likely as large ones, so that all lengths occur."""
    number = rng.randrange(10 ** rng.randint(1, 6))
    return _pair(*(num2words(number, lang=code) for code in LANGUAGES))


def _draw_date(rng: random.Random) -> Pair:
    day = FIRST_DAY
    while day.day == 1:
        day = FIRST_DAY + timedelta(days=rng.randrange((LAST_DAY - FIRST_DAY).days + 1))
    form = rng.choice(DATE_STYLES + DATE_SKELETONS)
    return _pair(*(_pattern(form, code).apply(day, _locale(code)) for code in LANGUAGES))


def _draw_units(rng: random.Random) -> Pair:
    quantities = [(_amount(rng), unit) for unit in rng.sample(UNITS, rng.randint(1, LONGEST_LIST))]
    style = rng.choice(("standard", "or"))
    return _pair(*(format_list([_quantity(*q, code) for q in quantities], style, code) for code in LANGUAGES))


_DRAW: dict[str, Callable[[random.Random], Pair]] = {
    "numbers": _draw_number,
    "dates": _draw_date,
    "units": _draw_units,
}


def _pair(english: str, french: str) -> Pair:
    """A pair with plain spaces; the CLDR's French has three kinds of them."""
    return Pair(" ".join(english.split()), " ".join(french.split()))


def _amount(rng: random.Random) -> int:
    """0 to 999, one to three digits with equal chance; above, the languages group digits differently."""
    return rng.randrange(10 ** rng.randint(1, 3))


# Babel parses a locale's patterns anew at each call; keeping them makes 12,000 pairs a matter of two seconds.
@lru_cache
def _locale(code: str) -> Locale:
    return Locale(code)


@lru_cache
def _pattern(form: str, code: str) -> DateTimePattern:
    locale = _locale(code)
    return locale.date_formats[form] if form in DATE_STYLES else locale.datetime_skeletons[form]


@cache
def _quantity(amount: int, unit: str, code: str) -> str:
    return format_unit(amount, unit, "long", locale=code)


@lru_cache
def _months(code: str) -> frozenset[str]:
    """The first tokens of all names of months, short and long."""
    months = _locale(code).months
    tables = [months[use][width] for use in ("format", "stand-alone") for width in ("wide", "abbreviated")]
    return frozenset(tokenize(name)[0] for table in tables for name in table.values())


def _month_position(text: str, code: str) -> int:
    found = [i for i, token in enumerate(tokenize(text)) if token in _months(code)]
    if len(found) != 1:
        raise ValueError(f"{text!r} names {len(found)} months; a date names one")
    return found[0]
