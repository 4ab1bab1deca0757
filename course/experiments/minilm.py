"""What real pre-training buys: a published encoder, frozen, under logistic regression."""

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from course.data import sentiment
from course.data.splits import Split
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Outcome, parameters, rows_of
from course.models.minilm import embed, load_minilm
from course.models.transformer import initialise

WORD_LABELS, SENTENCE_LABELS = (20, 50, 200), 120


def run(variant: str, seed: int) -> Outcome:
    """The seed draws which items are labelled, and the random weights where they are random."""
    seed_everything(seed)
    facts = {}
    if variant == BAG:
        vectors_of = characters
    else:
        model, tokenizer = load_minilm()
        if variant == RANDOM:
            model.apply(initialise)
        facts["parameters"] = parameters(model)

        def vectors_of(items: Split) -> list:
            return [embed([item.text for item in part], model, tokenizer).numpy() for part in items]

    valid, test = {}, {}
    words, sentences = sentiment.split_words(seed), sentiment.split_sentences()
    words = words._replace(
        train=sample(words.train, 1000), valid=sample(words.valid, 300), test=sample(words.test, 600)
    )
    vectors = vectors_of(words)
    for n in WORD_LABELS:
        judge = learn(vectors[0], words.train, n)
        for found, x, part in zip((valid, test), vectors[1:], words[1:], strict=True):
            found[f"words, {n} labels"] = judge.score(x, labels(part))
    vectors = vectors_of(sentences)
    judge = learn(vectors[0], sentences.train, SENTENCE_LABELS)
    for found, x, part in zip((valid, test), vectors[1:], sentences[1:], strict=True):
        for name, tricky in (("plain sentences", False), ("tricky sentences", True)):
            rows = [i for i, sentence in enumerate(part) if sentence.tricky == tricky]
            found[name] = judge.score(x[rows], [part[i].label for i in rows])
    everything = [sentence for part in sentences for sentence in part]
    facts |= neighbours(np.concatenate(vectors), everything)
    return Outcome(valid, test, facts)


def neighbours(vectors: np.ndarray, sentences: list) -> dict[str, float]:
    """How often the nearest other sentence has the same topic, and the same label."""
    nearness = vectors @ vectors.T
    np.fill_diagonal(nearness, -np.inf)
    pairs = [(sentences[i], sentences[j]) for i, j in enumerate(nearness.argmax(axis=1))]
    return {
        "nearest has the same topic": sum(a.topic == b.topic for a, b in pairs) / len(pairs),
        "nearest has the same label": sum(a.label == b.label for a, b in pairs) / len(pairs),
    }


def characters(items: Split) -> list:
    """Counts of runs of 2 to 5 letters, weighted by how rare they are: what spelling alone can tell."""
    counts = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5)).fit([item.text for item in items.train])
    return [counts.transform([item.text for item in part]).toarray() for part in items]


def learn(vectors: np.ndarray, items: list, n: int) -> LogisticRegression:
    """From n of the items, half of each label."""
    chosen = balanced(labels(items), n)
    return LogisticRegression(C=10.0, max_iter=2000).fit(vectors[chosen], [items[i].label for i in chosen])


def labels(items: list) -> list[int]:
    return [item.label for item in items]


def sample(items: list, n: int) -> list:
    return [items[i] for i in torch.randperm(len(items))[:n].tolist()]


def balanced(labels: list[int], n: int) -> list[int]:
    """Indices of n items, half of each label, drawn at random."""
    order = torch.randperm(len(labels)).tolist()
    return [i for label in (0, 1) for i in [i for i in order if labels[i] == label][: n // 2]]


def about_sentences(outcomes: dict[str, list[Outcome]]) -> str:
    """Why the sentences are harder than the words."""
    facts = outcomes[PRETRAINED][0].facts
    topic, label = facts["nearest has the same topic"], facts["nearest has the same label"]
    return f"""**Why sentences are harder.** This encoder was trained to bring sentences of one meaning together,
and what a sentence is about weighs more than how its speaker feels: of the 210 sentences, {topic:.0%} have
their nearest neighbour in the same topic (6% by chance), {label:.0%} in the same sentiment (50% by chance). A
linear judge on frozen vectors cannot undo that from {SENTENCE_LABELS} labels; fine-tuning the encoder could."""


VARIANTS = PRETRAINED, RANDOM, BAG = "MiniLM, frozen", "the same network, random weights", "spelling"
EXPERIMENT = Experiment(
    name="minilm",
    title="A real pre-trained encoder, and few labels",
    setting=f"""English words that people rated (`course.data.sentiment`; no test word has the stem of a training
word), and the course's own sentences, of which a third are tricky: negation, contrast, mild irony. The
published all-MiniLM-L6-v2 (`course.models.minilm`) embeds them and is not trained; a logistic regression learns
from {WORD_LABELS[0]} to {WORD_LABELS[-1]} words, or {SENTENCE_LABELS} sentences. Accuracy; 0.5 is chance.""",
    run=run,
    rows=rows_of(VARIANTS),
    columns={
        name: name for name in (*(f"words, {n} labels" for n in WORD_LABELS), "plain sentences", "tricky sentences")
    },
    remarks=about_sentences,
    claims=(
        *(
            Claim(
                f"With {n} labelled words, real pre-training beats random weights",
                (PRETRAINED, f"words, {n} labels"),
                (RANDOM, f"words, {n} labels"),
            )
            for n in WORD_LABELS
        ),
        Claim("It helps with plain sentences", (PRETRAINED, "plain sentences"), (RANDOM, "plain sentences")),
        Claim("It helps with tricky ones", (PRETRAINED, "tricky sentences"), (RANDOM, "tricky sentences")),
    ),
)
