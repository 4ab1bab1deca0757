"""GPT on Python's own help texts: bits per character by size of the model, and the power law through them."""

from functools import lru_cache

import numpy as np
from torch import Tensor, nn

from course import metrics
from course.data import topics
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Outcome, Row, decay, facts_of, mean_loss
from course.models.gpt import GPT
from course.training import History, token_loss, train

CONTEXT, BATCH, STEPS, LAYERS = 64, 12, 1500, 2
WIDTHS = {8: 2, 16: 2, 32: 4, 64: 4, 128: 4}  # d_model: heads
NO_PADDING = -1


@lru_cache(maxsize=1)
def corpus() -> tuple[topics.Characters, dict[str, Tensor]]:
    """The alphabet, and the three parts as integers."""
    alphabet, parts = topics.characters(), topics.split_topics()._asdict()
    return alphabet, {name: alphabet.encode(topics.text(names)) for name, names in parts.items()}


def next_character_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    x, y = batch
    return token_loss(model(x), y, pad=NO_PADDING)


def bits_per_character(model: nn.Module, ids: Tensor) -> float:
    """Over windows that do not overlap. The first characters of a window have little context, so this is a bound."""
    batches = zip(*(side.split(64) for side in topics.windows(ids, CONTEXT)), strict=True)
    return metrics.bits(mean_loss(model, batches, next_character_loss))


def sizes(d_model: int) -> dict:
    """What makes a GPT of this width."""
    return {"context": CONTEXT, "d_model": d_model, "heads": WIDTHS[d_model], "layers": LAYERS, "dropout": 0.0}


def fit(width: str, seed: int) -> tuple[GPT, History]:
    """The trained model and how its training went."""
    d_model = int(width)
    alphabet, parts = corpus()
    seed_everything(seed)
    model = GPT(len(alphabet), **sizes(d_model))
    batches = topics.CharacterBatches(parts["train"], CONTEXT, BATCH, seed)
    peak = 4e-3 * (64 / d_model) ** 0.5
    history = train(
        model, batches, next_character_loss, steps=STEPS, learning_rate=decay(peak, STEPS), seed=seed, progress=False
    )
    return model, history


def run(width: str, seed: int) -> Outcome:
    parts = corpus()[1]
    model, history = fit(width, seed)
    valid, test = ({BITS: bits_per_character(model, parts[name])} for name in ("valid", "test"))
    return Outcome(valid, test, facts_of(model, history))


def power_law(sizes: list[int], losses: list[float]) -> tuple[float, float]:
    """L(N) = a · N^-b through these points, by least squares in log–log (Kaplan et al. 2020, equation 1.1): (a, b)."""
    slope, intercept = np.polyfit(np.log(sizes), np.log(losses), 1)
    return float(np.exp(intercept)), float(-slope)


def layer_parameters(d_model: int) -> int:
    """What a size is measured by: the weights of the layers, without embeddings (Kaplan et al. 2020, §1.3)."""
    return LAYERS * (12 * d_model**2 + 13 * d_model)


def fitted_law(outcomes: dict[str, list[Outcome]]) -> str:
    """The law through all test losses, with its spread over seeds, and how far the points lie from it."""
    widths = [int(variant) for variant in outcomes]
    sizes = [layer_parameters(width) for width in widths]
    seeds = range(len(next(iter(outcomes.values()))))
    losses = [[outcomes[str(width)][seed].test[BITS] for width in widths] for seed in seeds]
    laws = [power_law(sizes, of_seed) for of_seed in losses]
    misses = [
        abs(a * size**-b / loss - 1)
        for (a, b), of_seed in zip(laws, losses, strict=True)
        for size, loss in zip(sizes, of_seed, strict=True)
    ]
    b = sorted(law[1] for law in laws)
    return f"""**The power law.** With $N$ the weights of the layers, bits per character follow $L(N) =
a\\,N^{{-b}}$ with $b$ = {b[len(b) // 2]:.3f} ({b[0]:.3f} to {b[-1]:.3f} over seeds) and $a$ =
{sorted(law[0] for law in laws)[len(laws) // 2]:.2f}; no point lies further than {max(misses):.1%} from its law.
Kaplan et al. (2020, arXiv:2001.08361) found $b$ = 0.076 for models of a thousand to a billion weights, each
trained until it learns no more. Here all sizes see the same {STEPS * BATCH * CONTEXT / 1e6:.1f} million
characters of a text of {len(corpus()[1]["train"]) / 1e6:.2f} million, so this $b$ is of another thing: what
size buys at a fixed number of steps. Counting characters (frequencies alone) costs
{topics.unigram_bits(corpus()[1]["train"], corpus()[1]["test"]):.2f} bits."""


BITS = "bits per character"
EXPERIMENT = Experiment(
    name="language",
    title="GPT: bits per character by size",
    setting=f"""Python's own help texts (`course.data.topics`), split by topic. `course.models.gpt` with {LAYERS}
layers, a context of {CONTEXT} characters, batches of {BATCH}, {STEPS:,} steps of Adam with a peak rate of 4e-3
· (64/d)^½. Bits per character of windows that don't overlap.""",
    run=run,
    rows=tuple(Row(f"d_model = {width}", str(width)) for width in WIDTHS),
    columns={BITS: BITS},
    claims=tuple(
        Claim(f"d_model = {4 * width} predicts better than {width}", (str(width), BITS), (str(4 * width), BITS))
        for width in WIDTHS
        if 4 * width in WIDTHS
    ),
    remarks=fitted_law,
)
