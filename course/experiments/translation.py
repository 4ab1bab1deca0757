"""English to French through a single vector, through Bahdanau's attention, and through a transformer."""

from functools import lru_cache

import torch
from torch import nn

from course import metrics
from course.data import cldr
from course.data.batches import Batches, translation_batch
from course.data.splits import Pair, split
from course.data.vocabulary import tokenize
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Metrics, Outcome, Row, decay, facts_of, translation_loss
from course.models.bahdanau import BahdanauEncoderDecoder
from course.models.recurrent import RecurrentEncoderDecoder
from course.models.transformer import Transformer
from course.training import History, train
from course.translator import LONGEST, Languages, Translator, alignment

KINDS = ("numbers", "dates", "units")
LENGTHS = ((1, 5), (6, 10), (11, 15), (16, LONGEST))  # source tokens, both ends included


class Corpus:
    """The pairs of `course.data.cldr` in three parts, as words and as integers. The same for every seed of a model."""

    def __init__(self, n: int = 5000, held_out: int = 300):
        parts = [split(cldr.pairs(kind, n, seed=0), held_out, held_out) for kind in KINDS]
        self.train: list[Pair] = [pair for part in parts for pair in part.train]
        self.valid: list[Pair] = [pair for part in parts for pair in part.valid]
        self.test: list[Pair] = [pair for part in parts for pair in part.test]
        self.kinds = [kind for kind in KINDS for _ in range(held_out)]  # of the held-out pairs, in their order
        self.languages = Languages.of(self.train)


@lru_cache(maxsize=1)
def corpus() -> Corpus:
    return Corpus()


GRU_SIZES = {"d_embedding": 64, "d_hidden": 64}
SIZES = {
    "thought vector": GRU_SIZES,
    "Bahdanau attention": GRU_SIZES,
    "transformer": {"d_model": 64, "heads": 4, "d_ff": 256, "layers": 2, "dropout": 0.0, "norm": "pre"},
}
MODELS = {
    "thought vector": RecurrentEncoderDecoder,
    "Bahdanau attention": BahdanauEncoderDecoder,
    "transformer": Transformer,
}


def make_model(variant: str, languages: Languages) -> nn.Module:
    return MODELS[variant](len(languages.english), len(languages.french), **SIZES[variant])


STEPS = {"thought vector": 3000, "Bahdanau attention": 1700, "transformer": 1700}
PEAK = {"thought vector": 6e-3, "Bahdanau attention": 6e-3, "transformer": 4e-3}


def fit(variant: str, seed: int) -> tuple[nn.Module, History]:
    """The trained model and how its training went."""
    data = corpus()
    seed_everything(seed)
    model = make_model(variant, data.languages)
    pairs = [data.languages.encode(pair) for pair in data.train]
    batches = Batches(pairs, translation_batch, 64, seed, lengths=[len(s) + len(t) for s, t in pairs])
    rate = decay(PEAK[variant], STEPS[variant])
    history = train(
        model, batches, translation_loss, steps=STEPS[variant], learning_rate=rate, seed=seed, progress=False
    )
    return model, history


def run(variant: str, seed: int) -> Outcome:
    data = corpus()
    model, history = fit(variant, seed)
    valid, test = (scores(model, data, part) for part in (data.valid, data.test))
    return Outcome(valid, test, facts_of(model, history))


def scores(model: nn.Module, data: Corpus, pairs: list[Pair]) -> Metrics:
    """Exact match and BLEU by length and by kind, and how often attention stands on the month when it is written."""
    references = [tokenize(pair.french) for pair in pairs]
    hypotheses = Translator(model, data.languages).translate([pair.english for pair in pairs])
    lengths = [len(tokenize(pair.english)) for pair in pairs]
    groups = {span_name(low, high): [low <= n <= high for n in lengths] for low, high in LENGTHS}
    groups |= {kind: [kind == other for other in data.kinds] for kind in KINDS}
    found: Metrics = {}
    for name, inside in groups.items():
        chosen = [
            [sentence for sentence, yes in zip(side, inside, strict=True) if yes] for side in (hypotheses, references)
        ]
        found[f"{name}, exact match"] = metrics.exact_match(*chosen)
        found[f"{name}, BLEU"] = metrics.bleu(*chosen)
    if not isinstance(model, RecurrentEncoderDecoder):
        dates = [pair for pair, yes in zip(pairs, groups["dates"], strict=True) if yes]
        found["month aligned, exact match"] = month_alignment(model, data.languages, dates)
    return found


def span_name(low: int, high: int) -> str:
    return f"{low}+ tokens" if high == LONGEST else f"{low}–{high} tokens"


@torch.no_grad()
def month_alignment(model: nn.Module, languages: Languages, dates: list[Pair]) -> float:
    """Share of dates for which the largest weight is on the English month while the French one is written.

    The reference is fed (teacher forcing), so that every date counts.
    """
    batch = translation_batch([languages.encode(pair) for pair in dates])
    weights = alignment(model, batch)
    english, french = (torch.tensor(side) for side in zip(*map(cldr.month_positions, dates), strict=True))
    return (metrics.aligned(weights, french) == english).double().mean().item()


SHORT = span_name(*LENGTHS[0]) + ", exact match"
LONG = span_name(*LENGTHS[-1]) + ", exact match"
EXPERIMENT = Experiment(
    name="translation",
    title="English to French, by sentence length",
    setting=f"""Numbers in words, dates, and lists of quantities, from the CLDR and num2words (`course.data.cldr`):
13,200 pairs to train on, 900 for validation, 900 for test. All three models have width 64
(`course.models.recurrent`, `bahdanau`, `transformer`; the last has 2 + 2 pre-LN layers of 4 heads). Adam,
batches of 64, {STEPS["thought vector"]:,} steps for the thought vector, whose steps are cheap,
{STEPS["Bahdanau attention"]:,} for Bahdanau and {STEPS["transformer"]:,} for the transformer. Greedy decoding.
*Exact match* is of whole sentences, by the number of source tokens. *Month aligned*: while the French month is
written, the largest weight is on the English one.""",
    run=run,
    rows=tuple(
        Row(f"{variant}, {metric}", variant, f", {metric}") for metric in ("exact match", "BLEU") for variant in STEPS
    ),
    columns={name: name for name in (*(span_name(*span) for span in LENGTHS), *KINDS, "month aligned")},
    claims=(
        Claim(
            "A single vector is a bottleneck: long sentences fail (Bahdanau succeeds)",
            ("Bahdanau attention", LONG),
            ("thought vector", LONG),
        ),
        Claim("… and the transformer succeeds", ("transformer", LONG), ("thought vector", LONG)),
        Claim("The thought vector itself does well on short ones", ("thought vector", SHORT), ("thought vector", LONG)),
        Claim(
            "At this size and budget Bahdanau beats the transformer on long sentences",
            ("Bahdanau attention", LONG),
            ("transformer", LONG),
        ),
    ),
)
