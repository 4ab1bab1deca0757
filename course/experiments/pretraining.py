"""What BERT's pre-training buys when labels are few: reviews whose opinion words no label ever showed."""

from functools import lru_cache, partial
from random import Random
from typing import NamedTuple

import torch
import torch.nn.functional as F
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from course.data import reviews
from course.data.batches import Batches, pad
from course.data.vocabulary import BOS, EOS, PAD, Vocabulary, tokenize
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Outcome, decay, parameters, plateau, rows_of
from course.models.bert import Bert, BertClassifier, BertPretraining, mask_tokens, masked_word_loss, pretraining_loss
from course.training import History, train

LABELS = (20, 100, 500)
PER_LABEL = 24  # opinion words of each polarity; the datasheet of `reviews` says why so few
PAIRS, STEPS, BATCH, HIDDEN = 40_000, 3600, 24, 0.3
PEAK = 8e-4  # at three times this rate a post-LN encoder of this size learns frequencies and nothing else
TUNING_STEPS, TUNING_PEAK = 60, 1e-3
SIZES = {"d_model": 64, "heads": 4, "layers": 2, "d_ff": 256, "max_length": 64, "dropout": 0.0}
MASK = "<mask>"


class Reviews(NamedTuple):
    """Texts as BERT reads them: <bos> first <eos> second <eos>. BOS is its [CLS], EOS its [SEP]."""

    tokens: Tensor  # (B, T)
    segments: Tensor  # (B, T): 0 in the first sentence, 1 in the second
    labels: Tensor  # (B,): of a review its polarity; of a pair 1 if the second sentence comes from elsewhere


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    texts = [tokenize(review.text) for review in reviews.reviews(5000, seed=10, words=reviews.opinion_words(PER_LABEL))]
    return Vocabulary.of([*texts, [MASK]])


def encode(first: str, second: str, label: int) -> tuple[list[int], list[int], int]:
    a, b = (vocabulary().encode(tokenize(sentence)) for sentence in (first, second))
    return [BOS, *a, EOS, *b, EOS], [0] * (len(a) + 2) + [1] * (len(b) + 1), label


def stack(examples: list[tuple[list[int], list[int], int]]) -> Reviews:
    tokens, segments, labels = zip(*examples, strict=True)
    return Reviews(pad(tokens), pad(segments), torch.tensor(labels))


def labelled(items: list[reviews.Review]) -> list:
    return [encode(review.first, review.second, review.label) for review in items]


# --- pre-training


class Masked(NamedTuple):
    """A batch whose words are hidden already, so that it is a function of the step."""

    corrupted: Tensor
    segments: Tensor
    mask: Tensor
    targets: Tensor
    from_elsewhere: Tensor


def masked_batch(batches: Batches, seed: int, step: int) -> Masked:
    """New words are hidden each time that a text comes by."""
    batch = batches(step)
    generator = torch.Generator().manual_seed(Random(f"mask {seed} {step}").getrandbits(63))
    words = (batch.tokens != PAD) & (batch.tokens != BOS) & (batch.tokens != EOS)
    mask_id = vocabulary().encode([MASK])[0]
    corrupted, targets = mask_tokens(batch.tokens, words, mask_id, len(vocabulary()), generator, HIDDEN)
    return Masked(corrupted, batch.segments, batch.tokens != PAD, targets, batch.labels)


def loss(model: BertPretraining, batch: Masked) -> tuple[Tensor, int]:
    words, follows = model(batch.corrupted, batch.segments, batch.mask)
    rows = len(batch.corrupted)
    return rows * pretraining_loss(words, follows, batch.targets, batch.from_elsewhere), rows


def sentence_pairs(n: int, seed: int) -> list:
    pairs = reviews.sentence_pairs(n, seed, reviews.opinion_words(PER_LABEL))
    return [encode(pair.first, pair.second, int(not pair.follows)) for pair in pairs]


def few_reviews(n: int, seed: int) -> list[reviews.Review]:
    """What is labelled: other reviews than those of pre-training and of the held-out parts."""
    return reviews.labelled(n, 100 + seed, PER_LABEL)


def fit(bert: Bert, seed: int) -> tuple[BertPretraining, History]:
    """Both tasks of §3.1 on unlabelled pairs."""
    pairs = sentence_pairs(PAIRS, seed=20)
    batches = Batches(pairs, stack, BATCH, seed)
    model = BertPretraining(bert)
    rate = plateau(PEAK, STEPS)
    history = train(
        model, partial(masked_batch, batches, seed), loss, steps=STEPS, learning_rate=rate, seed=seed, progress=False
    )
    return model, history


def pretrain(bert: Bert, seed: int) -> dict:
    """Pre-train, and say how well both tasks go on pairs that were not seen."""
    model, history = fit(bert, seed)
    unseen = sentence_pairs(500, seed=30)
    held_out = masked_batch(Batches(unseen, stack, len(unseen)), 0, 0)
    with torch.no_grad():
        words, follows = model(held_out.corrupted, held_out.segments, held_out.mask)
    total, count = masked_word_loss(words, held_out.targets)
    return {
        "pre-training losses": history.losses[9::10],
        "masked-word loss, nats": (total / count).item(),
        "next-sentence accuracy": (follows.argmax(-1) == held_out.from_elsewhere).double().mean().item(),
    }


# --- few labels


def classification_loss(model: BertClassifier, batch: Reviews) -> tuple[Tensor, int]:
    logits = model(batch.tokens, batch.segments, batch.tokens != PAD)
    return F.cross_entropy(logits, batch.labels, reduction="sum"), len(batch.labels)


@torch.no_grad()
def accuracy(model: BertClassifier, batch: Reviews) -> float:
    logits = model(batch.tokens, batch.segments, batch.tokens != PAD)
    return (logits.argmax(-1) == batch.labels).double().mean().item()


def fine_tune(bert: Bert, n: int, seed: int) -> nn.Module:
    """A new output layer and all of BERT, on `n` labelled reviews."""
    model = BertClassifier(bert, classes=2)
    batches = Batches(labelled(few_reviews(n, seed)), stack, min(n, 32), seed)
    rate = decay(TUNING_PEAK, TUNING_STEPS, warm_up=10)
    train(model, batches, classification_loss, steps=TUNING_STEPS, learning_rate=rate, seed=seed, progress=False)
    return model


def run(variant: str, seed: int) -> Outcome:
    seed_everything(seed)
    valid, test, facts = {}, {}, {}
    parts = reviews.validation(400, 1, PER_LABEL), reviews.held_out(400, 2, PER_LABEL)
    if variant == "bag of words":
        for n in LABELS:
            valid[column(n)], test[column(n)] = bag_of_words(few_reviews(n, seed), *parts)
        return Outcome(valid, test, facts)
    bert = Bert(len(vocabulary()), **SIZES)
    if variant == "pre-trained":
        facts |= pretrain(bert, seed)
    weights = {name: weight.clone() for name, weight in bert.state_dict().items()}
    for n in LABELS:
        bert.load_state_dict(weights)
        model = fine_tune(bert, n, seed)
        valid[column(n)], test[column(n)] = (accuracy(model, stack(labelled(part))) for part in parts)
    return Outcome(valid, test, facts | {"parameters": parameters(bert)})


def column(n: int) -> str:
    return f"accuracy, {n} labels"


def bag_of_words(train_reviews: list, *held_out: list) -> list[float]:
    """Logistic regression on word counts: what words alone can tell."""
    counts = CountVectorizer().fit([review.text for review in train_reviews])
    judge = LogisticRegression(max_iter=1000)
    judge.fit(counts.transform([r.text for r in train_reviews]), [r.label for r in train_reviews])
    return [judge.score(counts.transform([r.text for r in part]), [r.label for r in part]) for part in held_out]


EXPERIMENT = Experiment(
    name="pretraining",
    title="BERT: what pre-training buys with few labels",
    setting=f"""Generated reviews (`course.data.reviews`) with {PER_LABEL} opinion words of each polarity: no
opinion word of the test is in a labelled review, but all are in the unlabelled ones. `course.models.bert`, 2
layers of width 64, pre-trained on both of BERT's tasks ({PAIRS:,} pairs of sentences, {STEPS:,} steps,
{HIDDEN:.0%} of the words hidden), then fine-tuned for {TUNING_STEPS} steps; or fine-tuned from random weights.
*Bag of words*: logistic regression on counts. Accuracy on 400 reviews; 0.5 is chance.""",
    run=run,
    rows=rows_of(("pre-trained", "from scratch", "bag of words")),
    columns={f"{n} labels": column(n) for n in LABELS},
    claims=tuple(
        Claim(f"With {n} labels, pre-training beats none", ("pre-trained", column(n)), ("from scratch", column(n)))
        for n in LABELS
    ),
)
