"""English sentences with their French, written by rules: the course's own synchronous grammar.

Datasheet
    What: seven families of sentences. "professions" (I am a student), "qualified" (she was an excellent engineer),
        "states" (are they very tired?), "crossing" (the animal didn't cross the street because it was too tired),
        "fitting" (the trophy doesn't fit into the suitcase because it is too small), "journeys" (we came back from
        the market yesterday) and "colours" (my red car is not clean).
    From: this file and `course.data.lexicon`. "crossing" follows the sentence with which Google's blog introduced the
        transformer (Uszkoreit 2017), "fitting" the Winograd schema (Levesque, Davis & Morgenstern 2012).
    Licence: the course's own, MIT.
    Size: see `families()`; over 340,000 distinct sentences of 3 to 13 English tokens, about 360 English and 560 French
        words.
    Made: a sentence is one choice out of each of a few lists. Both languages are written from the same choices, so
        agreement, elision and contraction are right by rule: "elle est allée à l'école", "d'excellentes étudiantes".
    Good for: gender that must be carried over a distance ("it" is il or elle by the noun it refers to), words that
        change their order, questions about what a head looks at: `it`, `referent` and `rival` give the places.
    Flaws: no two sentences are freely worded; some are odd ("the ant avoided the oasis"); "I", "you", "we" and "they"
        are masculine unless "female" is said, as French has it by default; "you" is always one person, "vous".
        Sentences are too short to overtax a fixed-length vector: use `course.data.cldr` for that.
    Splits: none of its own; English sentences are distinct, see `course.data.splits`.
"""

import math
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from course.data import lexicon
from course.data.lexicon import (
    FUTURE,
    HE,
    MASCULINE,
    ME,
    PAST,
    PERSONS,
    PRESENT,
    SHE,
    WOMEN,
    Adjective,
    Noun,
    Subject,
    Verb,
    an,
    before,
    contracted,
    sentence_case,
    several,
    singular,
    the,
)
from course.data.vocabulary import tokenize


class Sentence(NamedTuple):
    """A pair, and where "it" and the two nouns it could mean stand in `tokenize(english)`; None without an "it"."""

    english: str
    french: str
    family: str
    it: int | None = None
    referent: int | None = None
    rival: int | None = None


class Family(NamedTuple):
    """A rule and the lists it chooses from: its sentences are the product of the lists."""

    write: Callable[..., Sentence]
    choices: tuple[Sequence[Any], ...]

    @property
    def size(self) -> int:
        return math.prod(map(len, self.choices))

    def sentence(self, number: int) -> Sentence:
        """The sentence of this number: its digits, one base for each list, are the choices."""
        chosen = []
        for options in self.choices:
            number, digit = divmod(number, len(options))
            chosen.append(options[digit])
        return self.write(*chosen)


STATEMENT, NEGATION, QUESTION = "statement", "negation", "question"


def families() -> dict[str, int]:
    """The names of the families, and how many distinct sentences each has."""
    return {name: family.size for name, family in _FAMILIES.items()}


def sentences(n: int, seed: int = 0, family: str | None = None) -> list[Sentence]:
    """Draw `n` distinct sentences, of one family or in equal shares of all (a small one gives all it has).

    Raises:
        ValueError: an unknown family, or more sentences than there are.
    """
    if family is not None and family not in _FAMILIES:
        raise ValueError(f"family is one of {', '.join(_FAMILIES)}, not {family!r}")
    chosen = _FAMILIES if family is None else {family: _FAMILIES[family]}
    total = sum(member.size for member in chosen.values())
    if not 0 <= n <= total:
        raise ValueError(f"there are {total} sentences, not {n}")
    rng = random.Random(f"grammar {seed}")
    drawn: list[Sentence] = []
    smallest_first = sorted(chosen.values(), key=lambda member: member.size)
    for left, member in zip(range(len(chosen), 0, -1), smallest_first, strict=True):
        share = min(member.size, (n - len(drawn)) // left)
        drawn += [member.sentence(number) for number in rng.sample(range(member.size), share)]
    rng.shuffle(drawn)
    return drawn


def seeds() -> tuple[Sentence, ...]:
    """The four sentences that the lectures translate; `sentences` may draw them too."""
    student, tired, wide = lexicon.PROFESSIONS[0], lexicon.OF_ANIMALS[0], lexicon.OF_PLACES[0]
    animal, street = lexicon.ANIMALS[0], lexicon.PLACES[0]
    return (
        _profession(ME, PRESENT, STATEMENT, student),
        _profession(WOMEN[0], PRESENT, STATEMENT, student),
        _crossing(animal, lexicon.CROSSINGS[0], street, True, "too", tired),
        _crossing(animal, lexicon.CROSSINGS[0], street, True, "too", wide),
    )


def _profession(who: Subject, tense: int, mood: str, profession: Adjective) -> Sentence:
    """French names a profession without an article: "je suis étudiant"."""
    french = profession.form(who.gender, who.is_plural)
    return _being(who, tense, mood, _in_english(who, "", profession), french, "professions")


def _qualified(who: Subject, tense: int, mood: str, quality: Adjective, profession: Adjective) -> Sentence:
    """With an adjective the article is back: "un bon étudiant", "de bons étudiants"."""
    phrase = f"{quality.form(who.gender, who.is_plural)} {profession.form(who.gender, who.is_plural)}"
    if who.is_plural:
        french = before("de", phrase)
    else:
        french = f"{'un' if who.gender == MASCULINE else 'une'} {phrase}"
    return _being(who, tense, mood, _in_english(who, quality.english, profession), french, "qualified")


def _in_english(who: Subject, quality: str, profession: Adjective) -> str:
    """Say "female" where the pronoun does not."""
    female = "female" if who in WOMEN else ""
    noun = lexicon.english_plural(profession.english) if who.is_plural else profession.english
    phrase = _spaced(quality, female, noun)
    return phrase if who.is_plural else an(phrase)


def _state(who: Subject, tense: int, mood: str, degree: str, state: Adjective) -> Sentence:
    english = _spaced(degree, state.english)
    french = _spaced(lexicon.DEGREES[degree], state.form(who.gender, who.is_plural))
    return _being(who, tense, mood, english, french, "states")


def _being(who: Subject, tense: int, mood: str, english: str, french: str, family: str) -> Sentence:
    """Somebody is, was or will be something; or is not; or is the question."""
    be, etre = who.be[tense], who.etre[tense]
    first, *rest = be.split()
    if mood == QUESTION:
        hyphen = "-t-" if etre.endswith("a") else "-"  # sera-t-il
        return _sentence(
            f"{_spaced(first, who.english, *rest, english)}?", f"{etre}{hyphen}{who.french} {french} ?", family
        )
    if mood == NEGATION:
        return _sentence(_spaced(who.english, first, "not", *rest, english), f"{_not(who, etre)} {french}", family)
    return _sentence(f"{who.english} {be} {english}", f"{_clause(who, etre)} {french}", family)


def _crossing(animal: Noun, verb: Verb, place: Noun, negated: bool, degree: str, adjective: Adjective) -> Sentence:
    """What "it" is follows from the adjective: animals are tired, streets are wide."""
    who = singular(f"the {animal.english}", the(animal), animal.gender)
    english, french = _past(who, verb, place, negated)
    referent, rival = (animal, place) if adjective in lexicon.OF_ANIMALS else (place, animal)
    return _because(english, french, PAST, degree, adjective, referent, rival, "crossing")


def _fitting(thing: Noun, container: Noun, tense: int, adjective: Adjective) -> Sentence:
    helper = ("doesn't", "didn't", "won't")[tense]
    verb = ("rentre", "rentrait", "rentrera")[tense]
    english = f"the {thing.english} {helper} fit into the {container.english}"
    french = f"{the(thing)} ne {verb} pas dans {the(container)}"
    referent, rival = (thing, container) if adjective in lexicon.OF_THINGS else (container, thing)
    return _because(english, french, tense, "too", adjective, referent, rival, "fitting")


def _because(
    english: str, french: str, tense: int, degree: str, adjective: Adjective, referent: Noun, rival: Noun, family: str
) -> Sentence:
    it = HE if referent.gender == MASCULINE else SHE
    english = f"{english} because it {it.be[tense]} {degree} {adjective.english}"
    french = f"{french} car {it.french} {it.etre[tense]} {lexicon.DEGREES[degree]} {adjective.form(it.gender)}"
    places = [tokenize(english).index(word) for word in ("it", referent.english, rival.english)]
    return _sentence(english, french, family)._replace(it=places[0], referent=places[1], rival=places[2])


def _journey(who: Subject, verb: Verb, place: Noun, negated: bool, time: str) -> Sentence:
    english, french = _past(who, verb, place, negated)
    return _sentence(_spaced(english, time), _spaced(french, lexicon.TIMES[time]), "journeys")


def _past(who: Subject, verb: Verb, place: Noun, negated: bool) -> tuple[str, str]:
    """A participle with "être" agrees with its subject, one with "avoir" does not."""
    if verb.auxiliary == "être":
        auxiliary = who.etre[PRESENT]
        participle = Adjective("", verb.participle, verb.participle + "e").form(who.gender, who.is_plural)
    else:
        auxiliary, participle = who.avoir, verb.participle
    clause = _not(who, auxiliary) if negated else _clause(who, auxiliary)
    did = f"didn't {verb.english}" if negated else verb.english_past
    return f"{who.english} {did} the {place.english}", f"{clause} {participle} {contracted(verb.preposition, place)}"


def _colour(
    owner: str, thing: Noun, is_plural: bool, colour: Adjective, tense: int, negated: bool, look: Adjective
) -> Sentence:
    """The colour stands before the noun in English and behind it in French."""
    noun = lexicon.english_plural(thing.english) if is_plural else thing.english
    french = the(thing, is_plural) if owner == "the" else lexicon.possessive(owner, thing, is_plural)
    subject = (several if is_plural else singular)(
        f"{owner} {colour.english} {noun}", f"{french} {colour.form(thing.gender, is_plural)}", thing.gender
    )
    mood = NEGATION if negated else STATEMENT
    return _being(subject, tense, mood, look.english, look.form(thing.gender, is_plural), "colours")


def _clause(who: Subject, verb: str) -> str:
    """ "je suis", "j'étais"."""
    return before("je", verb) if who.french == "je" else f"{who.french} {verb}"


def _not(who: Subject, verb: str) -> str:
    """ "je ne suis pas", "elle n'est pas"."""
    return f"{who.french} {before('ne', verb)} pas"


def _spaced(*words: str) -> str:
    return " ".join(word for word in words if word)


def _sentence(english: str, french: str, family: str) -> Sentence:
    return Sentence(sentence_case(english), sentence_case(french), family)


_TENSES, _MOODS, _YES_NO = (PRESENT, PAST, FUTURE), (STATEMENT, NEGATION, QUESTION), (False, True)
_STRONG_DEGREES = ("too", "very", "so")
_FAMILIES = {
    "professions": Family(_profession, ((*PERSONS, *WOMEN), _TENSES, _MOODS, lexicon.PROFESSIONS)),
    "qualified": Family(_qualified, ((*PERSONS, *WOMEN), _TENSES, _MOODS, lexicon.QUALITIES, lexicon.PROFESSIONS)),
    "states": Family(_state, (PERSONS, _TENSES, _MOODS, tuple(lexicon.DEGREES), lexicon.STATES)),
    "crossing": Family(
        _crossing,
        (
            lexicon.ANIMALS,
            lexicon.CROSSINGS,
            lexicon.PLACES,
            _YES_NO,
            _STRONG_DEGREES,
            lexicon.OF_ANIMALS + lexicon.OF_PLACES,
        ),
    ),
    "fitting": Family(
        _fitting,
        (lexicon.THINGS, lexicon.CONTAINERS, _TENSES, lexicon.OF_THINGS + lexicon.OF_CONTAINERS),
    ),
    "journeys": Family(_journey, (lexicon.TRAVELLERS, lexicon.MOVES, lexicon.TOWN, _YES_NO, tuple(lexicon.TIMES))),
    "colours": Family(
        _colour,
        (
            ("the", *lexicon.POSSESSIVES),
            lexicon.BELONGINGS,
            _YES_NO,
            lexicon.COLOURS,
            (PRESENT, PAST),
            _YES_NO,
            lexicon.LOOKS,
        ),
    ),
}
