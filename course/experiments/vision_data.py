"""How accuracy grows with the number of training pictures, for a ViT and for networks that assume more or less."""

import re
from functools import lru_cache
from pathlib import Path

from torch import nn

from course.data import mnist
from course.data.pictures import PictureBatches, PictureSplit
from course.device import seed_everything
from course.errors import CourseError
from course.experiments.common import Claim, Experiment, Outcome, decay, facts_of, rows_of
from course.experiments.vision import SVM, accuracy, classification_loss, older
from course.models.vit import ViT
from course.training import History, train

SIZES = {
    "image_size": mnist.SIDE,
    "patch_size": 7,
    "channels": 1,
    "classes": mnist.CLASSES,
    "d_model": 64,
    "heads": 4,
    "layers": 2,
    "d_ff": 128,
}
PICTURES = 100, 600, 3600
STEPS, BATCH, PEAK = 1500, 64, 3e-3


@lru_cache(maxsize=1)
def corpus() -> PictureSplit:
    return mnist.split_mnist()


def convolutions() -> nn.Sequential:
    """Two convolutions with stride 2 and a linear layer: 69,130 parameters, about as many as the ViT's 72,074."""
    return nn.Sequential(
        nn.Conv2d(1, 40, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(40, 80, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(80 * 7 * 7, mnist.CLASSES),
    )


def linear() -> nn.Sequential:
    """Logistic regression as a network."""
    return nn.Sequential(nn.Flatten(), nn.Linear(mnist.SIDE**2, mnist.CLASSES))


def fit(variant: str, seed: int, pictures: int = PICTURES[-1]) -> tuple[nn.Module, History]:
    """The trained network and how its training went; the seed chooses the pictures, too."""
    name, _, moved = variant.partition(", ")
    seed_everything(seed)
    model = {LINEAR: linear, CONVOLUTIONS: convolutions, VIT: lambda: ViT(**SIZES)}[name]()
    batches = PictureBatches(corpus().train.some(pictures, seed), BATCH, seed, shift=1 if moved else 0)
    rate = decay(PEAK, STEPS)
    history = train(model, batches, classification_loss, steps=STEPS, learning_rate=rate, seed=seed, progress=False)
    return model, history


def run(variant: str, seed: int) -> Outcome:
    parts = corpus()
    outcome = Outcome({}, {})
    for n in PICTURES:
        if variant == SVM:
            valid, test, outcome.facts[f"C, {n}"] = older(SVM, parts.train.some(n, seed), parts)
        else:
            model, history = fit(variant, seed, n)
            valid, test = (accuracy(model, part) for part in (parts.valid, parts.test))
            outcome.facts |= facts_of(model, history)
        outcome.valid[str(n)], outcome.test[str(n)] = valid, test
    return outcome


RESULTS = Path(__file__).parents[2] / "docs" / "results.md"


def measured(page: Path = RESULTS) -> dict[str, dict[int, tuple[float, float, float]]]:
    """What the page of results says: variant -> pictures -> median, smallest and largest test accuracy.

    Raises:
        CourseError: the page is not there, or its table is not.
    """
    from course.experiments.report import sections_of  # here: how a page is written changes no outcome

    try:
        section = sections_of(page.read_text(encoding="utf-8"))[EXPERIMENT.title]
    except (OSError, KeyError) as error:
        raise CourseError(f"{page} has no table of {EXPERIMENT.name}: `make results` writes it") from error
    rows = [line.split("|")[1:] for line in section.splitlines() if line.startswith("|")]
    cells = {name.strip(): [tuple(map(float, re.findall(r"\d\.\d+", x))) for x in numbers] for name, *numbers in rows}
    return {variant: dict(zip(PICTURES, cells[variant], strict=False)) for variant in VARIANTS}


NETWORKS = LINEAR, CONVOLUTIONS, VIT = "linear", "convolutions", "ViT"
MOVED = ", moved"
VARIANTS = (SVM, *NETWORKS, *(name + MOVED for name in NETWORKS))
FEW, MOST = str(PICTURES[0]), str(PICTURES[-1])
EXPERIMENT = Experiment(
    name="vision-data",
    title="A vision transformer and the number of pictures",
    setting=f"""Accuracy on 1,000 digits of 28 × 28 pixels (`course.data.mnist`) after training on 100, 600 or 3,600
others, as many of each class. The ViT has {SIZES["layers"]} layers of d_model = {SIZES["d_model"]} on 16 patches of
7 × 7; "convolutions" is a network of about its size with two of them; "linear" is logistic regression. All three
train alike: {STEPS:,} steps of Adam with batches of {BATCH}, whatever the number of pictures, and a peak rate of
{PEAK}, which on the validation part was the better of 0.001 and 0.003 for each (seed 0). "Moved": at every step each
picture is moved by up to one pixel each way. The support vector machine (Gaussian kernel, penalty chosen on the
validation part) sees the pictures as they are. A seed draws the pictures as well.""",
    run=run,
    rows=rows_of(VARIANTS),
    columns={f"{n:,} pictures": str(n) for n in PICTURES},
    claims=(
        Claim(
            "From 3,600 pictures that move a ViT learns more than a linear model",
            (VIT + MOVED, MOST),
            (LINEAR + MOVED, MOST),
        ),
        Claim("From 100 pictures as they are it does not", (LINEAR, FEW), (VIT, FEW)),
        Claim("From 3,600 convolutions beat a ViT", (CONVOLUTIONS + MOVED, MOST), (VIT + MOVED, MOST)),
        Claim("Moving the pictures helps a ViT", (VIT + MOVED, MOST), (VIT, MOST)),
    ),
)
