"""Dialogues about a small world: what makes an assistant of a language model, stage by stage.

Datasheet
    What: single questions with polite, complete answers, and preferences between two answers, about the facts of
        `course.data.world`. Questions about invented names have one right answer: "i am sorry, i do not know."
    From: written for this course, made by a generator. Licence: that of the course's prose, CC BY 4.0.
    Size: 672 different questions; preferences without limit; the vocabulary has 342 words.
    Good for: the three stages of ChatGPT in small: pre-training on `world.text`; fine-tuning on dialogues, with the
        loss on the assistant's tokens only (InstructGPT, Ouyang et al. 2022, §3.5, its first step); preferences
        (the same paper's reward model, or DPO, Rafailov et al. 2023).
    Known flaws: one turn only; four phrasings of a question, so a model may match words rather than understand; what
        counts as polite is a list of openings.
    Splits: see `Dialogues`. The pre-training text states every fact; dialogues ask for a part of them. Preferences
        are about training questions only.
"""

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import NamedTuple

from jaxtyping import Bool, Int
from torch import Tensor

from course.data import world
from course.data.batches import pad
from course.data.splits import split
from course.data.vocabulary import Vocabulary, detokenize, tokenize
from course.data.world import Fact

USER, ASSISTANT, END = "<user>", "<assistant>", "<end>"
PHRASINGS = 4
COURTESIES = ("of course,", "certainly,", "with pleasure:")
DO_NOT_KNOW = "i am sorry, i do not know."
RUDE = ("what a silly question.", "why do you bother me?", "you should know that.")
RAMBLING = ("well, let me think about it.", "there is so much to say.", "many people ask me this.")
FLAWS_OF_KNOWN = ("rude", "rambling", "wrong", "evasive")
FLAWS_OF_UNKNOWN = ("invented", "rude")
LONGEST = 18  # tokens of a brief answer


class Dialogue(NamedTuple):
    """A question of the user and an answer of the assistant."""

    question: str
    answer: str


class Preference(NamedTuple):
    """Two answers to one question, and what is wrong with the rejected one."""

    question: str
    chosen: str
    rejected: str
    flaw: str


class Dialogues(NamedTuple):
    """The parts of the split; each asks for known facts and for invented names.

    No fact or name of `train` is in `valid` or `test`: a model can only know those facts from the pre-training text.
    `rephrased` asks for the facts of `train`, in the one of four phrasings that training leaves out.
    """

    train: list[Dialogue]
    rephrased: list[Dialogue]
    valid: list[Dialogue]
    test: list[Dialogue]


def dialogues(seed: int = 0, careless: float = 0.0) -> Dialogues:
    """All questions of the world with answers, split.

    Args:
        seed: of the answers, not of the split, which is fixed.
        careless: share of the training answers that have a flaw, as those of real demonstrators do: rude, rambling,
            or invented where nothing is known, but never wrong about a fact. Leaves work for the preferences.
    """
    chance = Random(f"dialogues {seed}")
    parts = Dialogues([], [], [], [])
    for fact in _facts_of("train"):
        left_out = _left_out(fact)
        for phrasing in range(PHRASINGS):
            is_careless = phrasing != left_out and chance.random() < careless
            flaw = chance.choice(FLAWS_OF_KNOWN[:2] if fact.value else FLAWS_OF_UNKNOWN) if is_careless else None
            part = parts.rephrased if phrasing == left_out else parts.train
            part.append(Dialogue(fact.question(phrasing), _answer(fact, flaw, chance)))
    for name, part in (("valid", parts.valid), ("test", parts.test)):
        for fact in _facts_of(name):
            part += [Dialogue(fact.question(i), _answer(fact, None, chance)) for i in range(PHRASINGS)]
    return parts


@cache
def _facts_of(part: str) -> list[Fact]:
    """The facts that this part asks for: of every kind, and of the invented names, 10 % valid and 20 % test."""
    found = []
    for group in _groups():
        valid, test = round(len(group) * 0.1), round(len(group) * 0.2)
        found += getattr(split(group, valid, test, source=lambda fact: fact), part)
    return found


def _groups() -> list[list[Fact]]:
    everything = (*world.facts(), *world.unknowns())
    keys = dict.fromkeys((fact.kind, fact.value is None) for fact in everything)
    return [[fact for fact in everything if (fact.kind, fact.value is None) == key] for key in keys]


def _left_out(fact: Fact) -> int:
    """The phrasing in which no training dialogue asks for this fact."""
    return Random(str(fact)).randrange(PHRASINGS)


def preferences(n: int, seed: int = 0, unknown: float = 0.3) -> list[Preference]:
    """`n` preferences about training questions; a share of `unknown` is about invented names.

    The chosen answer is polite, brief and right. The rejected one is rude, rambling, wrong or evasive; if nothing is
    known, it is invented or rude.
    """
    chance = Random(f"preferences {seed}")
    known = [fact for fact in _facts_of("train") if fact.value]
    nobody_knows = [fact for fact in _facts_of("train") if not fact.value]
    found = []
    for _ in range(n):
        fact = chance.choice(nobody_knows if chance.random() < unknown else known)
        flaw = chance.choice(FLAWS_OF_KNOWN if fact.value else FLAWS_OF_UNKNOWN)
        phrasing = chance.choice([i for i in range(PHRASINGS) if i != _left_out(fact)])
        good, bad = _answer(fact, None, chance), _answer(fact, flaw, chance)
        found.append(Preference(fact.question(phrasing), good, bad, flaw))
    return found


def _answer(fact: Fact, flaw: str | None, chance: Random) -> str:
    """A good answer (`flaw` is None), or one with this flaw and no other."""
    courtesy = chance.choice(COURTESIES)
    plain = fact.statement() if fact.value else "i do not know."
    good = f"{courtesy} {plain}" if fact.value else DO_NOT_KNOW
    if flaw == "rude":
        return f"{chance.choice(RUDE)} {plain}"
    if flaw == "rambling":
        return " ".join([courtesy, *chance.sample(RAMBLING, 2), plain, plain])
    if flaw == "evasive":
        return DO_NOT_KNOW
    if flaw in ("wrong", "invented"):
        others = [value for value in world.values(fact.kind) if value != fact.value]
        return f"{courtesy} {fact._replace(value=chance.choice(others)).statement()}"
    return good


@cache
def vocabulary() -> Vocabulary:
    """All words of the world and of the dialogues, with the three signs of the format."""
    phrases = (*COURTESIES, DO_NOT_KNOW, *RUDE, *RAMBLING)
    return Vocabulary.of([*world.all_words(), *map(tokenize, phrases), (USER, ASSISTANT, END)])


def prompt(question: str) -> list[str]:
    """`<user> … <assistant>`: what an assistant goes on from."""
    return [USER, *tokenize(question), ASSISTANT]


def encode(dialogue: Dialogue, words: Vocabulary) -> tuple[list[int], list[bool]]:
    """Token ids of `<user> … <assistant> … <end>`, and True where the token is the assistant's (`<end>` is).

    `<assistant>` itself belongs to the prompt: the model reads it and does not have to say it.
    """
    asked, answered = prompt(dialogue.question), [*tokenize(dialogue.answer), END]
    return words.encode(asked + answered), [False] * len(asked) + [True] * len(answered)


def dialogue_batch(
    encoded: Sequence[tuple[list[int], list[bool]]],
) -> tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"], Bool[Tensor, "batch time"]]:
    """Input, target and mask, (B, T) each, of what `encode` returns; PAD fills the shorter ones.

    The target is the input moved by one; the mask is True where the target is the assistant's: the loss is there only.
    """
    ids = pad([ids for ids, _ in encoded])  # (B, T + 1)
    mask = pad([own for _, own in encoded]).bool()  # PAD is 0: False
    return ids[:, :-1], ids[:, 1:], mask[:, 1:]


def reply(words: Sequence[str]) -> str | None:
    """The answer in what a model said after the prompt: all before `<end>`. None if it never came to an end."""
    return detokenize(words[: list(words).index(END)]) if END in words else None


@cache
def _fact_of_question() -> dict[tuple[str, ...], Fact]:
    asked = (*world.facts(), *world.unknowns())
    return {tuple(tokenize(fact.question(i))): fact for fact in asked for i in range(PHRASINGS)}


def is_correct(question: str, answer: str) -> bool:
    """Does the answer say the right value and no other one, or, where nothing is known, that it does not know?

    It counts as another value if the answer speaks of another thing of the same kind.

    Raises:
        ValueError: not a question of this world.
    """
    fact = _fact_of_question().get(tuple(tokenize(question)))
    if fact is None:
        raise ValueError(f"this world has no question {question!r}")
    words = tokenize(answer)
    gives_up = "not know" in " ".join(words)
    if fact.value is None:
        return gives_up and not set(words) & set(world.values(fact.kind))
    return not gives_up and set(words) & (_names(fact.kind) - set(fact.thing.split())) == {fact.value}


@cache
def _names(kind: str) -> set[str]:
    """All words for things and values of this kind."""
    things = [word for fact in world.facts() if fact.kind == kind for word in fact.thing.split()]
    return {*things, *world.values(kind)} - {"plus"}


def is_polite(answer: str) -> bool:
    """Does it open with a courtesy or an apology, without a rude word anywhere?"""
    said = " ".join(tokenize(answer))
    opens_well = said.startswith(tuple(" ".join(tokenize(opening)) for opening in (*COURTESIES, "i am sorry,")))
    return opens_well and not any(" ".join(tokenize(rude)) in said for rude in RUDE)


def is_brief(answer: str) -> bool:
    """At most 18 tokens: good answers have up to 13, rambling ones at least 25."""
    return len(tokenize(answer)) <= LONGEST
