"""Graphs that are connected and equally hard, and walks that follow their roads and know nothing."""

import math
from collections import Counter
from itertools import pairwise

import pytest
import torch

from course.data import walks

SEEDS = range(4)


@pytest.fixture(params=SEEDS)
def graph(request) -> walks.Graph:
    return walks.graph(request.param)


@pytest.fixture(scope="module")
def walked() -> tuple[walks.Graph, walks.Walks]:
    graph = walks.graph(1)
    return graph, walks.walks(graph, seed=1)


def shortest(graph: walks.Graph) -> list[float]:
    """Distances to the goal, by going over all roads until nothing gets shorter."""
    steps = [0.0 if node == graph.goal else math.inf for node in range(len(graph.places))]
    for _ in steps:
        for a, b in graph.roads:
            steps[a], steps[b] = min(steps[a], steps[b] + 1), min(steps[b], steps[a] + 1)
    return steps


def test_a_graph_is_connected_and_its_furthest_node_is_where_it_was_ordered(graph):
    assert graph.distances == shortest(graph)
    assert max(graph.distances) == walks.FARTHEST
    assert len(graph.places) == walks.NODES and sorted([*graph.starts, graph.goal]) == list(range(walks.NODES))


def test_roads_lead_both_ways_and_to_the_two_nearest(graph):
    for a, others in enumerate(graph.neighbours):
        assert list(others) == sorted(set(others)) and a not in others
        assert all(a in graph.neighbours[b] for b in others)
        near = sorted(range(walks.NODES), key=lambda b, a=a: math.dist(graph.places[a], graph.places[b]))
        assert set(near[1:3]) <= set(others)
    assert graph.roads == sorted((a, b) for a, others in enumerate(graph.neighbours) for b in others if a < b)
    assert graph.adjacency.nonzero().tolist() == sorted(
        [[a, b] for a, b in graph.roads] + [[b, a] for a, b in graph.roads]
    )


def test_the_tree_is_the_shortest():
    places = walks.graph(3).places[:6]
    every = [frozenset((a, b)) for a in range(6) for b in range(a)]

    def length(roads) -> float:
        return sum(math.dist(*(places[node] for node in road)) for road in roads)

    joined = set()  # Kruskal's way: the shortest road that joins two parts
    parts = {node: {node} for node in range(6)}
    for road in sorted(every, key=lambda road: length([road])):
        a, b = road
        if parts[a] is not parts[b]:
            joined.add(road)
            parts[a] |= parts[b]
            for node in parts[b]:
                parts[node] = parts[a]
    assert walks.shortest_tree(places) == joined


def test_a_seed_is_a_graph_and_an_impossible_order_is_refused():
    assert walks.graph(5) == walks.graph(5) != walks.graph(6)
    with pytest.raises(ValueError, match="no graph of 6 nodes"):
        walks.graph(0, nodes=6, farthest=6)


def test_a_step_follows_a_road_or_stays_and_the_goal_is_free(graph):
    start, goal = graph.starts[0], graph.goal
    road, none = graph.neighbours[start][0], next(n for n in graph.starts[1:] if n not in graph.neighbours[start])
    nodes, rewards = graph.step(
        torch.tensor([start, start, goal]), torch.tensor([road, none, graph.neighbours[goal][0]])
    )
    assert nodes.tolist() == [road, start, goal]
    assert rewards.tolist() == [-1, -1, 0]


def test_walks_follow_roads_to_the_goal_and_no_further(walked):
    graph, data = walked
    assert data.states.shape == (2000, walks.HORIZON)
    for path, reward in zip(walks.paths(data), data.rewards.sum(1).tolist(), strict=True):
        assert all(b in graph.neighbours[a] for a, b in pairwise(path))
        assert graph.goal not in path[:-1]
        arrived = path[-1] == graph.goal
        assert arrived or len(path) == walks.HORIZON + 1
        assert reward == -(len(path) - 1) - (0 if arrived else walks.BILL)
    padding = ~data.mask
    assert (data.states[padding] == graph.goal).all() and (data.rewards[padding] == 0).all()
    assert torch.equal(data.actions[:, :-1], data.states[:, 1:])


def test_walks_are_what_the_environment_makes_of_their_actions(walked):
    graph, data = walked
    state = data.states[:, 0]
    for t in range(walks.HORIZON):
        assert torch.equal(state, data.states[:, t])
        state, reward = graph.step(state, data.actions[:, t])
        expected = data.rewards[:, t] if t < walks.HORIZON - 1 else data.rewards[:, t].clamp(min=-1)  # without the bill
        assert torch.equal(reward, expected)


def test_nobody_knows_the_way(walked):
    graph, data = walked
    starts = Counter(data.states[:, 0].tolist())
    assert set(starts) == set(graph.starts) and max(starts.values()) < 2 * min(starts.values())
    taken = Counter(zip(data.states[data.mask].tolist(), data.actions[data.mask].tolist(), strict=True))
    for node in graph.starts:
        times = [taken[node, other] for other in graph.neighbours[node]]
        mean = sum(times) / len(times)
        assert all(abs(count - mean) < 5 * mean**0.5 for count in times)


def test_a_seed_is_a_set_of_walks_and_the_bill_is_optional(walked):
    graph, data = walked
    again = walks.walks(graph, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(again, data, strict=True))
    assert not torch.equal(walks.walks(graph, seed=2).states, data.states)
    unpaid = walks.walks(graph, seed=1, bill=0.0)
    assert torch.equal(unpaid.states, data.states) and torch.equal(unpaid.rewards, -data.mask.float())


def test_the_best_returns_are_those_of_the_best_walks(walked):
    graph, data = walked
    everything, whole = [-math.inf] * walks.NODES, [-math.inf] * walks.NODES
    for path in walks.paths(data):
        bill = 0 if path[-1] == graph.goal else walks.BILL
        for t, node in enumerate(path[:-1]):
            everything[node] = max(everything[node], t - len(path) + 1 - bill)
        whole[path[0]] = max(whole[path[0]], 1 - len(path) - bill)
    assert walks.best_returns(data).tolist() == everything
    assert walks.best_returns(data, whole=True).tolist() == whole
    assert all(best <= -distance for best, distance in zip(everything, graph.distances, strict=True))
    assert everything != whole


def test_a_piece_is_held_where_it_is_walked_without_a_gap():
    paths = [[3, 1, 4, 1, 5], [9, 2, 6]]
    assert walks.holds(paths, [1, 4, 1]) and walks.holds(paths, [9, 2, 6])
    assert not walks.holds(paths, [3, 4]) and not walks.holds(paths, [1, 5, 9]) and not walks.holds(paths, [6, 2])


def test_selected_walks_are_these_walks(walked):
    _, data = walked
    chosen = data.select(torch.tensor([5, 3]))
    assert walks.paths(chosen) == [walks.paths(data)[5], walks.paths(data)[3]]
