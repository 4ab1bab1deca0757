"""Sentiment: sentences of the course's own, and words with human ratings.

Datasheet of the sentences
    What: 210 English sentences by a pleased or a displeased speaker, 14 in each of 15 topics, 7 of each label.
        78 are tricky: negation ("not bad at all"), contrast ("beautiful, but ..."), comparison, mild irony.
    From: written for this course (`sentiment_sentences.py`). Licence: that of the course's prose, CC BY 4.0.
    Good for: a small classifier on a pre-trained encoder; where a bag of words fails and why.
    Known flaws: one author's English and one author's judgement; no neutral sentences; much too few to train a
        network from scratch.
    Splits: fixed, 120 / 30 / 60; each with as many pleased as displeased, and its share of tricky ones.

Datasheet of the words
    What: English words with the mean of ten people's ratings, from -4 (most negative) to 4 (most positive).
    From: the lexicon of vaderSentiment (3.3.2), MIT licence; Hutto and Gilbert, "VADER: A Parsimonious
        Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014.
    Size: about 5,300 of its 7,520 entries: plain lower-case words of 3 letters or more whose |mean| is at least 1.
    Good for: sentiment with few labels; the opinion words of `course.data.reviews`.
    Known flaws: many rare derivations ("charitableness") and chat abbreviations ("lol"); the raters saw the words
        without context. Slurs and obscenities are left out here, by their beginnings (`COARSE`).
    Splits: by stem, so that no test word is a form of a training word (`split_words`).
"""

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from course.data.sentiment_sentences import SENTENCES
from course.data.splits import Split, split
from course.errors import CourseError

POSITIVE, NEGATIVE = 1, 0
STEM = 5  # letters

# Entries that begin so have no place on a slide.
COARSE = re.compile(
    "arse|ass$|assf|asshole|badass|bastard|bitch|bloody|bullshit|cock|crap|cunt|damn|dick|dipshit|douche|dumbass|effin|"
    "fag|fuck|fuk|goddam|jackass|mofo|molest|motherfuck|nigga|nigger|piss|prick|puke|pukin|rape|raping|rapist|retard|"
    "screw|sexy|shit|shylock|slut|smartass|suck|tard|twat|wank|whore|wiseass"
)


class Sentence(NamedTuple):
    """One sentence, its label (`POSITIVE` or `NEGATIVE`), its topic, and whether its single words mislead."""

    text: str
    label: int
    topic: str
    tricky: bool


class Word(NamedTuple):
    """A word and the mean of its ratings, from -4 to 4, never nearer to 0 than 1."""

    text: str
    valence: float

    @property
    def label(self) -> int:
        return POSITIVE if self.valence > 0 else NEGATIVE


def sentences() -> list[Sentence]:
    """All sentences, topic by topic."""
    return [
        Sentence(text, POSITIVE if mark[0] == "+" else NEGATIVE, topic, mark.endswith("?"))
        for topic, entries in SENTENCES.items()
        for mark, text in entries
    ]


def split_sentences() -> Split:
    """The fixed split: 120 sentences for training, 30 for validation, 60 for test; in each, labels are balanced.

    The tricky ones are shared out in proportion: 46 / 10 / 22.
    """
    parts = Split([], [], [])
    for label in (POSITIVE, NEGATIVE):
        for tricky, valid, test in ((False, 10, 19), (True, 5, 11)):
            alike = [sentence for sentence in sentences() if (sentence.label, sentence.tricky) == (label, tricky)]
            for part, chosen in zip(parts, split(alike, valid, test), strict=True):
                part.extend(chosen)
    return parts


@cache
def words() -> tuple[Word, ...]:
    """The rated words, in the alphabet's order.

    Raises:
        CourseError: vaderSentiment is not installed, or its lexicon is not what it was.
    """
    entries = [line.split("\t") for line in _lexicon().splitlines()]
    try:
        mean = {entry[0]: float(entry[1]) for entry in entries}  # a few words stand there twice: the last one counts
    except (IndexError, ValueError):
        raise CourseError("vader_lexicon.txt is damaged: pip install --force-reinstall vaderSentiment") from None
    return tuple(Word(text, mean[text]) for text in sorted(mean) if abs(mean[text]) >= 1 and _is_plain(text))


def _lexicon() -> str:
    try:
        return (files("vaderSentiment") / "vader_lexicon.txt").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        raise CourseError("the rated words come with vaderSentiment: pip install vaderSentiment") from None


def _is_plain(word: str) -> bool:
    return re.fullmatch("[a-z]{3,}", word) is not None and not COARSE.match(word)


@cache
def _short_words() -> frozenset[str]:
    return frozenset(word.text for word in words() if len(word.text) < STEM)


def stem(word: str) -> str:
    """The beginning that forms of one word share: a rated word of 3 or 4 letters, else the first 5 letters.

    "hateful" and "hate" have the stem "hate"; "charming" and "charms" have "charm".
    """
    short = (word[:n] for n in range(3, STEM) if word[:n] in _short_words())
    return next(short, word[:STEM])


def split_words(seed: int = 0) -> Split:
    """Training, validation and test words (60, 15 and 25 % of the stems); no stem stands on two sides."""
    stems = len({stem(word.text) for word in words()})
    return split(words(), valid=stems * 15 // 100, test=stems // 4, seed=seed, source=lambda word: stem(word.text))
