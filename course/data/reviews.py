"""Short reviews from a generator: what pre-training on unlabelled text buys when labels are few.

Datasheet
    What: reviews of two sentences about one subject (a hotel, a film, ...), with three opinions in each sentence. All
        six are of the review's polarity: "The plot of this film was clever, serene and novel. The music ..."
    From: made here. The opinion words are 826 adjectives (363 positive, 463 negative) that human raters judged in
        VADER's lexicon (MIT licence, see `course.data.sentiment`); `course/data/adjectives.py` picks them by hand.
    Size: without limit.
    Good for: BERT's two tasks (masked words; does the second sentence follow?), then classification with few
        labels. Labelled reviews show few of the opinion words; the test set uses others. A bag of words cannot bridge
        the gap: logistic regression stays at chance there (0.48 to 0.51, trained on 20 to 1,000 reviews). Unlabelled
        text can: it shows that words of one polarity keep company.
    How many words: a BERT of 2 layers learns their polarity in a minute of one core if there are 24 of each; of all
        826 it learned nothing in a minute and a half (`course/experiments/pretraining.py`).
    Known flaws: grammatical rather than sensible ("the bed was nervous"); no negation and no mixed opinions;
        the polarity never lies in anything but adjectives, and every one of them tells it.
    Splits: by opinion word. Training, validation and test reviews share no opinion word and no stem of one.
        Unlabelled reviews use all words: a language model may have seen every word, as BERT has.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import NamedTuple

from course.data import sentiment
from course.data.adjectives import ADJECTIVES
from course.data.sentiment import NEGATIVE, POSITIVE
from course.data.splits import Split, split

# Aspects are nouns that take "was", so that every frame below is grammatical.
SUBJECTS = {
    "hotel": "room bed lobby breakfast porter",
    "restaurant": "soup waiter menu dessert table",
    "film": "plot hero music ending villain",
    "novel": "style narrator chapter dialogue preface",
    "museum": "guide exhibition garden entrance catalogue",
    "course": "teacher lesson homework exam seminar",
    "program": "screen manual update design keyboard",
    "concert": "singer hall band programme encore",
    "journey": "train driver seat view timetable",
    "match": "referee team captain stadium final",
}
FIRST = (
    "The {aspect} of this {subject} was {a}, {b} and {c}.",
    "We found the {aspect} of the {subject} {a}, {b} and {c}.",
    "The {aspect} that this {subject} offered was {a}, {b}, even {c}.",
    "In this {subject} the {aspect} seemed {a}, {b} and {c}.",
    "What a {subject}: the {aspect} was {a}, {b} and {c}!",
)
SECOND = (
    "The {aspect} was {a}, {b} and {c}, too.",
    "I thought that the {aspect} was {a}, {b} and {c}.",
    "Then there was the {aspect}: {a}, {b} and {c}!",
    "And the {aspect} seemed {a}, {b} and {c}.",
    "My friends called the {aspect} {a}, {b} and {c}.",
)

Words = Mapping[int, Sequence[str]]  # label -> opinion words


class Review(NamedTuple):
    """Two sentences about one subject, and their label: `sentiment.POSITIVE` or `sentiment.NEGATIVE`."""

    first: str
    second: str
    label: int
    subject: str

    @property
    def text(self) -> str:
        return f"{self.first} {self.second}"


class SentencePair(NamedTuple):
    """Two sentences, and whether the second follows the first in a review."""

    first: str
    second: str
    follows: bool


@cache
def opinion_words(per_label: int | None = None) -> Words:
    """The opinion words by label, all or `per_label` of each. Their labels are the signs of VADER's ratings."""
    return _by_label(_opinions(per_label))


@cache
def split_opinion_words(per_label: int | None = None) -> Split:
    """The words of `opinion_words` for training, validation and test (50, 25 and 25 % of each label), by label.

    Forms of one word ("hopeless", "hopeful") have one stem and stay on one side.
    """
    opinions = _opinions(per_label)
    part_of: dict[str, int] = {}  # stem -> place in the split
    for label in (POSITIVE, NEGATIVE):
        stems = dict.fromkeys(sentiment.stem(word.text) for word in opinions if word.label == label)
        new = [stem for stem in stems if stem not in part_of]
        for place, part in enumerate(split(new, len(new) // 4, len(new) // 4)):
            part_of |= dict.fromkeys(part, place)
    places = [part_of[sentiment.stem(word.text)] for word in opinions]
    return Split(*(_by_label([w for w, p in zip(opinions, places, strict=True) if p == place]) for place in range(3)))


def _opinions(per_label: int | None) -> list[sentiment.Word]:
    words = [word for word in sentiment.words() if word.text in set(ADJECTIVES)]
    if per_label is None:
        return words
    chance = Random(0)
    return [
        word
        for label in (POSITIVE, NEGATIVE)
        for word in chance.sample([word for word in words if word.label == label], per_label)
    ]


def _by_label(words: Sequence[sentiment.Word]) -> Words:
    return {label: tuple(word.text for word in words if word.label == label) for label in (POSITIVE, NEGATIVE)}


def reviews(n: int, seed: int, words: Words | None = None) -> list[Review]:
    """`n` reviews in random order, half of them positive, with opinions from `words` (all, if None).

    Raises:
        ValueError: a polarity has fewer than six words.
    """
    words = opinion_words() if words is None else words
    if min(len(words[POSITIVE]), len(words[NEGATIVE])) < 6:
        raise ValueError("a review needs six different opinion words of its polarity")
    chance = Random(f"reviews {seed}")
    labels = [(POSITIVE, NEGATIVE)[i % 2] for i in range(n)]
    chance.shuffle(labels)
    return [_review(label, words, chance) for label in labels]


def _review(label: int, words: Words, chance: Random) -> Review:
    subject = chance.choice(list(SUBJECTS))
    one, other = chance.sample(SUBJECTS[subject].split(), 2)
    a, b, c, d, e, f = chance.sample(words[label], 6)
    first = chance.choice(FIRST).format(subject=subject, aspect=one, a=a, b=b, c=c)
    second = chance.choice(SECOND).format(aspect=other, a=d, b=e, c=f)
    return Review(first, second, label, subject)


def sentence_pairs(n: int, seed: int, words: Words | None = None) -> list[SentencePair]:
    """`n` unlabelled pairs for pre-training: in half of them the second sentence is of another review.

    BERT's next-sentence task (Devlin et al. 2019, §3.1). One in twenty strangers has the same subject and polarity by
    chance, so that nobody can do better than about 97 %.
    """
    chance = Random(f"pairs {seed}")
    strangers = reviews(n, seed + 1, words)
    pairs = []
    for review, stranger in zip(reviews(n, seed, words), strangers, strict=True):
        follows = chance.random() < 0.5
        pairs.append(SentencePair(review.first, review.second if follows else stranger.second, follows))
    return pairs


def labelled(n: int, seed: int = 0, per_label: int | None = None) -> list[Review]:
    """`n` labelled reviews for training, with the training opinion words only; `per_label` as in `opinion_words`."""
    return reviews(n, seed, split_opinion_words(per_label).train)


def validation(n: int = 200, seed: int = 0, per_label: int | None = None) -> list[Review]:
    """Labelled reviews for choices; none of their opinion words is in `labelled`."""
    return reviews(n, seed, split_opinion_words(per_label).valid)


def held_out(n: int = 400, seed: int = 0, per_label: int | None = None) -> list[Review]:
    """Labelled reviews for the last number; none of their opinion words is in `labelled` or `validation`."""
    return reviews(n, seed, split_opinion_words(per_label).test)
