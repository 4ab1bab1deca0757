"""A small closed world: facts that anybody can check, and the sentences that state them and ask for them.

Datasheet
    What: 144 facts of seven kinds (capitals, colours, food, young animals, opposites, what comes after a day or a
        month, sums of number words), each with 4 statements and 4 questions; 24 invented names about which nothing is
        known; and a text (`text`) that states every fact, among stories and lists of questions.
    From: written for this course; the facts are general knowledge. Licence: that of the course's prose, CC BY 4.0.
    Size: facts as below; text without limit, about 15 tokens a line, 311 different words.
    Good for: the pre-training of a small GPT that `course.data.dialogues` then turns into an assistant.
    Known flaws: every question has one answer here, and the real world has more (a cow eats hay, too); the stories
        are there for their words and mean little; sums are too few to learn addition from, they are learnt by heart.
    Splits: none here: the text holds all facts. `course.data.dialogues` says which of them a dialogue asks for.
"""

import re
from functools import cache
from random import Random
from typing import NamedTuple

from course.data.vocabulary import tokenize

# kind -> lines of "thing value"
FACTS = {
    "capital": """
        france paris, italy rome, spain madrid, germany berlin, portugal lisbon, austria vienna, greece athens,
        poland warsaw, norway oslo, sweden stockholm, denmark copenhagen, finland helsinki, ireland dublin,
        hungary budapest, japan tokyo, china beijing, egypt cairo, kenya nairobi, cuba havana, peru lima""",
    "colour": """
        grass green, snow white, coal black, blood red, butter yellow, chocolate brown, ash grey, milk white,
        tar black, honey golden, jade green, ruby red, sapphire blue, mud brown""",
    "food": """
        cow grass, horse hay, panda bamboo, squirrel nuts, owl mice, lion meat, bee nectar, seal fish, anteater ants,
        spider flies, rabbit carrots, monkey bananas, caterpillar leaves, hen seeds""",
    "young": """
        dog puppy, cat kitten, cow calf, sheep lamb, horse foal, goat kid, duck duckling, goose gosling, hen chick,
        lion cub, seal pup, swan cygnet, deer fawn, kangaroo joey""",
    "opposite": """
        hot cold, big small, old young, fast slow, light dark, full empty, high low, rich poor, early late, hard soft,
        long short, wet dry, loud quiet, open closed""",
    "next": """
        monday tuesday, tuesday wednesday, wednesday thursday, thursday friday, friday saturday, saturday sunday,
        sunday monday, january february, february march, march april, april may, may june, june july, july august,
        august september, september october, october november, november december, december january""",
}
NUMBERS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen".split()
TERMS = 7  # sums go from one plus one to seven plus seven

STATEMENTS = {
    "capital": (
        "the capital of {thing} is {value}.",
        "{value} is the capital of {thing}.",
        "{thing} has a capital that is called {value}.",
        "in {thing} we visited the capital, {value}.",
    ),
    "colour": (
        "the colour of {thing} is {value}.",
        "{thing} is {value}.",
        "as you can see, {thing} has a {value} colour.",
        "it was {value}, the colour of {thing}.",
    ),
    "food": (
        "the {thing} likes to eat {value}.",
        "every {thing} eats {value}.",
        "we gave the {thing} some {value}, and it was happy.",
        "{value}: that is what the {thing} wants to eat.",
    ),
    "young": (
        "the young of the {thing} is called a {value}.",
        "a young {thing} is a {value}.",
        "we saw a {thing} with its little {value}.",
        "a {value} will one day be a big {thing}.",
    ),
    "opposite": (
        "the opposite of {thing} is {value}.",
        "what is not {thing} may be {value}.",
        "it was not {thing} at all, it was {value}.",
        "{thing} and {value} are opposites.",
    ),
    "next": (
        "after {thing} comes {value}.",
        "first it is {thing}, then it is {value}.",
        "{thing} was over and {value} began.",
        "{value} is what follows {thing}.",
    ),
    "sum": (
        "{thing} is {value}.",
        "{thing} makes {value}.",
        "if you add {thing} you get {value}.",
        "we get {value} from {thing}.",
    ),
}
QUESTIONS = {
    "capital": (
        "what is the capital of {thing}?",
        "which city is the capital of {thing}?",
        "tell me the capital of {thing}.",
        "can you name the capital of {thing}?",
    ),
    "colour": (
        "what is the colour of {thing}?",
        "which colour does {thing} have?",
        "tell me the colour of {thing}.",
        "can you name the colour of {thing}?",
    ),
    "food": (
        "what does the {thing} eat?",
        "which food does the {thing} like?",
        "tell me what the {thing} likes to eat.",
        "can you say what the {thing} eats?",
    ),
    "young": (
        "what is the young of the {thing} called?",
        "which name does a young {thing} have?",
        "tell me the name for the young of the {thing}.",
        "can you name the young of the {thing}?",
    ),
    "opposite": (
        "what is the opposite of {thing}?",
        "which word is the opposite of {thing}?",
        "tell me the opposite of {thing}.",
        "can you name the opposite of {thing}?",
    ),
    "next": (
        "what comes after {thing}?",
        "which one follows {thing}?",
        "tell me what comes after {thing}.",
        "can you say what follows {thing}?",
    ),
    "sum": (
        "what is {thing}?",
        "which number is {thing}?",
        "tell me what {thing} makes.",
        "can you add {thing}?",
    ),
}
# The kinds that one can ask about a name nobody has heard of.
INVENTED = {
    "capital": "blorp zindo narvia quell ostara limbu tarsk ponto velm drasko irgan mubria".split(),
    "food": "wug snark grindle moffet pliff tove yarp bombat frindle zizzle humpel drobe".split(),
}
STORIES = (
    "{who} went to {country} by {ride}.",
    "{who} lived in {country} for {number} years.",
    "the king of {country} has {number} houses.",
    "{who} saw the {animal} near the {spot}.",
    "the {animal} slept under the {spot}.",
    "in {country} the {animal} lives behind the {spot}.",
    "on {day} {who} read a {quality} book about the {animal}.",
    "{who} said that the {spot} was {quality}.",
    "the {animal} ran from the {spot} to the {other}.",
)
FILLERS = {
    "who": ("he", "she", "my friend", "the old man", "the queen", "our teacher", "a child"),
    "ride": ("train", "boat", "bus"),
    "spot": ("tree", "river", "bridge", "garden", "wall"),
    "other": ("lake", "hill", "door"),
    "quality": ("strange", "nice", "boring", "useful"),
    "day": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "number": tuple(NUMBERS[1:]),
}


class Fact(NamedTuple):
    """Something true of this world: the `value` of a `thing`, in one respect. No value: nobody knows it."""

    kind: str
    thing: str
    value: str | None

    def statement(self, phrasing: int = 0) -> str:
        """One of the sentences that state the fact."""
        return STATEMENTS[self.kind][phrasing].format(thing=self.thing, value=self.value)

    def question(self, phrasing: int) -> str:
        """One of the sentences that ask for the value."""
        return QUESTIONS[self.kind][phrasing].format(thing=self.thing)


@cache
def facts() -> tuple[Fact, ...]:
    """All facts, kind by kind."""
    listed = [Fact(kind, *entry.split()) for kind, lines in FACTS.items() for entry in lines.split(",")]
    terms = range(1, TERMS + 1)
    sums = [Fact("sum", f"{NUMBERS[a - 1]} plus {NUMBERS[b - 1]}", NUMBERS[a + b - 1]) for a in terms for b in terms]
    return (*listed, *sums)


@cache
def values(kind: str) -> tuple[str, ...]:
    """All answers that a question of this kind can have, in the order of the facts."""
    return tuple(dict.fromkeys(fact.value for fact in facts() if fact.kind == kind))


@cache
def unknowns() -> tuple[Fact, ...]:
    """Facts without a value, about invented names."""
    return tuple(Fact(kind, name, None) for kind, names in INVENTED.items() for name in names)


@cache
def fillers() -> dict[str, tuple[str, ...]]:
    """What fills the gaps of the stories. Known and invented names come alike: only statements tell them apart."""
    things = {kind: [fact.thing for fact in facts() if fact.kind == kind] for kind in INVENTED}
    return FILLERS | {
        "country": (*things["capital"], *INVENTED["capital"]),
        "animal": (*things["food"], *INVENTED["food"]),
    }


def story(chance: Random) -> str:
    """A sentence that states no fact."""
    return chance.choice(STORIES).format(**{gap: chance.choice(words) for gap, words in fillers().items()})


def quiz(chance: Random) -> str:
    """Two to four questions in a row, without answers: what a language model takes a question to be followed by."""
    asked = chance.sample(facts(), chance.randint(2, 4))
    return " ".join(fact.question(chance.randrange(4)) for fact in asked)


def paragraph(chance: Random) -> str:
    """Two statements of one fact. Who reads on has to look back at what the first was about."""
    fact = chance.choice(facts())
    return " ".join(fact.statement(phrasing) for phrasing in chance.sample(range(4), 2))


def answered(chance: Random) -> str:
    """A question and a statement that answers it, as pages of frequent questions have them."""
    fact = chance.choice(facts())
    return f"{fact.question(chance.randrange(4))} {fact.statement(chance.randrange(4))}"


def text(n: int, seed: int, share_answered: float = 0.1) -> list[str]:
    """`n` lines to pre-train a language model on.

    A share of `share_answered` are questions with their answers; of the others, 60 % are paragraphs about facts, 25 %
    stories, and 15 % questions without answers.
    """
    chance = Random(f"world {seed}")
    return [answered(chance) if chance.random() < share_answered else _line(chance) for _ in range(n)]


def _line(chance: Random) -> str:
    kind = chance.random()
    return paragraph(chance) if kind < 0.6 else story(chance) if kind < 0.85 else quiz(chance)


@cache
def all_words() -> tuple[tuple[str, ...], ...]:
    """Tokenised sentences that hold every word that `text` can hold, whatever its seed."""
    sentences = [form(i) for fact in facts() for form in (fact.statement, fact.question) for i in range(4)]
    sentences += [re.sub(r"{\w+}", " ", template) for template in STORIES]
    sentences += [word for words in fillers().values() for word in words]
    return tuple(tuple(tokenize(sentence)) for sentence in sentences)
