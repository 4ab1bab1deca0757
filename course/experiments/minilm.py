"""What real pre-training buys: a published encoder, frozen, under logistic regression on the course's own sentences."""

from functools import lru_cache

import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from course.data import sentiment
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Outcome, parameters, rows_of
from course.models.minilm import embed, load_minilm
from course.models.transformer import initialise

LABELS = (10, 40, 120)


@lru_cache(maxsize=1)
def parts() -> sentiment.Split:
    return sentiment.split_sentences()


def column(n: int) -> str:
    return f"accuracy, {n} labels"


def run(variant: str, seed: int) -> Outcome:
    """The seed draws which sentences are labelled, and the random weights where they are random."""
    seed_everything(seed)
    facts = {}
    texts = {name: [sentence.text for sentence in part] for name, part in parts()._asdict().items()}
    if variant == "bag of words":
        vectorizer = TfidfVectorizer().fit(texts["train"])
        vectors = {name: vectorizer.transform(part).toarray() for name, part in texts.items()}
    else:
        model, tokenizer = load_minilm()
        if variant == "the same network, random weights":
            model.apply(initialise)
        vectors = {name: embed(part, model, tokenizer).numpy() for name, part in texts.items()}
        facts["parameters"] = parameters(model)
    labels = {name: [sentence.label for sentence in part] for name, part in parts()._asdict().items()}
    valid, test = {}, {}
    for n in LABELS:
        chosen = balanced(labels["train"], n)
        judge = LogisticRegression(C=10.0, max_iter=2000)
        judge.fit(vectors["train"][chosen], [labels["train"][i] for i in chosen])
        for found, name in ((valid, "valid"), (test, "test")):
            found[column(n)] = judge.score(vectors[name], labels[name])
    return Outcome(valid, test, facts)


def balanced(labels: list[int], n: int) -> list[int]:
    """Indices of n items, half of each label, drawn at random."""
    order = torch.randperm(len(labels)).tolist()
    return [i for label in (0, 1) for i in [i for i in order if labels[i] == label][: n // 2]]


VARIANTS = ("MiniLM, frozen", "the same network, random weights", "bag of words")
EXPERIMENT = Experiment(
    name="minilm",
    title="A real pre-trained encoder, and few labels",
    setting="""The course's own sentences on food, travel, school and so on (`course.data.sentiment`), a third of
them tricky: negation, contrast, mild irony. The published all-MiniLM-L6-v2 (`course.models.minilm`) embeds them
and is not trained; a logistic regression learns from few labels.""",
    run=run,
    rows=rows_of(VARIANTS),
    columns={f"{n} labels": column(n) for n in LABELS},
    claims=tuple(
        Claim(
            f"With {n} labels, real pre-training beats random weights",
            (VARIANTS[0], column(n)),
            (VARIANTS[1], column(n)),
        )
        for n in LABELS
    ),
)
