"""Does a head know what "it" means? The test that a famous picture needs: does it follow the meaning, or the place?

"The animal didn't cross the street because it was too tired", and "… too wide": a head that looks from "it" at the
animal in the first sentence shows nothing, unless it looks at the street in the second. So the score is balanced: the
mean of how often the head is right where the first noun is meant, and where the second is. 0.5 is a head that always
likes the same place.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from course.data import grammar
from course.data.batches import Batches, translation_batch
from course.data.grammar import Sentence
from course.data.splits import Split, split
from course.data.vocabulary import tokenize
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Metrics, Outcome, decay, parameters, rows_of, translation_loss
from course.experiments.translation import make_model
from course.models.minilm import load_minilm
from course.models.multi_head import recorded_weights
from course.training import History, train
from course.translator import Languages, Translator

STEPS, PEAK, TRAINED_ON = 900, 3e-3, 12_000
FAMILIES = ("crossing", "fitting")

Maps = Callable[[Sentence], Tensor]  # (heads of all layers, words): how much "it" looks at each word
Pronouns = Callable[[list[Sentence]], Metrics]


def run(variant: str, seed: int) -> Outcome:
    """The seed draws the sentences, and the weights of what is trained here. The best head is chosen on `valid`."""
    seed_everything(seed)
    parts = questions(seed)
    maps, pronouns, facts = minilm() if variant == MINILM else translator(seed, [*parts.valid, *parts.test])
    looks = [Looks(maps, part) for part in (parts.valid, parts.test)]
    best = int(balanced(looks[0]).argmax())
    liked = int(first_noun_when_meant(looks[0]).argmax())
    found = [
        {
            BALANCED: balanced(look)[best].item(),
            "on the two nouns": look.weights[best].sum(-1).mean().item(),
            "first noun, when meant": first_noun_when_meant(look)[liked].item(),
            "second noun, when meant": second_noun_when_meant(look)[liked].item(),
        }
        | pronouns(part)
        for look, part in zip(looks, (parts.valid, parts.test), strict=True)
    ]
    return Outcome(*found, facts)


def questions(seed: int) -> Split:
    """Sentences that are asked about, in two parts: of the translator's training they are none."""
    asked = [s for family in FAMILIES for s in grammar.sentences(300, 1000 + seed, family)]
    return split(asked, valid=200, test=300, seed=seed)


class Looks:
    """For each head and sentence, the weight that "it" gives to the first noun and to the second."""

    def __init__(self, maps: Maps, sentences: list[Sentence]):
        nouns = [sorted((s.referent, s.rival)) for s in sentences]
        picked = [maps(s)[:, noun] for s, noun in zip(sentences, nouns, strict=True)]
        self.weights = torch.stack(picked, dim=1)  # (heads, sentences, 2)
        self.first_meant = torch.tensor([s.referent < s.rival for s in sentences])  # (sentences,)


def first_noun_when_meant(look: Looks) -> Tensor:
    """(heads,): how often a head prefers the first noun where it is meant."""
    prefers_first = look.weights[..., 0] > look.weights[..., 1]
    return prefers_first[:, look.first_meant].double().mean(dim=1)


def second_noun_when_meant(look: Looks) -> Tensor:
    prefers_second = look.weights[..., 1] > look.weights[..., 0]
    return prefers_second[:, ~look.first_meant].double().mean(dim=1)


def balanced(look: Looks) -> Tensor:
    """(heads,): the mean of both."""
    return (first_noun_when_meant(look) + second_noun_when_meant(look)) / 2


# --- whose heads


@torch.no_grad()
def minilm() -> tuple[Maps, Pronouns, dict]:
    """The 72 heads of the published encoder."""
    model, tokenizer = load_minilm()
    tokenizer.no_padding()

    def maps(sentence: Sentence) -> Tensor:
        words = tokenize(sentence.english)
        encoded = tokenizer.encode(words, is_pretokenized=True)
        with recorded_weights(model) as weights:
            model(torch.tensor([encoded.ids]))
        heads = torch.cat([layer[0] for layer in weights.values()])  # (heads, T, T)
        looked = heads[:, encoded.word_ids.index(sentence.it)]  # (heads, T)
        pieces = torch.tensor([len(words) if w is None else w for w in encoded.word_ids])  # [CLS], [SEP]: behind all
        return looked.new_zeros(len(heads), len(words) + 1).index_add(1, pieces, looked)[:, :-1]  # (heads, words)

    return maps, lambda sentences: {}, {"parameters": parameters(model)}  # it translates nothing


def fit(seed: int, unseen: set[str]) -> tuple[Translator, History]:
    """A transformer that learned to translate sentences of the grammar, none of the `unseen` among them."""
    pairs = [s for s in grammar.sentences(TRAINED_ON, seed) if s.english not in unseen]
    languages = Languages.of(pairs)
    model = make_model("transformer", languages)
    batches = Batches([languages.encode(s) for s in pairs], translation_batch, 64, seed)
    rate = decay(PEAK, STEPS)
    history = train(model, batches, translation_loss, steps=STEPS, learning_rate=rate, seed=seed, progress=False)
    return Translator(model, languages), history


def translator(seed: int, held_out: list[Sentence]) -> tuple[Maps, Pronouns, dict]:
    """The 8 heads of the encoder of a translator; and whether it says il and elle rightly."""
    trained, _ = fit(seed, {sentence.english for sentence in held_out})
    model, languages = trained.model, trained.languages

    @torch.no_grad()
    def maps(sentence: Sentence) -> Tensor:
        with recorded_weights(model) as weights:
            model.encode(torch.tensor([languages.encode(sentence)[0]]))
        return torch.cat([layer[0] for layer in weights.values()])[:, sentence.it]  # (heads, words)

    def pronouns(sentences: list[Sentence]) -> Metrics:
        pairs = zip(trained.translate([s.english for s in sentences]), sentences, strict=True)
        right = [pronoun(hypothesis) == pronoun(tokenize(sentence.french)) for hypothesis, sentence in pairs]
        return {PRONOUN: sum(right) / len(right)}

    return maps, pronouns, {"parameters": parameters(model)}


def pronoun(words: list[str]) -> str | None:
    """The one behind "car"."""
    return words[words.index("car") + 1] if "car" in words[:-1] else None


BALANCED, PRONOUN = "right, balanced", "il or elle right"
MINILM, TRANSLATOR = "MiniLM, 72 heads", "a translator, 8 heads"
EXPERIMENT = Experiment(
    name="heads",
    title='No head knows what "it" means',
    setting=f"""Sentences like "the animal didn't cross the street because it was too tired" (or "too wide"), and
"the trophy doesn't fit into the suitcase because it is too small" (`course.data.grammar`). For each head: does
"it" look more at the noun that is meant than at the other one? *Balanced*: the mean over sentences that mean
the first noun and those that mean the second, of the head that is best at it on 200 validation sentences;
tested on 300. *First noun, when meant*: what a picture of the head that likes the first noun best would show,
and beside it the same head where the second is meant. The heads are those of the published encoder, and of a
transformer (2 + 2 layers of width 64) that learned to translate {TRAINED_ON:,} sentences of the grammar in
{STEPS} steps.""",
    run=run,
    rows=rows_of((MINILM, TRANSLATOR)),
    columns={
        name: name
        for name in (BALANCED, "on the two nouns", "first noun, when meant", "second noun, when meant", PRONOUN)
    },
    claims=(
        Claim(
            "The head of the picture follows the place, not the meaning",
            (MINILM, "first noun, when meant"),
            (MINILM, "second noun, when meant"),
        ),
    ),
)
