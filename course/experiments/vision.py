"""A vision transformer on 8 × 8 digits: with and without positions, beside older methods."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course.data import digits
from course.data.pictures import PictureBatches, Pictures, PictureSplit
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Outcome, decay, facts_of, rows_of
from course.models.vit import ViT
from course.training import History, train

SIZES = {
    "image_size": digits.SIDE,
    "patch_size": 2,
    "channels": 1,
    "classes": digits.CLASSES,
    "d_model": 64,
    "heads": 4,
    "layers": 2,
    "d_ff": 128,
    "dropout": 0.1,
}
STEPS, BATCH, PEAK = 1500, 64, 2e-3
ACCURACY = "accuracy"


@lru_cache(maxsize=1)
def corpus() -> PictureSplit:
    return digits.split_digits()


def classification_loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
    images, labels = batch
    return F.cross_entropy(model(images), labels, reduction="sum"), len(labels)


@torch.no_grad()
def accuracy(model: nn.Module, pictures: Pictures) -> float:
    """Share of pictures whose class gets the largest logit."""
    return (model(pictures.images).argmax(dim=1) == pictures.labels).float().mean().item()


def sizes(variant: str) -> dict:
    """What makes the ViT of this variant."""
    return SIZES | {"positions": variant == VIT}


def fit(variant: str, seed: int) -> tuple[ViT, History]:
    """The trained network and how its training went."""
    seed_everything(seed)
    model = ViT(**sizes(variant))
    batches = PictureBatches(corpus().train, BATCH, seed)
    rate = decay(PEAK, STEPS)
    history = train(model, batches, classification_loss, steps=STEPS, learning_rate=rate, seed=seed, progress=False)
    return model, history


def run(variant: str, seed: int) -> Outcome:
    parts = corpus()
    if variant in (LINEAR, SVM):
        valid, test, C = older(variant, parts.train, parts)
        return Outcome({ACCURACY: valid}, {ACCURACY: test}, {"C": C})
    model, history = fit(variant, seed)
    valid, test = ({ACCURACY: accuracy(model, part)} for part in (parts.valid, parts.test))
    return Outcome(valid, test, facts_of(model, history))


def older(variant: str, known: Pictures, parts: PictureSplit) -> tuple[float, float, float]:
    """Accuracy on validation and test part of a method without chance, with the best of four penalties; and that C."""
    from sklearn.linear_model import LogisticRegression  # here, since it takes a while
    from sklearn.svm import SVC

    make = {LINEAR: lambda C: LogisticRegression(C=C, max_iter=1000), SVM: lambda C: SVC(C=C)}[variant]

    def scores(judge, part: Pictures) -> float:
        return float(judge.score(part.images.flatten(1).numpy(), part.labels.numpy()))

    judges = {C: make(C).fit(known.images.flatten(1).numpy(), known.labels.numpy()) for C in (0.1, 1.0, 10.0, 100.0)}
    best = max(judges, key=lambda C: scores(judges[C], parts.valid))
    return scores(judges[best], parts.valid), scores(judges[best], parts.test), best


VARIANTS = VIT, BLIND, LINEAR, SVM = "ViT", "ViT without positions", "logistic regression", "support vector machine"
EXPERIMENT = Experiment(
    name="vision",
    title="A vision transformer on small digits",
    setting=f"""Digits of 8 × 8 pixels (`course.data.digits`; 1,258 to train on, 359 to test). `course.models.vit`:
{SIZES["layers"]} layers of d_model = {SIZES["d_model"]} on 16 patches of 2 × 2 and a class token, dropout
{SIZES["dropout"]}; Adam, {STEPS:,} steps with batches of {BATCH} and a peak rate of {PEAK}. A logistic
regression and a support vector machine with Gaussian kernel see the pixels; their penalty is the best of four
on the validation part, and they know no chance. 0.1 is chance; 359 pictures tell accuracies apart to about
0.02.""",
    run=run,
    rows=rows_of(VARIANTS),
    columns={ACCURACY: ACCURACY},
    claims=(Claim("A ViT needs positions", (VIT, ACCURACY), (BLIND, ACCURACY)),),
)
