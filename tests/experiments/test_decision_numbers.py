"""What the table of the Decision Transformer counts is counted right; no network is trained here."""

import pytest
import torch

from course.data import walks
from course.experiments import decision
from course.models.decision import Episode


@pytest.fixture(scope="module")
def world() -> tuple[walks.Graph, walks.Walks]:
    return decision.world(3)


def test_the_best_tenth_is_the_best_of_each_start(world):
    graph, data = world
    best = decision.best_from_each_start(data)
    returns, chosen = data.rewards.sum(1), best.rewards.sum(1)
    for start in graph.starts:
        of_start = returns[data.states[:, 0] == start].sort(descending=True).values
        kept = chosen[best.states[:, 0] == start].sort(descending=True).values
        assert len(kept) == round(0.1 * len(of_start))
        assert torch.equal(kept, of_start[: len(kept)])


def test_chance_is_what_many_random_walks_take(world):
    graph, _ = world
    data = walks.walks(graph, n=8000, seed=99)
    expected = decision.expected_steps(graph)
    taken = data.mask.sum(1).double()
    for row, start in enumerate(graph.starts):
        of_start = taken[data.states[:, 0] == start]
        assert abs(of_start.mean() - expected[row]) < 4 * of_start.std() / len(of_start) ** 0.5 + 1e-9


def test_episodes_become_paths_and_steps():
    goal = 2
    states, end = torch.tensor([[0, 1, goal, goal], [0, 0, 1, 0]]), torch.tensor([goal, 1])
    rewards = torch.tensor([[-1.0, -1, 0, 0], [-1, -1, -1, -1]])
    episode = Episode(torch.zeros(2, 4), states, states, rewards, end)
    assert decision.paths_of(episode) == [[0, 1, goal], [0, 0, 1, 0, 1]]
    assert decision.steps_taken(episode).tolist() == [2, 4]


def test_a_perfect_walker_has_perfect_scores_and_the_wish_is_what_was_seen(world, monkeypatch):
    graph, data = world
    asked_for = []

    def act(model, environment, state, wished, *, steps):
        asked_for.append(wished)
        path, rewards = [state], []
        for _ in range(steps):
            closer = [min(graph.neighbours[n], key=graph.distances.__getitem__) for n in path[-1].tolist()]
            after, reward = environment(path[-1], torch.tensor(closer))
            path.append(after)
            rewards.append(reward)
        return Episode(wished, torch.stack(path[:-1], 1), torch.stack(path[1:], 1), torch.stack(rewards, 1), path[-1])

    monkeypatch.setattr(decision, "act", act)
    found = decision.scores(decision.DecisionTransformer(**decision.SIZES, conditioned=False), 3)
    assert found[decision.MORE] == 0 and found[decision.SOLVED] == 1
    assert found[decision.TAKEN] == pytest.approx(sum(graph.distances) / 19)
    assert 0 <= found[decision.NEW] <= 1
    (wished,) = asked_for
    assert wished.tolist() == [max(-12, r) for r in walks.best_returns(data)[graph.starts].tolist()]


def test_without_the_bill_the_walks_are_the_same():
    paid, unpaid = decision.world(3)[1], decision.world(3, 0.0)[1]
    assert torch.equal(paid.states, unpaid.states) and not torch.equal(paid.rewards, unpaid.rewards)
