"""What triangles are good for: hidden distances of unseen proteins, with and without the layers that know of them."""

from collections.abc import Callable
from functools import cache, partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from course.data import proteins
from course.data.proteins import Crops
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Metrics, Outcome, facts_of, plateau, rows_of, step_seed
from course.models.distances import DistanceNet, hidden_error
from course.training import History, train

SIZE = 24  # residues in a crop
KNOWN, FEW = 0.3, 0.15  # share of the distances that are given, where it is measured
TRAINED = (0.1, 0.7)  # … and the range that it is drawn from in training
BATCH, STEPS, PEAK = 16, 1000, 1.2e-2
# Four triangle layers each, and parameters within 10 %: what "none" has no triangles for goes into its transitions.
SIZES = {
    "none": {"triangles": "none", "d_pair": 16, "factor": 8},
    "multiplication": {"triangles": "multiplication", "d_pair": 16, "blocks": 2, "factor": 2},
    "attention": {"triangles": "attention", "d_pair": 16, "blocks": 2, "heads": 2, "factor": 3},
    "both": {"triangles": "both", "d_pair": 16, "blocks": 1, "heads": 2, "factor": 4},
}
SEPARATION, BOUNDS, POINTS = "median by separation", "triangle bounds", "points in space"
ERROR, ERROR_OF_FEW, VIOLATIONS = "error", "error, few given", "violations"
Residues = Int[Tensor, "crops N"]
Distances = Float[Tensor, "crops N N"]
Hidden = Bool[Tensor, "crops N N"]
Predict = Callable[[Crops, Hidden], Distances]


@cache
def crops() -> tuple[Crops, Crops, Crops]:
    """To train on, for validation, for test."""
    train_part, valid, test = (proteins.crops(part, SIZE) for part in proteins.split())
    return train_part, valid, test


def masked(part: Crops, known: float = KNOWN) -> Hidden:
    """What is hidden in each crop of a part: the same for everybody who is measured."""
    return proteins.hidden(len(part), SIZE, known, torch.Generator().manual_seed(0))


def batches(seed: int, step: int) -> tuple[Residues, Distances, Hidden]:
    """Crops drawn at random, each with its own share of known distances."""
    part = crops()[0]
    generator = torch.Generator().manual_seed(step_seed(seed, step))
    rows = torch.randint(len(part), (BATCH,), generator=generator)
    low, high = TRAINED
    known = low + (high - low) * torch.rand(BATCH, generator=generator)
    return part.residues[rows], part.distances[rows], proteins.hidden(BATCH, SIZE, known, generator)


def loss(model: nn.Module, batch: tuple[Residues, Distances, Hidden]) -> tuple[Tensor, int]:
    residues, distances, hidden = batch
    count = int(hidden.sum())
    return hidden_error(model(residues, distances, hidden), distances, hidden) * count, count


def fit(variant: str, seed: int) -> tuple[DistanceNet, History]:
    """The trained network and how its training went."""
    seed_everything(seed)
    model = DistanceNet(**SIZES[variant])
    rate = plateau(PEAK, STEPS)
    history = train(model, partial(batches, seed), loss, steps=STEPS, learning_rate=rate, seed=seed, progress=False)
    return model, history


def run(variant: str, seed: int) -> Outcome:
    if variant in SIZES:
        model, history = fit(variant, seed)
        predict, facts = partial(completed, model), facts_of(model, history)
    else:
        predict, facts = BASELINES[variant], {"parameters": 0, "steps": 0, "losses": []}
    valid, test = (scores(predict, part) for part in crops()[1:])
    return Outcome(valid, test, facts)


@torch.no_grad()
def completed(model: nn.Module, part: Crops, hidden: Hidden) -> Distances:
    """The known distances as they are, the hidden ones as the network has them, on whatever device it is."""
    home = next(model.parameters()).device
    given = (part.residues, part.distances, hidden)
    found = [
        model(*(tensor[rows].to(home) for tensor in given)).to(hidden.device)
        for rows in torch.arange(len(part)).split(128)
    ]
    return torch.where(hidden, torch.cat(found), part.distances)


def scores(predict: Predict, part: Crops) -> Metrics:
    hidden, more_hidden = masked(part), masked(part, FEW)
    found, from_few = predict(part, hidden), predict(part, more_hidden)
    return {
        ERROR: hidden_error(found, part.distances, hidden).item(),
        ERROR_OF_FEW: hidden_error(from_few, part.distances, more_hidden).item(),
        VIOLATIONS: 100 * violations(found),
    }


def violations(found: Distances, slack: float = 1e-3) -> float:
    """The share of triangles in which one side is longer than both others together, by more than `slack` Å."""
    crops, N = found.shape[:2]
    detours = (found[:, :, k : k + 1] + found[:, k : k + 1, :] for k in range(N))  # from i to j by way of k
    longer = sum(int((found > detour + slack).sum()) for detour in detours) / 2  # each is found as (i, j) and (j, i)
    return longer / (crops * N * (N - 1) * (N - 2) / 6)


# --- baselines: nothing is learned but what is usual at a separation


@cache
def usual() -> Float[Tensor, "3 N N"]:
    """The least, the median and the largest distance between residues so far apart in the sequence, in training."""
    distances = crops()[0].distances
    place = torch.arange(SIZE)
    apart = (place[:, None] - place).abs()  # (N, N)
    found = [
        torch.stack([at.min(), at.median(), at.max()]) for at in (distances[:, apart == step] for step in range(SIZE))
    ]
    return torch.stack(found, dim=-1)[:, apart]  # (3, N, N)


def by_separation(part: Crops, hidden: Hidden) -> Distances:
    """What is usual at that separation."""
    return torch.where(hidden, usual()[1], part.distances)


def bounds(part: Crops, hidden: Hidden) -> tuple[Distances, Distances]:
    """Between which lengths each distance must lie: bound smoothing (Crippen and Havel 1988).

    No side of a triangle is longer than both others together, so the upper bounds are the shortest paths; none is
    shorter than their difference, which gives the lower ones. Both begin with what occurs in training.
    """
    least, _, most = usual()
    lower, upper = (torch.where(hidden, bound, part.distances) for bound in (least, most))
    for k in range(SIZE):
        upper = torch.minimum(upper, upper[:, :, k : k + 1] + upper[:, k : k + 1, :])
    for k in range(SIZE):
        lower = torch.maximum(lower, lower[:, :, k : k + 1] - upper[:, k : k + 1, :])
        lower = torch.maximum(lower, lower.mT)
    return lower, upper


def between_bounds(part: Crops, hidden: Hidden) -> Distances:
    """Half way between the bounds."""
    lower, upper = bounds(part, hidden)
    return (lower + upper) / 2


def points_in_space(part: Crops, hidden: Hidden, steps: int = 300) -> Distances:
    """Look for points in three dimensions that have the known distances; read off the others.

    They begin where classical scaling puts the map that is half way between the bounds, and move down the squared
    errors of the known distances. For the first half of the steps the guessed distances pull too, a little.
    """
    start = between_bounds(part, hidden)
    centre = torch.eye(SIZE) - 1 / SIZE
    values, vectors = torch.linalg.eigh(-0.5 * centre @ start.square() @ centre)
    places = (vectors[..., -3:] * values[..., None, -3:].clamp(min=0).sqrt()).requires_grad_()  # (crops, N, 3)
    optimizer = torch.optim.Adam([places], lr=0.3)
    for step in range(steps):
        squares = (places.unsqueeze(2) - places.unsqueeze(1)).square().sum(-1)  # (crops, N, N)
        errors = ((squares + 1e-6).sqrt() - start).square()
        pull = torch.where(hidden, 0.02 if step < steps // 2 else 0.0, 1.0)
        optimizer.zero_grad()
        (pull * errors).sum().backward()
        optimizer.step()
    return torch.where(hidden, proteins.distance_map(places.detach()), part.distances)


BASELINES = {SEPARATION: by_separation, BOUNDS: between_bounds, POINTS: points_in_space}


def about_triangles(outcomes: dict[str, list[Outcome]]) -> str:
    """What the table says, and what it does not."""

    def median(variant: str, metric: str = ERROR) -> float:
        return sorted(outcome.test[metric] for outcome in outcomes[variant])[len(outcomes[variant]) // 2]

    best = min(("multiplication", "attention", "both"), key=median)
    return f"""**Triangles carry the news.** Without them a hidden distance is told from its separation and its two
residues alone, and the network does no better than the usual distance at that separation ({median("none"):.2f} and
{median(SEPARATION):.2f} Å). With them ({best}: {median(best):.2f} Å) it beats what the triangle inequality by itself
leaves open ({median(BOUNDS):.2f} Å).

**Who is told more needs to know less.** A search for points knows that space has three dimensions, and with
{KNOWN:.0%} of the distances given it is better ({median(POINTS):.2f} Å). With {FEW:.0%} that no longer pins the points
down ({median(POINTS, ERROR_OF_FEW):.2f} Å), and the network, which has seen how chains run, wins
({median(best, ERROR_OF_FEW):.2f} Å). Distances within windows of {SIZE} residues are given in all this; no structure is
predicted from a sequence."""


EXPERIMENT = Experiment(
    name="distances",
    title="Hidden distances of unseen proteins: with and without triangles",
    setting=f"""Windows of {SIZE} residues from real proteins (`course.data.proteins`): 1,393 of seven chains to
train on, 322 of another for validation, 466 of ubiquitin and enolase for test. {KNOWN:.0%} of the distances between
Cα atoms are given (or {FEW:.0%}), at random, the others are to be told. Networks of about 10,000 parameters
(`course.models.distances`) of width 16: blocks of the Evoformer's pair track with four layers of triangle
multiplication, of triangle attention, two of each, or none and a wider transition. Adam, batches of {BATCH},
{STEPS:,} steps, {TRAINED[0]:.0%} to {TRAINED[1]:.0%} known while training. *Error*: mean |found - true| of the
hidden distances, in Å. *Violations*: triangles of the completed map with a side longer than both others together, in
%. Three rows learn nothing but which distances occur at a separation: their median; half way between the bounds that
the triangle inequality leaves; and points in space, fitted to the known distances.""",
    run=run,
    rows=rows_of((SEPARATION, "none", BOUNDS, "attention", "multiplication", "both", POINTS)),
    columns={f"error, Å, {KNOWN:.0%} given": ERROR, f"{FEW:.0%} given": ERROR_OF_FEW, "violations, %": VIOLATIONS},
    remarks=about_triangles,
    claims=(
        Claim(
            "Triangle multiplication tells distances that no pair knows alone",
            ("none", ERROR),
            ("multiplication", ERROR),
        ),
        Claim("… and so does triangle attention", ("none", ERROR), ("attention", ERROR)),
        Claim("Multiplication beats the bounds of the triangle inequality", (BOUNDS, ERROR), ("multiplication", ERROR)),
        Claim("A fit of points in three dimensions beats it", ("multiplication", ERROR), (POINTS, ERROR)),
        Claim("… but not where few are given", (POINTS, ERROR_OF_FEW), ("multiplication", ERROR_OF_FEW)),
        Claim("With triangles fewer triangles are impossible", ("none", VIOLATIONS), ("multiplication", VIOLATIONS)),
    ),
)
