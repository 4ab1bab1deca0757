"""Shortest paths from random walks: the Decision Transformer's own toy, on a map that can be drawn.

Twenty places, roads between them, one place is the goal. A step costs 1, so the best return from a place is minus its
distance to the goal. All that a learner sees is people who walk about at random.

Datasheet
    What: a connected graph of 20 nodes with a goal, and 2,000 random walks on it: states, actions, rewards. A state is
        the number of a node; an action is the number of the node to go to.
    From: the idea is that of Chen et al. 2021 (arXiv:2106.01345), Figure 2 and the appendix on it (20 nodes, 1,000
        walks of 10 steps, edges drawn at random). The code is the course's own.
    Licence: the course's, MIT.
    Size: as many graphs as seeds; 20 to 30 roads; of the walks a fifth to a quarter reach the goal.
    Made: nodes lie scattered in a square. Roads are the shortest tree that joins all, and those to the two nearest
        nodes; they lead both ways. The goal is drawn from the nodes whose furthest node is 7 steps away, so that all
        graphs are about equally hard. A walk starts at any other node, each as likely, takes any road from where it
        is, each as likely, and ends at the goal or after 12 steps.
    Rewards: -1 a step. Who has not arrived after 12 steps pays another 12. In the paper's own terms (-1 off the goal,
        0 on it) a walk that was cut off has at each step the return of one that arrives at step 12; with the bill
        every return of -12 or more means an arrival. `course.experiments.decision` measures what that is worth.
    Good for: acting better than anybody one has watched; what asking for a return does.
    Flaws: deterministic, so that a good return is never luck (what goes wrong where it is: Paster et al. 2022,
        arXiv:2205.15967). Small, and fully watched: every road is walked hundreds of times.
    Splits: another seed is another graph with walks of its own. Within a graph no start is held out; what the walks
        lack are some shortest *paths* from far away (seed 0: all of those from three nodes); `holds` says which.
"""

import math
import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

NODES, FARTHEST, HORIZON = 20, 7, 12
BILL = 12.0  # of a walk that never arrives
Place = tuple[float, float]
Numbers = Int[Tensor, "walks steps"]


@dataclass(frozen=True)
class Graph:
    """Places, roads that lead both ways, and a goal.

    Attributes:
        places: where each node lies in the unit square; only a drawing needs to know.
        neighbours: of each node, in ascending order.
        goal: a node.
    """

    places: tuple[Place, ...]
    neighbours: tuple[tuple[int, ...], ...]
    goal: int

    @property
    def starts(self) -> list[int]:
        """All nodes but the goal."""
        return [node for node in range(len(self.places)) if node != self.goal]

    @property
    def roads(self) -> list[tuple[int, int]]:
        """Each road once, from the smaller number to the larger one."""
        return [(a, b) for a, others in enumerate(self.neighbours) for b in others if a < b]

    @cached_property
    def distances(self) -> list[int]:
        """Steps from each node to the goal on a shortest path."""
        return steps_from(self.neighbours, self.goal)

    def step(
        self, nodes: Int[Tensor, " batch"], actions: Int[Tensor, " batch"]
    ) -> tuple[Int[Tensor, " batch"], Float[Tensor, " batch"]]:
        """Go from each node to the neighbour that an action names: where one is then, and the reward of the step.

        Where there is no such road one stays, and the step costs 1 all the same. At the goal one stays for nothing.
        """
        may = self.adjacency.to(nodes.device)[nodes, actions] & (nodes != self.goal)  # (batch)
        return torch.where(may, actions, nodes), -(nodes != self.goal).float()

    @cached_property
    def adjacency(self) -> Bool[Tensor, "nodes nodes"]:
        """True where a road leads."""
        roads = torch.zeros(len(self.places), len(self.places), dtype=torch.bool)
        for node, others in enumerate(self.neighbours):
            roads[node, list(others)] = True
        return roads


def graph(seed: int, nodes: int = NODES, farthest: int = FARTHEST) -> Graph:
    """A graph that is connected, drawn as the datasheet says.

    Args:
        farthest: distance of the node that is furthest from the goal.

    Raises:
        ValueError: no such graph was found in a thousand tries; `farthest` is too large or too small for it.
    """
    draw = random.Random(seed)
    for _ in range(1000):
        places = scattered(draw, nodes)
        neighbours = joined(places)
        fit = [node for node in range(nodes) if max(steps_from(neighbours, node)) == farthest]
        if fit:
            return Graph(tuple(places), neighbours, draw.choice(fit))
    raise ValueError(f"no graph of {nodes} nodes was found whose farthest node is {farthest} steps from a goal")


def joined(places: Sequence[Place]) -> tuple[tuple[int, ...], ...]:
    """The neighbours of each place: along the shortest tree that joins all, and its two nearest."""
    every = range(len(places))
    near = [sorted(every, key=lambda b, a=a: math.dist(places[a], places[b]))[1:3] for a in every]
    roads = shortest_tree(places) | {frozenset((a, b)) for a in every for b in near[a]}
    return tuple(tuple(b for b in every if b != a and frozenset((a, b)) in roads) for a in every)


def scattered(draw: random.Random, n: int) -> list[Place]:
    """Points of the unit square that keep away from each other: of twelve drawn, the one that is loneliest."""
    points: list[Place] = []
    while len(points) < n:
        drawn = [(draw.random(), draw.random()) for _ in range(12)]
        points.append(max(drawn, key=lambda p: min((math.dist(p, q) for q in points), default=0.0)))
    return points


def shortest_tree(places: Sequence[Place]) -> set[frozenset[int]]:
    """The tree of least length that joins all places (Prim's algorithm)."""
    tree, reached, waiting = set(), {0}, set(range(1, len(places)))
    while waiting:
        a, b = min(
            ((a, b) for a in sorted(reached) for b in sorted(waiting)),
            key=lambda road: math.dist(places[road[0]], places[road[1]]),
        )
        tree.add(frozenset((a, b)))
        reached.add(b)
        waiting.remove(b)
    return tree


def steps_from(neighbours: Sequence[Sequence[int]], origin: int) -> list[int]:
    """Steps from `origin` to each node, by breadth-first search."""
    steps, queue = {origin: 0}, deque([origin])
    while queue:
        node = queue.popleft()
        for other in neighbours[node]:
            if other not in steps:
                steps[other] = steps[node] + 1
                queue.append(other)
    return [steps[node] for node in range(len(neighbours))]


# --- walks


class Walks(NamedTuple):
    """Episodes of one length; the goal fills up those that ended there, with reward 0."""

    states: Numbers
    actions: Numbers
    rewards: Float[Tensor, "walks steps"]
    mask: Bool[Tensor, "walks steps"]  # True for steps that were taken

    def select(self, rows: Tensor) -> "Walks":
        """These walks, in this order."""
        return Walks(*(x[rows] for x in self))


def walks(graph: Graph, n: int = 2000, horizon: int = HORIZON, seed: int = 0, bill: float = BILL) -> Walks:
    """Random walks to the goal, of at most `horizon` steps."""
    draw = random.Random(seed)
    paths = [random_path(graph, horizon, draw) for _ in range(n)]
    full = torch.tensor([path + [graph.goal] * (horizon + 1 - len(path)) for path in paths])  # (n, horizon + 1)
    mask = full[:, :-1] != graph.goal
    rewards = -mask.float()
    rewards[full[:, -1] != graph.goal, -1] -= bill
    return Walks(full[:, :-1], full[:, 1:], rewards, mask)


def random_path(graph: Graph, horizon: int, draw: random.Random) -> list[int]:
    """The nodes of one random walk, its start and its end included."""
    path = [draw.choice(graph.starts)]
    while path[-1] != graph.goal and len(path) <= horizon:
        path.append(draw.choice(graph.neighbours[path[-1]]))
    return path


def paths(walked: Walks) -> list[list[int]]:
    """The nodes of each walk, its start and its end included."""
    lengths = walked.mask.sum(dim=1).tolist()
    rows = zip(walked.states.tolist(), walked.actions.tolist(), lengths, strict=True)
    return [[*states[:length], actions[length - 1]] for states, actions, length in rows]


# --- what there is to be seen in them


def best_returns(walked: Walks, *, whole: bool = False, nodes: int = NODES) -> Float[Tensor, " nodes"]:
    """The best return that any walk got from each node on; -inf where none came by.

    Args:
        whole: count walks from their beginnings only.
    """
    to_go = walked.rewards.flip(1).cumsum(dim=1).flip(1)  # (n, horizon)
    counted = walked.mask.clone()
    counted[:, 1:] &= not whole
    best = to_go.new_full((nodes,), -math.inf)
    return best.scatter_reduce(0, walked.states[counted], to_go[counted], "amax")


def holds(paths: Iterable[Sequence[int]], piece: Sequence[int]) -> bool:
    """Does any of these paths go along `piece`, node by node?"""
    n = len(piece)
    return any(list(path[i : i + n]) == list(piece) for path in paths for i in range(len(path) - n + 1))
