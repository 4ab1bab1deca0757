"""Decision Transformer: shortest paths from random walks, by the return that is asked for."""

from functools import lru_cache, partial
from typing import NamedTuple

import torch
from torch import Tensor

from course.data import walks
from course.data.walks import BILL, HORIZON, NODES
from course.device import seed_everything
from course.experiments.common import Claim, Experiment, Metrics, Outcome, Row, decay, extremes, facts_of, step_seed
from course.models.decision import DecisionTransformer, Episode, act, action_loss, returns_to_go
from course.training import History, train

BATCH, STEPS, PEAK, BEST = 64, 800, 3e-3, 0.1
VALID_GRAPHS = 100  # the graph of seed s is for the table, that of seed 100 + s for choices
SIZES = {"states": NODES, "actions": NODES, "discrete": True, "timesteps": HORIZON, "scale": float(HORIZON)}
SIZES |= {"d_model": 32, "heads": 2, "layers": 2, "dropout": 0.0, "activation": "gelu_tanh"}

RETURNS, UNPAID = "asked for a return", "…, who never arrives pays nothing"
CLONING, BEST_CLONING = "cloning all walks", f"cloning the best {BEST:.0%} from each start"
CHANCE, SHORTEST, BEST_WALK = "walking at random", "shortest path (breadth-first search)", "best walk from each start"
TRAINED, REFERENCES = (RETURNS, UNPAID, CLONING, BEST_CLONING), (CHANCE, BEST_WALK, SHORTEST)

TAKEN, MORE, SOLVED = "steps to the goal", "more than the shortest path", "shortest path found"
GREEDY_ASK, CORRELATION, NEW = "steps when asked for -1", "asked and got, correlation", "of these in no walk"


class Batch(NamedTuple):
    returns: Tensor
    states: Tensor
    actions: Tensor
    mask: Tensor


@lru_cache(maxsize=4)
def world(seed: int, bill: float = BILL) -> tuple[walks.Graph, walks.Walks]:
    """A graph, and the walks on it that are all one gets to see."""
    graph = walks.graph(seed)
    return graph, walks.walks(graph, seed=seed, bill=bill)


def best_from_each_start(walked: walks.Walks, share: float = BEST) -> walks.Walks:
    """The walks with the highest returns among those with the same start; at least one of each.

    Of all walks together they would be those that happened to start near the goal.
    """
    order = walked.rewards.sum(dim=1).argsort(descending=True, stable=True)  # (n)
    starts = walked.states[order, 0]
    groups = [order[starts == start] for start in starts.unique()]
    return walked.select(torch.cat([group[: max(1, round(share * len(group)))] for group in groups]))


def batch(walked: walks.Walks, to_go: Tensor, seed: int, step: int) -> Batch:
    generator = torch.Generator().manual_seed(step_seed(seed, step))
    rows = torch.randint(len(to_go), (BATCH,), generator=generator)
    return Batch(to_go[rows], walked.states[rows], walked.actions[rows], walked.mask[rows])


def next_action_loss(model: DecisionTransformer, batch: Batch) -> tuple[Tensor, Tensor]:
    """Every step of every walk is an example."""
    returns = batch.returns if model.conditioned else None
    return action_loss(model(returns, batch.states, batch.actions), batch.actions, batch.mask)


def sizes(variant: str) -> dict:
    """What builds the model of a variant."""
    return SIZES | {"conditioned": variant in (RETURNS, UNPAID)}


def fit(variant: str, seed: int) -> tuple[DecisionTransformer, History]:
    """The trained network, for the graph of this seed, and how its training went."""
    _, walked = world(seed, 0.0 if variant == UNPAID else BILL)
    if variant == BEST_CLONING:
        walked = best_from_each_start(walked)
    seed_everything(seed)
    model = DecisionTransformer(**sizes(variant))
    history = train(
        model,
        partial(batch, walked, returns_to_go(walked.rewards), seed),
        next_action_loss,
        steps=STEPS,
        learning_rate=decay(PEAK, STEPS),
        seed=seed,
        progress=False,
    )
    return model, history


# --- what it reaches


def steps_taken(episode: Episode) -> Tensor:
    """To the goal; one that is not reached counts as 12."""
    return -episode.rewards.sum(dim=-1)


def asked(model: DecisionTransformer, graph: walks.Graph) -> Tensor:
    """Steps taken from each start (rows) when asked for returns of -1 to -12 (columns)."""
    here = model.timesteps.weight.device
    starts = torch.tensor(graph.starts, device=here).repeat_interleave(HORIZON)  # (19 · 12)
    wished = -torch.arange(1.0, HORIZON + 1, device=here).repeat(len(graph.starts))  # (19 · 12)
    return steps_taken(act(model, graph.step, starts, wished, steps=HORIZON)).view(-1, HORIZON).cpu()


def best_seen(walked: walks.Walks, starts: list[int]) -> Tensor:
    """The best return that any walk got from each start on: what may be asked for without knowing the graph."""
    return walks.best_returns(walked)[starts].clamp(min=-HORIZON)


def scores(model: DecisionTransformer, seed: int) -> Metrics:
    graph, walked = world(seed)
    starts, shortest = torch.tensor(graph.starts), distances(graph)
    episode = act(model, graph.step, starts, best_seen(walked, graph.starts), steps=HORIZON)
    taken = steps_taken(episode)
    found = summary(taken, shortest)
    seen = walks.paths(walked)
    solved = [path for path, yes in zip(paths_of(episode), taken == shortest, strict=True) if yes]
    new = [not walks.holds(seen, path) for path in solved]
    found[NEW] = sum(new) / max(1, len(new))
    if model.conditioned:
        table = asked(model, graph)
        wished = torch.arange(1.0, HORIZON + 1).expand_as(table)
        possible = wished >= shortest.unsqueeze(1)
        pairs = torch.stack([wished[possible], table[possible]])
        found[CORRELATION] = torch.corrcoef(pairs)[0, 1].nan_to_num(0.0).item()  # 0: it takes as long whatever is asked
        found[GREEDY_ASK] = table[:, 0].mean().item()
    return found


def paths_of(episode: Episode) -> list[list[int]]:
    """The nodes of each episode, its start and its end included."""
    nodes = torch.cat([episode.states, episode.end.unsqueeze(1)], dim=1).tolist()  # rows of 13
    return [row[: int(steps) + 1] for row, steps in zip(nodes, steps_taken(episode).tolist(), strict=True)]


def distances(graph: walks.Graph) -> Tensor:
    return torch.tensor(graph.distances, dtype=torch.float)[graph.starts]


def summary(taken: Tensor, shortest: Tensor) -> Metrics:
    return {
        TAKEN: taken.mean().item(),
        MORE: (taken - shortest).mean().item(),
        SOLVED: (taken == shortest).float().mean().item(),
    }


def reference(variant: str, seed: int) -> Metrics:
    """What needs no training: chance, the best walk that began at each start, the shortest path."""
    graph, walked = world(seed)
    shortest = distances(graph)
    if variant == SHORTEST:
        return summary(shortest, shortest)
    if variant == BEST_WALK:
        return summary(-walks.best_returns(walked, whole=True)[graph.starts].clamp(min=-HORIZON), shortest)
    taken = expected_steps(graph)
    return {TAKEN: taken.mean().item(), MORE: (taken - shortest).mean().item()}


def expected_steps(graph: walks.Graph) -> Tensor:
    """Of a random walk from each start, cut off after 12: the chances of being still on the way, summed."""
    move = graph.adjacency.double()
    move = move / move.sum(dim=1, keepdim=True)
    on_the_way = move[graph.starts][:, graph.starts]  # without the goal: (19, 19)
    left = torch.ones(len(graph.starts), dtype=torch.double)
    total = torch.zeros_like(left)
    for _ in range(HORIZON):
        total, left = total + left, on_the_way @ left
    return total


def run(variant: str, seed: int) -> Outcome:
    if variant in REFERENCES:
        return Outcome(reference(variant, VALID_GRAPHS + seed), reference(variant, seed))
    valid = scores(fit(variant, VALID_GRAPHS + seed)[0], VALID_GRAPHS + seed)
    model, history = fit(variant, seed)
    return Outcome(valid, scores(model, seed), facts_of(model, history))


def about_asking(outcomes: dict[str, list[Outcome]]) -> str:
    """What asking does, beyond the one return of the table."""
    span = partial(extremes, outcomes)
    return f"""**One gets about what one asks for, as long as it can be had.** Over all starts, and all returns from -12
to the best possible one, steps asked and steps taken correlate with {span(RETURNS, CORRELATION)}. Asked for -1
everywhere, which only neighbours of the goal can do, the same network needs {span(RETURNS, GREEDY_ASK, ".1f")} steps: a
return that nobody got from there is a word that it never read. Of the shortest paths that it finds,
{span(RETURNS, NEW, ".0%")} are a piece of no walk that it has seen: it put them together."""


EXPERIMENT = Experiment(
    name="decision",
    title="Decision Transformer: shortest paths from random walks",
    setting=f"""Twenty places, a goal, and 2,000 random walks of at most {HORIZON} steps (`course.data.walks`); another
graph and other walks for each seed. `course.models.decision`, 2 layers of width {SIZES["d_model"]}, {STEPS} steps of
Adam with batches of {BATCH} walks. It acts from each of the 19 starts, asked for the best return that any walk got from
there on; not to arrive counts as {HORIZON} steps. *Cloning* is the same network without returns, trained on all walks,
or on the tenth of the walks from each start that ended best. All choose the likeliest action. *Asked and got*:
correlation of the steps that are asked for with those that are taken, over all starts and all possible returns.""",
    run=run,
    rows=tuple(Row(variant, variant) for variant in (*TRAINED, *REFERENCES)),
    columns={name: name for name in (TAKEN, MORE, SOLVED, CORRELATION, GREEDY_ASK)},
    remarks=about_asking,
    claims=(
        Claim("Asking for a return beats cloning all walks", (CLONING, MORE), (RETURNS, MORE)),
        Claim("Asking for a return beats cloning the best tenth", (BEST_CLONING, MORE), (RETURNS, MORE)),
        Claim("Choosing what to clone helps cloning", (CLONING, MORE), (BEST_CLONING, MORE)),
        Claim("Asking for more than there is costs steps", (RETURNS, GREEDY_ASK), (RETURNS, TAKEN)),
    ),
)
